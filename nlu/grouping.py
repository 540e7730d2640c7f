"""Groups texts by likeness: the same words first, then near in meaning. For lists that people read, not for decisions."""

from __future__ import annotations

from collections.abc import Sequence

from nlu import meaning

ALIKE = 0.75  # nearness from which two texts ask the same; those about different things stay below 0.4


def groups(texts: Sequence[str]) -> list[list[int]]:
    """The numbers of the texts in groups, the largest first; in each the first text is the commonest wording.

    Greedy: the commonest wording begins a group, each further one joins the nearest group or begins its own.
    """
    same: dict[str, list[int]] = {}
    normaliser, _ = meaning.load()
    for at, text in enumerate(texts):
        same.setdefault(normaliser(text) or text.strip(), []).append(at)
    wordings = sorted(same.values(), key=lambda found: (-len(found), found[0]))
    if not wordings:
        return []
    vectors = meaning.vectors([texts[found[0]] for found in wordings])
    leaders: list[int] = []
    made: list[list[int]] = []
    for number, found in enumerate(wordings):
        near = vectors[leaders] @ vectors[number] if leaders else None
        if near is not None and near.max() >= ALIKE:
            made[int(near.argmax())].extend(found)
        else:
            leaders.append(number)
            made.append(list(found))
    return sorted(made, key=lambda group: (-len(group), group[0]))
