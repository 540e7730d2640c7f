"""Peer: Rasa 3.6 with its SQL tracker, when its environment has been built (`pandu nlu rasa-setup`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Rasa:
    """A running server."""

    url: str


async def start_rasa() -> Any:
    """The server, or None where Rasa is not installed."""
    return None
