"""Rasa 3.6 beside the embedded engine: set up, trained on the same messages, asked over HTTP, compared."""
