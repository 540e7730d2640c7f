"""What an editor must not publish: missing intents, wordings, sources, over-long texts, unknown placeholders, links that are not allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from handlers import bubbles, links, templates
from handlers.catalogue import CONTENT, Catalogue, files_of, load, placeholders, read_files, shown_date
from handlers.gsm7 import septets, substituted

TITLE, QUESTION, MORE, SMS = 20, 72, 1_000, 220
TEXT = bubbles.LONGEST
INTENTS = Path(__file__).parent.parent / "nlu" / "intents.yml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing to mend: where, what is wrong, how it should be."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


def check(folder: Path = CONTENT, *, link_hosts: tuple[str, ...] = ()) -> list[Problem]:
    """All problems of the content below `folder`; [] when it may be published."""
    try:
        read_files(folder)
        files = files_of(folder)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        return [
            Problem(
                file=str(mark.name) if mark else "?",
                line=mark.line + 1 if mark else 0,
                column=mark.column + 1 if mark else 0,
                message=f"no YAML: {error.problem}",
            )
        ]
    found: list[Problem] = []
    seen: dict[str, str] = {}
    try:
        catalogue = load.__wrapped__(folder)
    except (KeyError, TypeError, ValueError) as error:
        return [*_shape(folder, files), Problem(file="answers", line=0, column=0, message=f"not readable: {error!r}")]
    kinds = _kinds(folder, catalogue)
    for name in sorted(file for file in files if file.startswith("answers/")):
        lines = lines_of(folder / f"{name}.yml")
        for intent, body in files[name].items():
            line = lines.get(intent, 1)
            for message in _entry(intent, body, catalogue, kinds, link_hosts):
                found.append(Problem(file=f"{name}.yml", line=line, column=1, message=f"{intent}: {message}"))
            if (other := seen.setdefault(body["title"], intent)) != intent:
                found.append(
                    Problem(
                        file=f"{name}.yml",
                        line=line,
                        column=1,
                        message=f"{intent}: title {body['title']!r} belongs to {other} already",
                    )
                )
    found += [
        Problem(file="answers", line=0, column=0, message=f"no answer for {intent}")
        for intent in kinds["faq"]
        if intent not in catalogue.answers
    ]
    others = [*kinds["talk"], *kinds["journey"]]
    found += [
        Problem(file="topics.yml", line=0, column=0, message=f"no title for {intent}")
        for intent in others
        if intent not in catalogue.topics
    ]
    found += _texts(folder, files, link_hosts)
    lines = lines_of(templates.path(folder))
    found += [
        Problem(file=f"{templates.FILE}.yml", line=lines.get(name, 1), column=1, message=f"{name}: {message}")
        for name, row in files[templates.FILE].items()
        for message in templates.problems(name, row, link_hosts)
    ]
    return found


def _kinds(folder: Path, catalogue: Catalogue) -> dict[str, Any]:
    """The intents by kind: of the catalogue of intents, or of a content pack those that it names itself."""
    if (folder / "pack.yml").exists():
        return {"faq": [*catalogue.answers], "journey": [], "talk": [*catalogue.topics]}
    found: dict[str, Any] = yaml.safe_load(INTENTS.read_text(encoding="utf-8"))
    return found


def _shape(folder: Path, files: Mapping[str, Any]) -> list[Problem]:
    needed = ("title", "question", "text", "sms", "sources", "as_of", "review_by")
    return [
        Problem(
            file=f"{name}.yml",
            line=lines_of(folder / f"{name}.yml").get(intent, 1),
            column=1,
            message=f"{intent}: {key} is missing",
        )
        for name, file in files.items()
        if name.startswith("answers/")
        for intent, body in file.items()
        for key in needed
        if key not in body
    ]


def lines_of(path: Path) -> dict[str, int]:
    if not path.exists():  # taken over by a content pack
        return {}
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    return {key.value: key.start_mark.line + 1 for key, _ in node.value} if isinstance(node, yaml.MappingNode) else {}


def _entry(
    intent: str, body: Mapping[str, Any], catalogue: Catalogue, kinds: Mapping[str, Any], hosts: tuple[str, ...]
) -> Iterator[str]:
    if intent not in kinds["faq"]:
        yield "is no faq intent of nlu/intents.yml"
    if len(body["title"]) > TITLE:
        yield f"title has {len(body['title'])} characters, at most {TITLE}"
    if len(body["question"]) > QUESTION:
        yield f"question has {len(body['question'])} characters, at most {QUESTION}"
    yield from _dates_and_sources(body)
    known = {*kinds["talk"], *kinds["journey"], *kinds["faq"]}
    yield from (f"follow_ups: {name} is no intent" for name in body.get("follow_ups", ()) if name not in known)
    if body.get("procedure") and not isinstance(body["text"], Mapping):
        yield "a procedure needs text: {open, closed}"
    schemes = {
        "text": catalogue.default_scheme,
        "text_2020_2022": catalogue.older_scheme or catalogue.default_scheme,
        "sms": catalogue.default_scheme,
        "more": catalogue.default_scheme,
    }
    for key, scheme in schemes.items():
        for label, text in _wordings(body.get(key)):
            yield from (f"{key}{label}: {message}" for message in _text(text, key, scheme, body, catalogue, hosts))


def _dates_and_sources(body: Mapping[str, Any]) -> Iterator[str]:
    if not body["sources"]:
        yield "sources: at least one"
    for source in body["sources"]:
        if urlsplit(source["url"]).scheme not in ("http", "https"):
            yield f"sources: {source['url']!r} is no address"
        if not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", str(source["date"])):
            yield f"sources: date {source['date']!r} is not ISO (2023, 2023-11 or 2023-11-29)"
    for key in ("as_of", "review_by"):
        if not isinstance(body[key], date):
            yield f"{key}: write it as 2026-11-24"


def _wordings(value: object) -> list[tuple[str, str]]:
    if isinstance(value, Mapping):
        return [(f".{key}", str(text)) for key, text in value.items()]
    return [("", str(value))] if value else []


def _text(
    text: str, key: str, scheme: str, body: Mapping[str, Any], catalogue: Catalogue, hosts: tuple[str, ...]
) -> Iterator[str]:
    try:
        names = placeholders(text)
    except ValueError as error:
        yield f"broken placeholder: {error}"
        return
    unknown = names - {*catalogue.common, *catalogue.schemes[scheme].values}
    if unknown:
        yield f"unknown placeholder {{{sorted(unknown)[0]}}}; program.yml has {', '.join(sorted({*catalogue.common, *catalogue.schemes[scheme].values}))}"
        return
    filled = catalogue.fill(text, scheme)
    yield from _links(filled, hosts)
    if key == "sms":
        size = septets(substituted(filled))
        if size is None:
            yield "has a letter outside the GSM-7 alphabet"
        elif size > SMS:
            yield f"{size} letters, at most {SMS}"
        return
    first = body["sources"][0] if body["sources"] else {"name": "", "date": "2023"}
    extra = len(f"\n({first['name']}, {shown_date(str(first['date']))})") if key != "more" else 0
    if key == "text" and body.get("text_2020_2022"):
        extra += len("\n" + catalogue.text("ask_scheme"))
    limit = MORE if key == "more" else TEXT
    if len(filled) + extra > limit:
        yield f"{len(filled) + extra} characters with source and date, at most {limit}"


def _links(text: str, hosts: tuple[str, ...]) -> Iterator[str]:
    for host in links.forbidden(text, hosts):
        yield f"link to {host} is not allowed (only .go.id and PANDU_LINK_HOSTS)"


def _texts(folder: Path, files: Mapping[str, Any], hosts: tuple[str, ...]) -> list[Problem]:
    found = []
    for name in sorted(file for file in files if file.startswith("texts/")):
        lines = lines_of(folder / f"{name}.yml")
        for key, text in files[name].items():
            messages = list(_links(text, hosts)) if isinstance(text, str) else ["is no text"]
            if isinstance(text, str):
                try:
                    placeholders(text)
                except ValueError as error:
                    messages.append(f"broken placeholder: {error}")
                if len(text) > TEXT and not key.endswith("_long"):
                    messages.append(f"{len(text)} characters, at most {TEXT}")
                if key.startswith("option_") and len(text) > TITLE:
                    messages.append(f"a label has at most {TITLE} characters")
            found += [
                Problem(file=f"{name}.yml", line=lines.get(key, 1), column=1, message=f"{key}: {message}")
                for message in messages
            ]
    return found
