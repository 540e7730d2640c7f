"""What an operator hands over for an announcement: the content and the filter as YAML, numbers as CSV; and by which accounts it can leave."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, TextIO

import yaml

from bot.channel import announcing_rate
from bot.settings import Settings
from handlers import places
from nlu.entities.numbers import find_phones
from storage import audience_filter, campaign_numbers
from storage.refusal import Refusal

HEADING: Final = ("number", "consent_source", "consent_date", "consent_wording")
_MOST_BYTES: Final = 200_000  # of a YAML file
_MOST_TYPED: Final = 8_000  # letters of a filter in a page
_NESTING: Final = {"[": 1, "{": 1, "]": -1, "}": -1}
_DEEPEST: Final = 50  # open brackets: reading 3,000 of them takes PyYAML six seconds, and all wait meanwhile
_MOST_HEADING: Final = 10_000  # characters of a CSV's first line
_MOST_CELL: Final = 100_000  # characters: a quote that is not closed swallows the rest of a file
_MOST_WORDING: Final = 1000  # characters of a consent


def sources(settings: Settings) -> dict[str, float]:
    """Channel accounts that announcements can leave by, and the messages a second of each."""
    found: dict[str, tuple[str, float]] = {}
    if settings.telegram_token:
        rate = announcing_rate(settings.telegram_rate, settings.telegram_paid_rate)
        found["telegram"] = (settings.telegram_token.partition(":")[0], rate)
    if settings.whatsapp_token and settings.whatsapp_number_id:
        found["whatsapp"] = (settings.whatsapp_number_id, settings.whatsapp_rate)
    if settings.sms_config:
        from bot.sms.send import read_config

        config = read_config(settings)
        found["sms"] = (config.number, config.rate)
    return {f"{name}:{account}": rate for name, (account, rate) in found.items()}


def load(path: Path) -> Any:
    """A YAML file; ValueError in one line for what cannot be read."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"{path}: larger than {_MOST_BYTES} bytes")
        return _parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: {error}") from None
    except Refusal as error:
        raise ValueError(f"{path}: {error}") from None


def _parsed(text: str) -> Any:
    """YAML without references; `Refusal` with the line for what is none."""
    try:
        if max(accumulate(text, lambda depth, sign: max(0, depth + _NESTING.get(sign, 0)), initial=0)) > _DEEPEST:
            raise ValueError(f"brackets nested more than {_DEEPEST} times")
        if any(isinstance(one, yaml.AliasEvent) for one in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise Refusal("yaml_alias", "no YAML of ours: & and * are not used here", field="filter")
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, Refusal):
            raise
        mark = getattr(error, "problem_mark", None)
        told = " ".join(str(error).split())[:200]
        raise Refusal("yaml", f"no YAML: {told}", field="filter", line=mark.line + 1 if mark else 1) from None


def typed_paragraphs(field: str, text: str) -> Any:
    """Paragraphs as they are typed into a page, a YAML list; `Refusal` of that field."""
    try:
        return _parsed(text)
    except Refusal as error:
        raise Refusal("paragraph", str(error), field=field) from None


def typed_filter(text: str, known: Mapping[str, int], now: datetime) -> dict[str, Any]:
    """A filter as it is typed into a page; `Refusal` whose values hold the `line`. `known`: announcements (storage.reached.names)."""
    if len(text) > _MOST_TYPED:
        told = f"the filter: at most {_MOST_TYPED} characters"
        raise Refusal("filter_long", told, field="filter", line=1, most=_MOST_TYPED)
    found = _parsed(text)
    try:
        return read_filter(found, known, now)
    except Refusal as error:
        error.values["line"] = _line_of(text, error.path)
        raise


def _line_of(text: str, path: Iterable[str | int]) -> int:
    """Where a key or an entry of a YAML text stands."""
    node, line = yaml.compose(text, Loader=yaml.SafeLoader), 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((key, value) for key, value in node.value if str(key.value) == str(step)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line


def read_filter(found: Any, known: Mapping[str, int], now: datetime) -> dict[str, Any]:
    """A filter with names of places and of announcements as codes; `Refusal` says what is wrong with it, and where.

    `known`: the series of announcements by their names (storage.reached.names). One that does not exist is refused: that nobody has
    got it would be true, and nobody means it.
    """
    try:
        tree: dict[str, Any] = _coded(found if found is not None else {}, known)
        audience_filter.condition(tree, now)
    except Refusal as error:
        error.field = "filter"
        raise
    return tree


def _coded(tree: Any, known: Mapping[str, int], depth: int = 0) -> Any:
    if not isinstance(tree, Mapping) or depth > audience_filter.DEPTH:
        return tree
    coded: dict[str, Any] = {}
    for key, value in tree.items():
        if key in ("and", "or") and isinstance(value, list):
            coded[key] = [_within(key, place, one, known, depth) for place, one in enumerate(value)]
        elif key == "not":
            coded[key] = _within(key, None, value, known, depth)
        elif key == "got":
            coded[key] = _series(value, known)
        elif key in ("region", "province"):
            coded[key] = [_place(str(name), str(key)) for name in (value if isinstance(value, list) else [value])]
        else:
            coded[str(key)] = value
    return coded


def _within(key: str, place: int | None, tree: Any, known: Mapping[str, int], depth: int) -> Any:
    try:
        return _coded(tree, known, depth + 1)
    except Refusal as error:
        raise error.within(key, *(() if place is None else (place,))) from None


def _series(value: Any, known: Mapping[str, int]) -> Any:
    """What the condition `got` names: an announcement by its name, or its series as a draft keeps it."""
    if not isinstance(value, Mapping) or ("campaign" in value) == ("series" in value):
        return value
    name = " ".join(str(value.get("campaign", "")).split())
    found = known.get(name) if "campaign" in value else value["series"]
    if found is None or ("series" in value and found not in known.values()):
        shown = (name or str(found))[:60]
        raise Refusal("campaign_unknown", f"got: there is no campaign {shown!r}", value=shown).within("got")
    return {**{key: one for key, one in value.items() if key != "campaign"}, "series": found}


def _place(name: str, key: str) -> str:
    try:
        return places.code_of(name, province=key == "province")
    except ValueError as error:
        raise Refusal(f"no_{key}", str(error), value=name[:60]).within(key) from None


def read_numbers(path: Path) -> list[dict[str, Any]]:
    """Lines of a CSV as `storage.campaign_numbers.add` takes them; ValueError where the heading is not as it must be."""
    return _once(_number(place, cells) for place, cells in _opened(path, HEADING))


def typed_numbers(text: str) -> list[dict[str, Any]]:
    """The same from what was pasted into a page; `Refusal`."""
    pasted = io.StringIO(text.removeprefix("\ufeff").strip() + "\n", newline="")
    return _once(_number(place, cells) for place, cells in _lines(pasted, HEADING))


def _opened(path: Path, heading: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """`_lines` of a file; ValueError in one line that names it."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _lines(file, heading)
    except (OSError, UnicodeDecodeError, Refusal) as error:
        raise ValueError(f"{path}: {error}") from None


def _lines(file: TextIO, heading: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, cells of `heading`) of a CSV; commas, semicolons or tabs, as spreadsheets write them. `Refusal` for what cannot be read."""
    first = file.readline(_MOST_HEADING)
    separator = max(",;\t", key=first.count)
    file.seek(0)
    lines = csv.DictReader(file, delimiter=separator)
    try:
        if missing := [name for name in heading if name not in (lines.fieldnames or ())]:
            told = f"the column {missing[0]} is missing; the heading is {','.join(heading)}"
            raise Refusal("numbers_heading", told, field="numbers", column=missing[0], heading=",".join(heading))
        for place, line in enumerate(lines, 2):
            if any(len(str(cell)) > _MOST_CELL for cell in line.values()):
                raise Refusal("numbers_unread", f"no CSV: line {place} does not end", field="numbers")
            yield place, {name: str(line.get(name) or "").replace("\0", "").strip() for name in heading}
    except csv.Error as error:
        raise Refusal("numbers_unread", f"no CSV: {error}", field="numbers") from None


def _once(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each number counts once: the second and later ones are `duplicate`."""
    rows = list(found)
    known: set[str] = set()
    for row in rows:
        if row["problem"] is None and row["phone"] in known:
            row["problem"] = "duplicate"
        elif row["problem"] is None:
            known.add(row["phone"])
    return rows


def read_phones(path: Path) -> list[str]:
    """The numbers ("+62…") of a CSV with a column `number`; ValueError where it has none or a line has no single number."""
    found = []
    for place, line in _opened(path, ("number",)):
        phones = list(find_phones(line["number"]))
        if len(phones) != 1:
            raise ValueError(f"{path}: line {place} has no Indonesian mobile number")
        found.append(str(phones[0].value))
    return list(dict.fromkeys(found))


def _number(place: int, cells: Mapping[str, str]) -> dict[str, Any]:
    phones = list(find_phones(cells["number"]))
    try:
        on = date.fromisoformat(cells["consent_date"])
    except ValueError:
        on = None
    phone = str(phones[0].value) if len(phones) == 1 else None
    wording = cells["consent_wording"][:_MOST_WORDING]
    return campaign_numbers.consent_row(place, phone, cells["consent_source"], on, wording)
