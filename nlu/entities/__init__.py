"""Finds what a message names: waves, dates, money, phones, identity numbers, links, platforms, wallets, topics, regions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from nlu.entities.dates import find_dates
from nlu.entities.names import find_names
from nlu.entities.numbers import find_emails, find_identities, find_money, find_phones, find_waves, find_years
from nlu.entities.regions import find_regions
from nlu.entities.urls import find_urls
from nlu.understanding import Entity

LONGEST = 2000  # characters that are searched
_DIGIT = re.compile(r"\d")
_SOFT = frozenset(("topic", "platform", "wallet", "region"))  # may not lie inside a link or an address


def find_entities(text: str, today: date) -> tuple[Entity, ...]:
    """All entities of a text in its order. What lies inside another one that was found before it (a year inside a date) is left out."""
    text = text[:LONGEST]
    found: list[Entity] = []
    _keep(found, find_urls(text))
    _keep(found, find_emails(text))
    if _DIGIT.search(text):
        _keep(found, find_identities(text, today))
        _keep(found, find_phones(text))
        _keep(found, find_waves(text))
    _keep(found, _dates(text, today))
    if _DIGIT.search(text):
        _keep(found, find_years(text))
    else:
        _keep(found, find_waves(text))
    _keep(found, find_regions(text))
    _keep(found, find_money(text))
    _keep(found, find_names(text))
    return tuple(sorted(found, key=lambda entity: (entity.start, entity.end)))


def _keep(found: list[Entity], more: Iterable[Entity]) -> None:
    """Adds those that do not overlap what is there."""
    for entity in more:
        if not any(entity.start < other.end and entity.end > other.start for other in found):
            found.append(entity)


def _dates(text: str, today: date) -> Iterable[Entity]:
    for day, start, end, exact in find_dates(text, today):
        yield Entity(
            kind="date", value=day.isoformat(), text=text[start:end], start=start, end=end, detail={"exact": exact}
        )
