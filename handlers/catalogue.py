"""The content catalogue: every sentence for citizens, the answers with their sources, the programme's rules by year.

Read from `handlers/content/*.yml` once; published versions and dated rows of the database replace what they name (`handlers.content_now`). Immutable.
"""

from __future__ import annotations

import hashlib
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

CONTENT = Path(__file__).parent / "content"

MONTHS = ("Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a statement comes from."""

    name: str
    date: str  # ISO, or only year, or year and month
    url: str

    def shown(self) -> str:
        """As people see it: "Tanya Jawab Prakerja, 29 Nov 2023"."""
        return f"{self.name}, {shown_date(self.date)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A text, or two where the matter is a procedure."""

    open: str
    closed: str

    def __iter__(self) -> Iterator[str]:
        """Every wording."""
        return iter((self.open, self.closed))

    def now(self, state: str) -> str:
        """The wording for the programme's state; anything but open reads the closed one."""
        return self.open if state == "open" else self.closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One answer of the catalogue."""

    intent: str
    title: str
    question: str
    text: Wording
    text_2020_2022: Wording | None
    sms: Wording
    more: str
    sources: tuple[Source, ...]
    sources_2020_2022: tuple[Source, ...]
    as_of: date
    review_by: date
    follow_ups: tuple[str, ...]
    procedure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """The rules of some years."""

    key: str
    name: str
    first_wave: int
    last_wave: int
    years: tuple[int, ...]
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """All content of one version."""

    version: str
    state: str  # open, closed, selection, paused, moved
    state_as_of: date
    default_scheme: str
    older_scheme: str  # of the answers' `text_2020_2022`; "" where the rules never changed
    menu: tuple[str, ...]  # intents, most wanted first
    schemes: Mapping[str, Scheme]
    common: Mapping[str, str]
    answers: Mapping[str, Entry]
    texts: Mapping[str, str]
    topics: Mapping[str, Mapping[str, str]]  # intents without an answer: title, question
    files: Mapping[str, Any] = field(default_factory=dict)  # further content by file name: unpaid, safety, courses …
    groups: Mapping[str, str] = field(default_factory=dict)  # intent → group of answers (its file: money, training …)
    seeds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # the answers as the files have them
    versions: Mapping[str, int] = field(
        default_factory=dict
    )  # intent → published version of the database, where it has one
    notices: Mapping[str, str] = field(
        default_factory=dict
    )  # group, or "" for all → the sentence that precedes its answers

    def text(self, key: str, **values: object) -> str:
        """A sentence by its key, filled in; an unknown key or a missing value raises KeyError (a test visits every key)."""
        return self.texts[key].format_map({**self.common, **values}).strip()

    def channel(self, name: str) -> str:
        """A messenger's name as people write it."""
        return self.texts.get(f"channel_{name}", name.capitalize())

    def fill(self, text: str, scheme: str | None = None) -> str:
        """Fills the programme's figures of a scheme into a text of the catalogue."""
        return text.format_map({**self.common, **self.schemes[scheme or self.default_scheme].values}).strip()

    def spoken_in(self, field: str, *, has_older: bool) -> tuple[str, ...]:
        """The schemes whose figures may be filled into a text of an answer; `has_older`: whether it has `text_2020_2022`."""
        if field == "text_2020_2022":
            return (self.older_scheme,) if self.older_scheme else ()
        return tuple(key for key in self.schemes if not (has_older and field == "text" and key == self.older_scheme))

    def knows(self, intent: str) -> bool:
        """Whether an intent belongs to this programme."""
        return intent in self.answers or intent in self.topics

    def title(self, intent: str) -> str:
        """At most 20 characters that name an intent on a button."""
        return self.answers[intent].title if intent in self.answers else self.topics[intent]["title"]

    def question(self, intent: str) -> str:
        """At most 72 characters that describe an intent."""
        return self.answers[intent].question if intent in self.answers else self.topics[intent]["question"]

    def scheme_of(self, *, wave: int | None = None, year: int | None = None) -> str | None:
        """The scheme that ruled a wave or a year; None where neither tells."""
        for scheme in self.schemes.values():
            if wave is not None and scheme.first_wave <= wave <= scheme.last_wave:
                return scheme.key
            if wave is None and year in scheme.years:
                return scheme.key
        return None

    def lead(self, intent: str) -> str:
        """What precedes the answer to an intent at present: an incident, and of procedures a halt or a move; "" as a rule."""
        group = self.groups.get(intent)
        if group is None:
            return ""
        parts = [self.notices[key] for key in ("", group) if key in self.notices]
        halted = f"state_{self.state}"
        if halted in self.texts and (intent not in self.answers or self.answers[intent].procedure):
            parts.append(self.text(halted, as_of=shown_date(self.state_as_of.isoformat())))
        return "\n".join(parts)


def shown_date(iso: str) -> str:
    """ "2023-11-29" → "29 Nov 2023"; "2023-11" → "Nov 2023"; "2023" stays."""
    parts = iso.split("-")
    if len(parts) == 1:
        return parts[0]
    month = f"{MONTHS[int(parts[1]) - 1]} {parts[0]}"
    return month if len(parts) == 2 else f"{int(parts[2])} {month}"


def rupiah(amount: int) -> str:
    """600000 → "Rp600.000"."""
    return f"Rp{amount:,}".replace(",", ".")


def placeholders(text: str) -> set[str]:
    """Names in braces; raises ValueError for a broken brace, and for more than a name in it ("{x:>99999999}" would fill the memory)."""
    found = set()
    for _, name, form, conversion in string.Formatter().parse(text):
        if form or conversion:
            raise ValueError(f"only a name may stand in braces, not {name}{'!' if conversion else ':'}…")
        if name is not None:
            found.add(name)
    return found


def _wording(value: str | Mapping[str, str]) -> Wording:
    if isinstance(value, str):
        return Wording(open=value.strip(), closed=value.strip())
    return Wording(open=value["open"].strip(), closed=value["closed"].strip())


def _sources(rows: Iterable[Mapping[str, Any]]) -> tuple[Source, ...]:
    return tuple(Source(name=row["name"], date=str(row["date"]), url=row["url"]) for row in rows)


def entry_of(intent: str, body: Mapping[str, Any]) -> Entry:
    """An answer as the files and the database hold it. Raises KeyError or TypeError where something is missing."""
    older = body.get("text_2020_2022")
    return Entry(
        intent=intent,
        title=body["title"],
        question=body["question"],
        text=_wording(body["text"]),
        text_2020_2022=_wording(older) if older else None,
        sms=_wording(body["sms"]),
        more=(body.get("more") or "").strip(),
        sources=_sources(body["sources"]),
        sources_2020_2022=_sources(body.get("sources_2020_2022", ())),
        as_of=body["as_of"],
        review_by=body["review_by"],
        follow_ups=tuple(body.get("follow_ups", ())),
        procedure=bool(body.get("procedure")),
    )


def read_files(folder: Path) -> dict[str, Any]:
    """Every YAML file below the folder, by its path without ending ("answers/money"); raises yaml.YAMLError with line and column."""
    loaded = {}
    for path in sorted(folder.rglob("*.yml")):
        with path.open(encoding="utf-8") as file:
            loaded[path.relative_to(folder).with_suffix("").as_posix()] = yaml.load(file, Loader=LOADER)  # noqa: S506 - a safe loader
    return loaded


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _texts(files: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {key: text for file in files for key, text in file.items()}


OWN = ("answers/", "topics")  # what a content pack never takes over from the shipped content


def files_of(folder: Path) -> dict[str, Any]:
    """The files of the folder; a content pack's (it has `pack.yml`) are laid over the shipped ones (docs/content-packs.md).

    Sentences of `texts/` are taken over one by one, with the pack's `names` in place of the shipped programme's; any other file as a whole.
    """
    files = read_files(folder)
    if "pack" not in files:
        return files
    names = files.pop("pack")["names"]
    under = {name: file for name, file in read_files(CONTENT).items() if not name.startswith(OWN)}
    own = {key for name, file in files.items() if name.startswith("texts/") for key in file}
    for name, file in under.items():
        if name.startswith("texts/"):
            kept = {key: _renamed(text, names) for key, text in file.items() if key not in own}
            files[name] = {**kept, **files.get(name, {})}
    return {**under, **files}


def _renamed(text: str, names: Mapping[str, str]) -> str:
    for shipped, own in names.items():  # in the order of the file: the longer name first
        text = text.replace(shipped, own)
    return text


@cache
def load(folder: Path = CONTENT) -> Catalogue:
    """The catalogue of the files; the version is a hash of their bytes."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.yml")):
        digest.update(path.read_bytes())
    files = files_of(folder)
    program = files["program"]
    seeds = {
        intent: body for name, file in files.items() if name.startswith("answers/") for intent, body in file.items()
    }
    return Catalogue(
        version=digest.hexdigest()[:12],
        state=program["state"],
        state_as_of=program["state_as_of"],
        default_scheme=program["default_scheme"],
        older_scheme=program.get("older_scheme", ""),
        menu=tuple(program["menu"]),
        common=program["common"]["values"],
        schemes={
            key: Scheme(
                key=key,
                name=scheme["name"],
                first_wave=scheme["first_wave"],
                last_wave=scheme["last_wave"],
                years=tuple(scheme["years"]),
                values=scheme["values"],
            )
            for key, scheme in program["schemes"].items()
        },
        answers={intent: entry_of(intent, body) for intent, body in seeds.items()},
        seeds=seeds,
        texts=_texts(file for name, file in files.items() if name.startswith("texts/")),
        topics=files["topics"],
        files={name: file for name, file in files.items() if not name.startswith(("answers/", "texts/"))},
        groups={
            intent: group for group, row in files["editing"]["groups"].items() for intent in row.get("journeys", ())
        }
        | {
            intent: name.removeprefix("answers/")
            for name, file in files.items()
            if name.startswith("answers/")
            for intent in file
        },
    )
