"""What the data officer does: erase, export, account for it, and file erasures outside the database."""
