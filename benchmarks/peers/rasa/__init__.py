"""Peer: a minimal assistant on Rasa 3.6 with its SQL tracker on SQLite and the REST channel."""
