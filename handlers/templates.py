"""The templates that we want of platforms where free text may not always go (content/whatsapp_templates.yml): read, and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handlers import links
from handlers.catalogue import Catalogue, placeholders

FILE = "whatsapp_templates"
SHORTENING = 24  # letters that a value may well have; for judging the length of a filled text
_NAME, _LANGUAGE = re.compile(r"[a-z0-9_]{1,64}"), re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
_VARIABLE = re.compile(r"\{(\w+)\}")
BODY, _LIFE_HOURS = 1_024, 12  # templates/components, templates/time-to-live (platform-rules 2.3, 2.5)
_WORDS_A_VARIABLE = 3  # ours: Meta refuses "too many variables for the length" (2388293) without naming a ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One template as we want it."""

    name: str
    language: str
    category: str
    body: str  # variables as {name}
    samples: Mapping[str, str]
    life_hours: int = 0  # unread after that, the platform drops it; 0: its own limit

    @property
    def variables(self) -> tuple[str, ...]:
        """Names in the order in which they stand in the body."""
        return tuple(_VARIABLE.findall(self.body))

    @property
    def numbered(self) -> str:
        """The body as the platform wants it: {{1}}, {{2}} …"""
        places = {name: place for place, name in enumerate(self.variables, 1)}
        return _VARIABLE.sub(lambda match: f"{{{{{places[match[1]]}}}}}", self.body)

    def filled(self, values: Mapping[str, str]) -> str:
        """The body with these values; one that is not given stands as its sample."""
        return _VARIABLE.sub(lambda match: values.get(match[1]) or str(self.samples.get(match[1], "")), self.body)


def wanted(catalogue: Catalogue) -> dict[str, Wanted]:
    """All of them, by name."""
    return {name: _read(name, row) for name, row in catalogue.files[FILE].items()}


def _read(name: str, row: Mapping[str, Any]) -> Wanted:
    return Wanted(
        name=name,
        language=row["language"],
        category=row["category"],
        body=row["body"].strip(),
        samples=row.get("samples") or {},
        life_hours=row.get("life_hours", 0),
    )


def problems(name: str, row: Any, hosts: tuple[str, ...] = ()) -> Iterator[str]:
    """What a platform would refuse about one entry of the file, each with how it should be."""
    if not isinstance(row, Mapping) or not all(
        isinstance(row.get(key), str) for key in ("language", "category", "body")
    ):
        yield "needs language, category and body"
        return
    if not _NAME.fullmatch(name):
        yield "a name has small letters, digits and _, at most 64"
    if not _LANGUAGE.fullmatch(row["language"]):
        yield f"language {row['language']!r} is no code, as in id or en_US"
    if row["category"] != "utility":
        yield "category: utility alone; persuasion is not sent"
    if not 0 <= row.get("life_hours", 0) <= _LIFE_HOURS:
        yield f"life_hours: 1 to {_LIFE_HOURS}"
    yield from _of_body(row["body"].strip(), row.get("samples") or {}, hosts)


def _of_body(body: str, samples: Mapping[str, Any], hosts: tuple[str, ...]) -> Iterator[str]:
    try:
        placeholders(body)
    except ValueError as error:
        yield f"broken placeholder: {error}"
        return
    names = _VARIABLE.findall(body)
    if len(body) + len(names) * SHORTENING > BODY:
        yield f"{len(body)} characters and {len(names)} variables, at most {BODY} when filled"
    if body.startswith("{") or body.endswith("}"):
        yield "no variable at the beginning or the end: put words before and after"
    if len(set(names)) < len(names):
        yield "a variable stands twice: give it a second name"
    if len(_VARIABLE.sub(" ", body).split()) < _WORDS_A_VARIABLE * len(names):
        yield f"{len(names)} variables are too many for so few words: write more around them"
    if missing := [key for key in names if not samples.get(key)]:
        yield f"samples: {missing[0]} is missing; the reviewers see what stands there"
    if extra := [key for key in samples if key not in names]:
        yield f"samples: {extra[0]} is no variable of the body"
    yield from (f"link to {host} is not allowed" for host in links.forbidden(body, hosts))


def path(folder: Path) -> Path:
    """Where the file is below a content folder."""
    return folder / f"{FILE}.yml"
