"""Why an engine erred: every error belongs to the first cause of this list that fits, so that the groups add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from nlu.evaluate import Case
from nlu.understanding import OUT_OF_SCOPE, Understanding

SHORT = 2  # words; a message of so few says too little by itself
STRANGE = 0.4  # share of unknown words from which they are the likely cause

Sight = tuple[int, float]  # a text's words, and the share of them that the model never learnt
Sighted = Callable[[str], Sight]


class Cause(StrEnum):
    """The groups, in the order in which they are tried."""

    SECOND = "two questions"  # one of the two not found, or one found that is none
    SHORT = "too short"
    UNKNOWN = "unknown words"
    TAKEN_IN = "out of scope taken in"
    REFUSED = "refused"  # a question of ours
    NEIGHBOUR = "neighbour confusion"  # the right intent is among the best three
    FAR = "another matter"  # it is not


MEANINGS = {
    Cause.SECOND: "the intents asked for were not the intents found, where the text or the reading has two",
    Cause.SHORT: f"at most {SHORT} words",
    Cause.UNKNOWN: f"at least {STRANGE:.0%} of the words stand in no two training messages",
    Cause.TAKEN_IN: "not a question of ours, but answered or asked back as one",
    Cause.REFUSED: "a question of ours, refused",
    Cause.NEIGHBOUR: "the right intent was second or third",
    Cause.FAR: "the right intent was not among the best three",
}


def by_spaces(text: str) -> Sight:
    """For engines that cannot say what they have learnt."""
    return len(text.split()), 0.0


def cause(case: Case, got: Understanding, sight: Sight) -> Cause | None:
    """Why this reading is an error; None where it is right."""
    right = got.intent in case.right
    if right and got.second == case.second:
        return None
    if case.second or (right and got.second):
        return Cause.SECOND
    words, unknown = sight
    outside = case.intent == OUT_OF_SCOPE
    if words <= SHORT:
        return Cause.SHORT
    if unknown >= STRANGE and not outside:  # what is out of scope may well be full of unknown words
        return Cause.UNKNOWN
    if outside:
        return Cause.TAKEN_IN
    if got.intent == OUT_OF_SCOPE:
        return Cause.REFUSED
    among = case.right & {name for name, _ in got.ranking[:3]}
    return Cause.NEIGHBOUR if among else Cause.FAR


def grouped(
    cases: Sequence[Case], read: Sequence[Understanding], sighted: Sighted
) -> dict[Cause, list[tuple[Case, Understanding]]]:
    """The errors of each cause, the largest group first; causes without errors are left out."""
    found: dict[Cause, list[tuple[Case, Understanding]]] = {}
    for case, got in zip(cases, read, strict=True):
        why = cause(case, got, sighted(case.text))
        if why is not None:
            found.setdefault(why, []).append((case, got))
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def counts(cases: Sequence[Case], read: Sequence[Understanding], sighted: Sighted) -> dict[str, int]:
    """The number of errors of every cause, for JSON."""
    found = grouped(cases, read, sighted)
    return {why.value: len(found.get(why, ())) for why in Cause}
