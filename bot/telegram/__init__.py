"""Telegram: `TelegramChannel` (send.py) is what the rest of the program uses."""
