"""What is wrong with the files of a content folder, with file and line; what an answer may not say is in `handlers.answer_check`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from handlers import answer_check, links, templates
from handlers.answer_check import TEXT, TITLE, Finding
from handlers.catalogue import CONTENT, LOADER, Catalogue, files_of, load, placeholders, read_files

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
    try:
        catalogue = load.__wrapped__(folder)
    except (KeyError, TypeError, ValueError) as error:
        return [*_shape(folder, files), Problem(file="answers", line=0, column=0, message=f"not readable: {error!r}")]
    kinds = _kinds(folder, catalogue)
    return [
        *_answers(folder, files, catalogue, kinds, link_hosts),
        *_missing(catalogue, kinds),
        *_texts(folder, files, catalogue.common, link_hosts),
        *_templates(folder, files, link_hosts),
    ]


def _answers(
    folder: Path, files: Mapping[str, Any], catalogue: Catalogue, kinds: Mapping[str, Any], hosts: tuple[str, ...]
) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for name in sorted(file for file in files if file.startswith("answers/")):
        lines = lines_of(folder / f"{name}.yml")
        for intent, body in files[name].items():
            messages = [str(finding) for finding in answer_check.findings(body, catalogue, hosts)]
            if intent not in kinds["faq"]:
                messages.insert(0, "is no faq intent of nlu/intents.yml")
            if (other := seen.setdefault(body["title"], intent)) != intent:
                messages.append(f"title {body['title']!r} belongs to {other} already")
            for message in messages:
                line = lines.get(intent, 1)
                yield Problem(file=f"{name}.yml", line=line, column=1, message=f"{intent}: {message}")


def _missing(catalogue: Catalogue, kinds: Mapping[str, Any]) -> Iterator[Problem]:
    for intent in kinds["faq"]:
        if intent not in catalogue.answers:
            yield Problem(file="answers", line=0, column=0, message=f"no answer for {intent}")
    for intent in (*kinds["talk"], *kinds["journey"]):
        if intent not in catalogue.topics:
            yield Problem(file="topics.yml", line=0, column=0, message=f"no title for {intent}")


def _templates(folder: Path, files: Mapping[str, Any], hosts: tuple[str, ...]) -> Iterator[Problem]:
    lines = lines_of(templates.path(folder))
    for name, row in files[templates.FILE].items():
        for message in templates.problems(name, row, hosts):
            yield Problem(file=f"{templates.FILE}.yml", line=lines.get(name, 1), column=1, message=f"{name}: {message}")


def _kinds(folder: Path, catalogue: Catalogue) -> dict[str, Any]:
    """The intents by kind: of the catalogue of intents, or of a content pack those that it names itself."""
    if (folder / "pack.yml").exists():
        return {"faq": [*catalogue.answers], "journey": [], "talk": [*catalogue.topics]}
    found: dict[str, Any] = yaml.load(INTENTS.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - a safe loader
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
    """The line at which each top-level key of a file stands."""
    if not path.exists():  # taken over by a content pack
        return {}
    node = yaml.compose(path.read_text(encoding="utf-8"), Loader=LOADER)
    return {key.value: key.start_mark.line + 1 for key, _ in node.value} if isinstance(node, yaml.MappingNode) else {}


def _with_facts(text: str, common: Mapping[str, str]) -> str:
    """The text with the facts that it names; what a handler fills in stays."""
    return re.sub(r"\{(\w+)\}", lambda match: common.get(match[1], match[0]), text)


def _texts(folder: Path, files: Mapping[str, Any], common: Mapping[str, str], hosts: tuple[str, ...]) -> list[Problem]:
    found = []
    for name in sorted(file for file in files if file.startswith("texts/")):
        lines = lines_of(folder / f"{name}.yml")
        for key, text in files[name].items():
            found += [
                Problem(file=f"{name}.yml", line=lines.get(key, 1), column=1, message=f"{key}: {message}")
                for message in (_sentence(key, text, common, hosts) if isinstance(text, str) else ["is no text"])
            ]
    return found


def _sentence(key: str, text: str, common: Mapping[str, str], hosts: tuple[str, ...]) -> Iterator[str]:
    yield from (str(Finding("", "link", {"host": h})) for h in links.forbidden(_with_facts(text, common), hosts))
    try:
        placeholders(text)
    except ValueError as error:
        yield f"broken placeholder: {error}"
    if len(text) > TEXT and not key.endswith("_long"):
        yield f"{len(text)} characters, at most {TEXT}"
    if key.startswith("option_") and len(text) > TITLE:
        yield f"a label has at most {TITLE} characters"
