"""What keeps an answer from being published: empty or over-long wordings, sources, unknown placeholders, links that are not allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from handlers import bubbles, links
from handlers.catalogue import Catalogue, placeholders, shown_date
from handlers.gsm7 import septets, substituted

TITLE, QUESTION, MORE, SMS = 20, 72, 1_000, 220
TEXT = bubbles.LONGEST

_ENGLISH = {
    "long": "has {size} characters, at most {most}",
    "long_with_source": "{size} characters with source and date, at most {most}",
    "empty": "is empty",
    "taken": "title {title!r} belongs to {other} already",
    "no_source": "at least one",
    "source_line": "{line!r} is no line of name | date | address",
    "source_name": "name {name!r} would read as a link",
    "source_address": "{url!r} is no address",
    "source_date": "date {date!r} is not ISO (2023, 2023-11 or 2023-11-29)",
    "date": "write it as 2026-11-24",
    "follow_up": "{name} is no intent",
    "two_wordings": "a procedure needs text: {{open, closed}}",
    "broken": "broken placeholder: {error}",
    "no_older": "program.yml has no older_scheme",
    "unknown": "unknown placeholder {{{name}}}; program.yml has {known}",
    "link": "link to {host} is not allowed (only .go.id and PANDU_LINK_HOSTS)",
    "letters": "has a letter outside the GSM-7 alphabet",
    "no_reason": "write the reason, at most {most} characters",
    "ends_before": "must be after the beginning and after now",
    "needs_end": "an end is needed",
    "fact_name": "a name has small letters, digits and underscores",
    "number": "must be a number",
    "host": "{host!r} is no host",
    "of_scheme": "{name} is a figure of a scheme of program.yml",
    "identity": "has digits like those of an identity or an account",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a field of an answer. `reason` is a key of `problems` in content/editing.yml, where editors' words for it are."""

    field: str  # "text.closed", "sources" …; "" for the whole
    reason: str
    values: Mapping[str, Any] = dataclass_field(default_factory=dict)

    def __str__(self) -> str:
        said = _ENGLISH[self.reason].format_map(self.values)
        return f"{self.field}: {said}" if self.field else said


def draft(
    intent: str, body: Mapping[str, Any], catalogue: Catalogue, *, link_hosts: tuple[str, ...] = ()
) -> list[Finding]:
    """All that keeps an answer from being published over the catalogue it would stand in; [] when nothing does."""
    found = [*_empty(body), *findings(body, catalogue, link_hosts)]
    other = next((entry.intent for entry in catalogue.answers.values() if entry.title == body["title"]), intent)
    if other != intent:
        found.append(Finding("title", "taken", {"title": body["title"], "other": other}))
    return found


def _empty(body: Mapping[str, Any]) -> Iterator[Finding]:
    for key in ("title", "question", "text", "sms", *(["text_2020_2022"] if body.get("text_2020_2022") else [])):
        value = body.get(key)
        wordings = value.values() if isinstance(value, Mapping) else [value]
        if not all(str(text or "").strip() for text in wordings):
            yield Finding(key, "empty")


def findings(body: Mapping[str, Any], catalogue: Catalogue, hosts: tuple[str, ...]) -> Iterator[Finding]:
    """What is wrong with an answer that has all its fields."""
    for key, most in (("title", TITLE), ("question", QUESTION)):
        if len(body[key]) > most:
            yield _long(key, len(body[key]), most)
        yield from _links(key, body[key], hosts)
    yield from _dates_and_sources(body, hosts)
    yield from (
        Finding("follow_ups", "follow_up", {"name": name})
        for name in body.get("follow_ups") or ()
        if not catalogue.knows(name)
    )
    if body.get("procedure") and not isinstance(body["text"], Mapping):
        yield Finding("text", "two_wordings")
    has_older = bool(body.get("text_2020_2022"))
    if has_older and not catalogue.older_scheme:
        yield Finding("text_2020_2022", "no_older")
    for key in ("text", "text_2020_2022", "sms", "more"):
        for label, text in _wordings(body.get(key)):
            said = (
                list(_text(text, key, label, scheme, body, catalogue, hosts))
                for scheme in catalogue.spoken_in(key, has_older=has_older)
            )
            yield from next(filter(None, said), [])


def _long(field: str, size: int, most: int, reason: str = "long") -> Finding:
    return Finding(field, reason, {"size": size, "most": most, "over": size - most})


def _links(field: str, text: str, hosts: tuple[str, ...]) -> Iterator[Finding]:
    return (Finding(field, "link", {"host": host}) for host in links.forbidden(text, hosts))


def _dates_and_sources(body: Mapping[str, Any], hosts: tuple[str, ...]) -> Iterator[Finding]:
    if not body["sources"]:
        yield Finding("sources", "no_source")
    for key in ("sources", "sources_2020_2022"):
        for source in body.get(key) or ():
            if links.forbidden(source["name"], hosts):  # it stands below the answer
                yield Finding(key, "source_name", {"name": source["name"]})
            if not _is_address(source["url"]):
                yield Finding(key, "source_address", {"url": source["url"]})
            if not _is_source_date(str(source["date"])):
                yield Finding(key, "source_date", {"date": source["date"]})
    for key in ("as_of", "review_by"):
        if not isinstance(body[key], date):
            yield Finding(key, "date")


def _is_address(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
    except ValueError:  # a lone "["
        return False


def _is_source_date(text: str) -> bool:
    """2023, 2023-11 or 2023-11-29, and such a day exists."""
    if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}){0,2}", text):
        return False
    try:
        date.fromisoformat(f"{text}-01-01"[:10])
    except ValueError:
        return False
    return True


def _wordings(value: object) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [(f".{key}", str(text)) for key, text in value.items()]
    return [("", str(value))] if value else []


def _text(
    text: str,
    key: str,
    label: str,
    scheme: str,
    body: Mapping[str, Any],
    catalogue: Catalogue,
    hosts: tuple[str, ...],
) -> Iterator[Finding]:
    field = f"{key}{label}"
    try:
        names = placeholders(text)
    except ValueError as error:
        yield Finding(field, "broken", {"error": error})
        return
    known = {*catalogue.common, *catalogue.schemes[scheme].values}
    if unknown := names - known:
        yield Finding(field, "unknown", {"name": sorted(unknown)[0], "known": ", ".join(sorted(known))})
        return
    filled = catalogue.fill(text, scheme)
    yield from _links(field, filled, hosts)
    if key == "sms":
        letters = septets(substituted(filled))
        if letters is None:
            yield Finding(field, "letters")
        elif letters > SMS:
            yield _long(field, letters, SMS)
        return
    limit = MORE if key == "more" else TEXT
    size = len(filled) + (_beside(body, catalogue, offers=key == "text") if key != "more" else 0)
    if size > limit:
        yield _long(field, size, limit, "long_with_source")


def _beside(body: Mapping[str, Any], catalogue: Catalogue, *, offers: bool) -> int:
    """How long is what stands below an answer: its source, and where it `offers` the older rules, that question."""
    first = body["sources"][0] if body["sources"] else {"name": "", "date": ""}
    day = str(first["date"]) if _is_source_date(str(first["date"])) else "2023"
    asked = len("\n" + catalogue.text("ask_scheme")) if offers and body.get("text_2020_2022") else 0
    return len(f"\n({first['name']}, {shown_date(day)})") + asked
