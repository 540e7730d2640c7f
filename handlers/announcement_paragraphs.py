"""Paragraphs of an announcement, each for everybody or for some: `if` and `unless`.

A wording is one text, or a list of texts and `{text, if, unless}`. A condition is the name of a variable that has to be
known (`if: saldo`), several of them, or facts of the recipient (`if: {wave: [71], zone: WIT}`); what stands together must
all hold. `unless` is for those whom the same `if` would leave out.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from storage.refusal import Refusal

VARIABLES: Final = ("nama", "gelombang", "batas_beli", "saldo")
FACTS: Final = ("wave", "membership", "zone", "linked")
MOST: Final = 4  # different conditions of an announcement: all their cases are checked and shown

Paragraph = Mapping[str, Any]  # text, and `if`, `unless`: {variable: [], fact: [values]}
Wording = str | Sequence[Paragraph]
Case = Mapping[str, bool]  # by `told`: whether a condition holds


def read(found: Any, key: str) -> str | list[dict[str, Any]]:
    """A wording as it is kept; `Refusal` for what is none."""
    if isinstance(found, str) and found.strip():
        return found.strip()
    if not isinstance(found, list) or not found:
        raise _unread(key, f"{key}: a text, or a list of paragraphs")
    return [_paragraph(one, key) for one in found]


def _unread(key: str, told: str) -> Refusal:
    return Refusal("paragraph", told, field=key.partition(":")[0])


def _paragraph(found: Any, key: str) -> dict[str, Any]:
    one = {"text": found} if isinstance(found, str) else found
    if not isinstance(one, Mapping) or not isinstance(one.get("text"), str) or not one["text"].strip():
        raise _unread(key, f"{key}: a paragraph is a text, or {{if: …, text: …}}")
    if unknown := [name for name in one if name not in ("text", "if", "unless")]:
        raise _unread(key, f"{key}: unknown {unknown[0]!r} in a paragraph: text, if, unless")
    conditions = {name: _condition(one[name], f"{key}: {name}") for name in ("if", "unless") if name in one}
    return {"text": one["text"].strip(), **conditions}


def _condition(found: Any, key: str) -> dict[str, list[str]]:
    names = [found] if isinstance(found, str) else found
    if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
        if unknown := [name for name in names if name not in VARIABLES]:
            raise _unread(key, f"{key}: {unknown[0]!r} is none of {', '.join(VARIABLES)}")
        return {name: [] for name in sorted(names)}
    if not isinstance(names, Mapping) or not names:
        raise _unread(key, f"{key}: a variable ({', '.join(VARIABLES)}), or {{wave: [71]}}")
    if unknown := [str(name) for name in names if name not in FACTS]:
        raise _unread(key, f"{key}: {unknown[0]!r} is none of {', '.join(FACTS)}")
    return {name: _values(names[name], f"{key}: {name}") for name in FACTS if name in names}


def _values(found: Any, key: str) -> list[str]:
    values = found if isinstance(found, list) else [found]
    if not values or not all(isinstance(one, str | int) for one in values):
        raise _unread(key, f"{key}: a value or a list of values")
    if key.endswith("linked") and not (len(values) == 1 and isinstance(values[0], bool)):
        raise _unread(key, f"{key}: true or false")
    if key.endswith("zone") and (other := [one for one in values if one not in ("WIB", "WITA", "WIT")]):
        raise _unread(key, f"{key}: {other[0]!r} is none of WIB, WITA, WIT")
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]


def typed(wording: Wording) -> str | list[Any]:
    """The inverse of `read`: the wording as a person writes it."""
    if isinstance(wording, str):
        return wording
    return [
        {name: one[name] if name == "text" else _written(one[name]) for name in ("if", "unless", "text") if name in one}
        if conditions_of(one)
        else one["text"]
        for one in wording
    ]


def _written(condition: Mapping[str, list[str]]) -> Any:
    if not all(condition.values()):
        return next(iter(condition)) if len(condition) == 1 else list(condition)
    return {name: values[0] == "true" if name == "linked" else list(values) for name, values in condition.items()}


# -- what it is made of -------------------------------------------------------------------------------------------


def texts(wording: Wording) -> Iterator[str]:
    """All its texts."""
    yield from [wording] if isinstance(wording, str) else (one["text"] for one in wording)


def for_all(wording: Wording) -> Iterator[str]:
    """Those of its texts that everybody gets."""
    whole = [wording] if isinstance(wording, str) else [one["text"] for one in wording if not conditions_of(one)]
    yield from whole


def for_some(wording: Wording) -> Iterator[tuple[str, set[str]]]:
    """Texts that not everybody gets, each with the variables that its own `if` makes sure of."""
    for one in () if isinstance(wording, str) else wording:
        if conditions_of(one):
            held = one.get("if", {})
            sure = {name for name in held if name in VARIABLES} | ({"gelombang"} if "wave" in held else set())
            yield one["text"], sure


def conditions_of(paragraph: Paragraph) -> list[Mapping[str, list[str]]]:
    """Its conditions: none, one or two."""
    return [paragraph[name] for name in ("if", "unless") if name in paragraph]


def told(condition: Mapping[str, list[str]]) -> str:
    """A condition in words, the same for the same one: "saldo", "wave 71, 72 and zone WIT"."""
    return " and ".join(f"{name} {', '.join(values)}" if values else name for name, values in condition.items())


def conditions(wordings: Sequence[Wording]) -> list[str]:
    """The different conditions of these wordings, as `told`."""
    listed = (one for wording in wordings if not isinstance(wording, str) for one in wording)
    return sorted({told(condition) for one in listed for condition in conditions_of(one)})


def cases(wordings: Sequence[Wording]) -> list[dict[str, bool]]:
    """Every way in which the conditions of these wordings can come out; [{}] where there are none."""
    names = conditions(wordings)
    return [dict(zip(names, held, strict=True)) for held in itertools.product((True, False), repeat=len(names))]


# -- one recipient ------------------------------------------------------------------------------------------------


def said(wording: Wording, found: Mapping[str, str], between: str, case: Case | None = None) -> str:
    """The wording for somebody with these variables and facts, before they are filled in; `case`: as though conditions came out so."""
    if isinstance(wording, str):
        return wording
    return between.join(one["text"] for one in wording if _is_for(one, found, case))


def _is_for(paragraph: Paragraph, found: Mapping[str, str], case: Case | None) -> bool:
    def holds(condition: Mapping[str, list[str]]) -> bool:
        if case is not None:
            return case[told(condition)]
        return all(name in found and (not values or found[name] in values) for name, values in condition.items())

    wanted, refused = paragraph.get("if"), paragraph.get("unless")
    return (wanted is None or holds(wanted)) and (refused is None or not holds(refused))
