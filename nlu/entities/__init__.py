"""Finds what a message names: waves, dates, money, phones, identity numbers, links, platforms, wallets, topics, regions."""

from __future__ import annotations

from datetime import date

from nlu.understanding import Entity


def find_entities(text: str, today: date) -> tuple[Entity, ...]:
    """All entities of a text, in its order."""
    return ()
