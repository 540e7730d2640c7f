"""The content as it is now: the files, and over them the published answers and the dated rows of the database whose time it is."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from handlers.catalogue import Catalogue, Entry, entry_of, placeholders
from handlers.turn import ZONES, Policy
from storage.editing import holds

Row = Mapping[Any, Any]
STATES = ("open", "closed", "selection", "paused", "moved")
POLICY = ("operator", "helplines", "link_hosts")  # facts that are not words of texts but decisions of the operator
_DATES = ("as_of", "review_by")


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """What holds at a moment."""

    catalogue: Catalogue
    decisions: Mapping[str, str]  # of POLICY
    parts: Mapping[str, Any]  # what the catalogue's version stands for
    next_at: datetime | None  # when something begins or lapses
    broken: tuple[int, ...] = ()  # versions that cannot be said; what held before them is said


def compose(base: Catalogue, answers: Iterable[Row], program: Iterable[Row], now: datetime) -> Current:
    """Puts the rows (`editing.published`, `program.approved`) over the files' content."""
    answers, program = list(answers), list(program)
    held = _strongest(row for row in program if holds(row, now))
    facts = {row["key"]: row["value"] for row in held if row["kind"] == "fact"}
    made = replace(
        base,
        common={**base.common, **{key: value for key, value in facts.items() if key not in POLICY}},
        notices={row["key"]: row["value"] for row in held if row["kind"] == "notice"},
    )
    state = next((row for row in held if row["kind"] == "state"), None)
    if state is not None:
        made = replace(made, state=state["value"], state_as_of=_as_of(state))
    entries, versions, broken = _answers(made, answers, now)
    parts = {"files": base.version, "answers": versions, "program": sorted(row["id"] for row in held)}
    label = base.version
    if versions or held:
        label += "-" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:10]
    return Current(
        catalogue=replace(made, version=label, answers={**base.answers, **entries}, versions=versions),
        decisions={key: value for key, value in facts.items() if key in POLICY},
        parts=parts,
        next_at=_next(now, (*answers, *program)),
        broken=broken,
    )


def decided(policy: Policy, decisions: Mapping[str, str]) -> Policy:
    """The operator's policy with the dated decisions over it."""
    return replace(
        policy,
        operator=decisions.get("operator", policy.operator),
        helplines=decisions.get("helplines", policy.helplines),
        link_hosts=hosts(decisions["link_hosts"]) if "link_hosts" in decisions else policy.link_hosts,
    )


def hosts(text: str) -> tuple[str, ...]:
    """The hosts of a list, parted by blanks or commas."""
    return tuple(host.lower() for host in re.split(r"[\s,]+", text) if host)


def as_json(body: Mapping[str, Any]) -> dict[str, Any]:
    """An answer of a file as the database keeps it: dates as ISO text."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(body), default=str))
    return plain


def from_json(body: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `as_json`. Raises ValueError for a date that is none."""
    return {**body, **{key: date.fromisoformat(body[key]) for key in _DATES}}


def can_be_said(entry: Entry, content: Catalogue) -> bool:
    """Whether every placeholder of an answer has a value now (a fact may have lapsed since), and its sources their dates.

    Raises ValueError or IndexError where a text or a date cannot be read at all.
    """
    older = tuple(entry.text_2020_2022 or ())
    for source in (*entry.sources, *entry.sources_2020_2022):
        source.shown()
    texts: dict[str, Iterable[str]] = {
        "text": entry.text,
        "text_2020_2022": older,
        "sms": entry.sms,
        "more": (entry.more,),
    }
    return bool(entry.sources) and all(
        placeholders(text) <= {*content.common, *content.schemes[scheme].values}
        for field, wordings in texts.items()
        for scheme in content.spoken_in(field, has_older=bool(older))
        for text in wordings
    )


def _answers(
    content: Catalogue, rows: Iterable[Row], now: datetime
) -> tuple[dict[str, Entry], dict[str, int], tuple[int, ...]]:
    entries: dict[str, Entry] = {}
    versions: dict[str, int] = {}
    broken = []
    for row in rows:
        if row["intent"] in entries or row["intent"] not in content.answers or not holds(row, now):
            continue
        try:
            entry = entry_of(row["intent"], from_json(row["body"]))
            usable = can_be_said(entry, content)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            usable = False
        if usable:
            entries[row["intent"]], versions[row["intent"]] = entry, row["id"]
        else:
            broken.append(int(row["id"]))
    return entries, versions, tuple(broken)


def _strongest(rows: Iterable[Row]) -> list[Row]:
    found: dict[tuple[str, str], Row] = {}
    for row in rows:
        found.setdefault((row["kind"], row["key"]), row)
    return list(found.values())


def _as_of(row: Row) -> date:
    said = (row["source"] or {}).get("date", "")
    if re.fullmatch(r"\d{4}-\d\d-\d\d", said):
        return date.fromisoformat(said)
    moment: datetime = row["valid_from"]
    return moment.astimezone(ZONES["WIB"]).date()


def _next(now: datetime, rows: Iterable[Row]) -> datetime | None:
    moments = [row[name] for row in rows for name in ("valid_from", "valid_to")]
    return min((moment for moment in moments if moment is not None and moment > now), default=None)
