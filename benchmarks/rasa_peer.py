"""Peer: Rasa 3.6 with its SQL tracker, when its environment has been built (`pandu nlu rasa-setup`)."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.peers.rasa.serve import RasaPeer, start
from nlu.rasa.setup import SetupError


async def start_rasa() -> RasaPeer | None:
    """The server, its assistant trained if it must be; None, with the reason on standard error, where Rasa is not installed."""
    try:
        return await asyncio.to_thread(start, _say)
    except SetupError as error:
        _say(f"without Rasa: {error}")
        return None


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
