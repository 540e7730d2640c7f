"""What `make check` looks at beside format, lint, types and import directions."""
