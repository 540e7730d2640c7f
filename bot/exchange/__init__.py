"""Data in and out: the operator's files into the database, and what was noted with Pandu out of it (docs/data.md)."""
