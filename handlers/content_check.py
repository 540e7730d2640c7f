"""What an editor must not publish: missing intents, wordings, sources, over-long texts, unknown placeholders, links that are not allowed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
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


_ENGLISH = {
    "no_intent": "is no faq intent of nlu/intents.yml",
    "long": "has {size} characters, at most {most}",
    "long_with_source": "{size} characters with source and date, at most {most}",
    "empty": "is empty",
    "taken": "title {title!r} belongs to {other} already",
    "no_source": "at least one",
    "source_address": "{url!r} is no address",
    "source_date": "date {date!r} is not ISO (2023, 2023-11 or 2023-11-29)",
    "date": "write it as 2026-11-24",
    "follow_up": "{name} is no intent",
    "two_wordings": "a procedure needs text: {{open, closed}}",
    "broken": "broken placeholder: {error}",
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
            found += [
                Problem(file=f"{name}.yml", line=line, column=1, message=f"{intent}: {finding}")
                for finding in _entry(intent, body, catalogue, kinds, link_hosts)
            ]
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
    found += _texts(folder, files, catalogue.common, link_hosts)
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


def draft(
    intent: str, body: Mapping[str, Any], catalogue: Catalogue, *, link_hosts: tuple[str, ...] = ()
) -> list[Finding]:
    """All that keeps an answer from being published over the catalogue it would stand in; [] when nothing does."""
    kinds = yaml.safe_load(INTENTS.read_text(encoding="utf-8"))
    found = [*_empty(body), *_entry(intent, body, catalogue, kinds, link_hosts)]
    other = next((entry.intent for entry in catalogue.answers.values() if entry.title == body["title"]), intent)
    if other != intent:
        found.append(Finding("title", "taken", {"title": body["title"], "other": other}))
    return found


def _empty(body: Mapping[str, Any]) -> Iterator[Finding]:
    for key in ("title", "question", "text", "sms"):
        value = body.get(key)
        wordings = value.values() if isinstance(value, Mapping) else [value]
        if not all(str(text or "").strip() for text in wordings):
            yield Finding(key, "empty")


def _entry(
    intent: str, body: Mapping[str, Any], catalogue: Catalogue, kinds: Mapping[str, Any], hosts: tuple[str, ...]
) -> Iterator[Finding]:
    if intent not in kinds["faq"]:
        yield Finding("", "no_intent")
    for key, most in (("title", TITLE), ("question", QUESTION)):
        if len(body[key]) > most:
            yield _long(key, len(body[key]), most)
    yield from _dates_and_sources(body)
    known = {*kinds["talk"], *kinds["journey"], *kinds["faq"]}
    yield from (
        Finding("follow_ups", "follow_up", {"name": name}) for name in body.get("follow_ups", ()) if name not in known
    )
    if body.get("procedure") and not isinstance(body["text"], Mapping):
        yield Finding("text", "two_wordings")
    schemes = {
        "text": catalogue.default_scheme,
        "text_2020_2022": catalogue.older_scheme or catalogue.default_scheme,
        "sms": catalogue.default_scheme,
        "more": catalogue.default_scheme,
    }
    for key, scheme in schemes.items():
        for label, text in _wordings(body.get(key)):
            yield from _text(text, key, label, scheme, body, catalogue, hosts)


def _long(field: str, size: int, most: int, reason: str = "long") -> Finding:
    return Finding(field, reason, {"size": size, "most": most, "over": size - most})


def _dates_and_sources(body: Mapping[str, Any]) -> Iterator[Finding]:
    if not body["sources"]:
        yield Finding("sources", "no_source")
    for key in ("sources", "sources_2020_2022"):
        for source in body.get(key) or ():
            if urlsplit(source["url"]).scheme not in ("http", "https"):
                yield Finding(key, "source_address", {"url": source["url"]})
            if not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", str(source["date"])):
                yield Finding(key, "source_date", {"date": source["date"]})
    for key in ("as_of", "review_by"):
        if not isinstance(body[key], date):
            yield Finding(key, "date")


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
    yield from (Finding(field, "link", {"host": host}) for host in links.forbidden(filled, hosts))
    if key == "sms":
        size = septets(substituted(filled))
        if size is None:
            yield Finding(field, "letters")
        elif size > SMS:
            yield _long(field, size, SMS)
        return
    first = body["sources"][0] if body["sources"] else {"name": "", "date": "2023"}
    extra = len(f"\n({first['name']}, {shown_date(_whole(first['date']))})") if key != "more" else 0
    if key == "text" and body.get("text_2020_2022"):
        extra += len("\n" + catalogue.text("ask_scheme"))
    limit = MORE if key == "more" else TEXT
    if len(filled) + extra > limit:
        yield _long(field, len(filled) + extra, limit, "long_with_source")


def _whole(day: object) -> str:
    return str(day) if re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2])(-\d\d)?)?", str(day)) else "2023"


def _with_facts(text: str, common: Mapping[str, str]) -> str:
    """The text with the facts that it names; what a handler fills in stays."""
    return re.sub(r"\{(\w+)\}", lambda match: common.get(match[1], match[0]), text)


def _links(text: str, hosts: tuple[str, ...]) -> Iterator[str]:
    for host in links.forbidden(text, hosts):
        yield _ENGLISH["link"].format(host=host)


def _texts(folder: Path, files: Mapping[str, Any], common: Mapping[str, str], hosts: tuple[str, ...]) -> list[Problem]:
    found = []
    for name in sorted(file for file in files if file.startswith("texts/")):
        lines = lines_of(folder / f"{name}.yml")
        for key, text in files[name].items():
            messages = list(_links(_with_facts(text, common), hosts)) if isinstance(text, str) else ["is no text"]
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
