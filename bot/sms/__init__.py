"""SMS: one HTTP gateway described by a file, or one Android telephone (docs/sms.md)."""
