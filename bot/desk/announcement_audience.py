"""The form by which an operator says who an announcement is for: one table of conditions, as fields and as a filter (storage/audience_filter.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from handlers import places

SIDES: Final = ("only", "but")  # all of these must hold; whoever one of these holds for is left out
WORDS, WHOLE, PLACES, CHOICES, DAYS, YES, ONE = "words", "whole", "places", "choices", "days", "yes", "one"
SERIES: Final = (
    "got.series"  # whose choices are the announcements that there are: by their series the names of the first ones
)
_NAMES: Final = "got.campaign"  # and by every name the series


@dataclass(frozen=True, slots=True)
class Field:
    """One condition of the form, or a part of one."""

    key: str  # of audience_filter.CONDITIONS
    kind: str
    part: str = ""  # of a condition that has several: {part: value}

    @property
    def name(self) -> str:
        """As content/announcing.yml names it."""
        return f"{self.key}.{self.part}" if self.part else self.key


TABLE: Final = (
    Field("wave", WHOLE),
    Field("membership", CHOICES),
    Field("province", PLACES),
    Field("region", PLACES),
    Field("zone", CHOICES),
    Field("channel", CHOICES),
    Field("seen", DAYS, "within_days"),
    Field("seen", DAYS, "before_days"),
    Field("got", ONE, "series"),
    Field("got", DAYS, "within_days"),
    Field("got", DAYS, "before_days"),
    Field("level", CHOICES),
    Field("linked", YES),
    Field("topic", CHOICES),
    Field("tag", WORDS),
    Field("course", WORDS, "key"),
    Field("course", WORDS, "topic"),
    Field("course", CHOICES, "state"),
    Field("incentive", CHOICES, "state"),
    Field("incentive", WORDS, "kind"),
    Field("incentive", WORDS, "reason"),
)
_PLAIN: Final = {"course": "key", "incentive": "state"}  # the part that a condition without parts means
_SPLIT = re.compile(r"[,;\n]")


def of_side(side: str) -> tuple[Field, ...]:
    """The conditions that one side of the form offers: "not linked" is a choice of the first already."""
    return tuple(one for one in TABLE if side == "only" or one.kind != YES)


def tree_of(sent: Mapping[str, str], choices: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """The filter that the fields make. What is typed wrong stays in it, for audience_filter.condition to name."""
    tree, others = _of_side("only", sent, choices), _of_side("but", sent, choices)
    if others:
        tree["and"] = [{"not": {key: value}} for key, value in others.items()]
    return tree


def _of_side(side: str, sent: Mapping[str, str], choices: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in of_side(side):
        value = _typed(field, side, sent, choices.get(field.name, {}))
        if value is None:
            continue
        if field.part:
            found.setdefault(field.key, {})[field.part] = value
        else:
            found[field.key] = value
    return found


def _typed(field: Field, side: str, sent: Mapping[str, str], choices: Mapping[str, str]) -> Any:
    name = f"{side}.{field.name}"
    if field.kind == CHOICES:
        return [one for one in choices if sent.get(f"{name}:{one}")] or None
    text = sent.get(name, "").strip()
    if not text:
        return None
    if field.kind == YES:
        return text == "yes"
    if field.kind in (DAYS, ONE):
        return _whole(text)
    parts = [part.strip() for part in _SPLIT.split(text) if part.strip()]
    return [_whole(part) for part in parts] if field.kind == WHOLE else parts


def _whole(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text


def fields_of(tree: Mapping[str, Any], choices: Mapping[str, Mapping[str, str]]) -> dict[str, str] | None:
    """The fields that make this filter; None where the form cannot say it."""
    rest = dict(tree)
    found: dict[str, str] = {}
    for side, key, value in _parts(rest.pop("and", []), rest):
        made = _fields(side, key, value, choices)
        if made is None or made.keys() & found.keys():
            return None
        found |= made
    return found


def _parts(others: Any, first: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """(side, condition, value); what is no such part has a side that no field knows."""
    yield from (("only", key, value) for key, value in first.items())
    for one in others if isinstance(others, list) else [None]:
        inner = one.get("not") if isinstance(one, Mapping) and set(one) == {"not"} else None
        if isinstance(inner, Mapping) and len(inner) == 1:
            yield from (("but", key, value) for key, value in inner.items())
        else:
            yield "", "", None


def _fields(side: str, key: str, value: Any, choices: Mapping[str, Mapping[str, str]]) -> dict[str, str] | None:
    known = {field.part: field for field in TABLE if field.key == key and (side, field.kind) != ("but", YES)}
    if side not in SIDES or not known:
        return None
    parts = value if isinstance(value, Mapping) else {_PLAIN.get(key, ""): value}
    found: dict[str, str] = {}
    for part, inner in parts.items():
        made = _shown(known[part], side, inner, choices.get(known[part].name, {})) if part in known else None
        if not made:
            return None
        found |= made
    return found or None


def _shown(field: Field, side: str, value: Any, choices: Mapping[str, str]) -> dict[str, str] | None:
    """The fields of one value; None or {} where none can hold it."""
    name = f"{side}.{field.name}"
    if field.kind == YES:
        return {name: "yes" if value else "no"} if isinstance(value, bool) else None
    listed = [str(one) for one in (value if isinstance(value, list) else [value])]
    if field.kind == ONE and not set(listed) <= set(choices):
        return None
    if field.kind == CHOICES:
        return {f"{name}:{one}": "1" for one in listed} if set(listed) <= set(choices) else None
    if field.kind == PLACES:
        listed = [_place(code, province=field.key == "province") for code in listed]
    if any(_SPLIT.search(one) or one != one.strip() or not one for one in listed):
        return None
    return {name: ", ".join(listed)}


def with_series(
    choices: Mapping[str, Mapping[str, str]], titles: Mapping[int, str], names: Mapping[str, int]
) -> dict[str, Mapping[str, str]]:
    """The choices of the form, with the announcements that somebody may have got (storage.reached)."""
    shown = {str(key): title for key, title in titles.items()}
    return {**choices, SERIES: shown, _NAMES: {name: str(key) for name, key in names.items()}}


def known(choices: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """Those announcements by their names, as a written filter names them."""
    return {name: int(key) for name, key in choices.get(_NAMES, {}).items()}


def named(tree: Any, choices: Mapping[str, Mapping[str, str]]) -> Any:
    """A filter with the names of announcements in the place of their series, as it is written."""
    if isinstance(tree, list):
        return [named(one, choices) for one in tree]
    if not isinstance(tree, Mapping):
        return tree
    found = {key: named(one, choices) for key, one in tree.items()}
    title = choices.get(SERIES, {}).get(str(found.get("series")))
    return {"campaign": title, **{key: one for key, one in found.items() if key != "series"}} if title else found


def _place(code: str, *, province: bool) -> str:
    return places.province(code) if province else places.name(code)
