"""Checks the training data: near-duplicates, one text under two intents, leaks from evaluation files, thin variety, low counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nlu import corpus
from nlu.corpus import Example
from nlu.evaluate import read_cases
from nlu.masking import mask
from nlu.similar import jaccard, near_pairs, trigrams

LONGEST = 300  # characters of a message to learn from
LEAST = 60  # messages an intent
NEAR = 0.8  # trigram Jaccard
THIN = 0.45  # share of different words among the first two words of an intent's messages
MUST_BE_EMPTY = ("near_duplicates", "conflicts", "leaks", "few", "thin")


def check(against: Sequence[Path], examples: Sequence[Example] | None = None) -> dict[str, Any]:
    """What is wrong with the training data, by kind of trouble; `against`: evaluation files for the leaks."""
    examples = list(corpus.read(corpus.files())) if examples is None else list(examples)
    by_intent: dict[str, list[str]] = defaultdict(list)
    for example in examples:
        if example.second is None:
            by_intent[example.intent].append(example.text)
    return {
        "counts": {intent: len(texts) for intent, texts in sorted(by_intent.items())},
        "messages": len(examples),
        "two_questions": sum(example.second is not None for example in examples),
        "near_duplicates": _near_duplicates(examples),
        "conflicts": _conflicts(examples),
        "leaks": [leak for path in against for leak in _leaks(examples, path)],
        "few": sorted(intent for intent, texts in by_intent.items() if len(texts) < LEAST),
        "thin": sorted(intent for intent, texts in by_intent.items() if _variety(texts) < THIN),
    }


def candidate(text: str, intent: str, examples: Sequence[Example], against: Sequence[Path]) -> list[str]:
    """What speaks against teaching one more message: duplicate, conflict, leak, secret, short, long; [] where nothing does.

    The same rules as for the files, without reading all of them against each other; no evaluation text is shown.
    """
    found = []
    if not 2 <= len(text.strip()) <= LONGEST:
        found.append("short" if len(text.strip()) < 2 else "long")
    if mask(text).kinds:
        found.append("secret")
    grams, bare = trigrams(text), _bare(text)
    for example in examples:
        own = _label(example) == intent
        if not own and _bare(example.text) == bare:
            found.append("conflict")
        elif own and (_bare(example.text) == bare or jaccard(grams, trigrams(example.text)) > NEAR):
            found.append("duplicate")
    cases = [case.text for path in against for case in read_cases(path)]
    if any(jaccard(grams, trigrams(case)) > NEAR for case in cases):
        found.append("leak")
    return sorted(set(found))


def _bare(text: str) -> str:
    """The text but for case, signs and spaces."""
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split()) or text


def _label(example: Example) -> str:
    return f"{example.intent}+{example.second}" if example.second else example.intent


def _near_duplicates(examples: Sequence[Example]) -> list[dict[str, Any]]:
    found = []
    for left, right, likeness in near_pairs([example.text for example in examples], NEAR):
        if _label(examples[left]) == _label(examples[right]):
            found.append(
                {
                    "intent": _label(examples[left]),
                    "texts": [examples[left].text, examples[right].text],
                    "likeness": round(likeness, 3),
                }
            )
    return found


def _conflicts(examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Texts (but for case, signs and spaces) that stand under more than one label."""
    labels: dict[str, set[str]] = defaultdict(set)
    for example in examples:
        labels[_bare(example.text)].add(_label(example))
    return [{"text": text, "intents": sorted(found)} for text, found in sorted(labels.items()) if len(found) > 1]


def _leaks(examples: Sequence[Example], path: Path) -> list[dict[str, Any]]:
    """Training texts that are, or nearly are, a text of the evaluation file. The evaluation text itself is not shown."""
    texts = [case.text for case in read_cases(path)]
    merged = [*texts, *(example.text for example in examples)]
    found = []
    for left, right, likeness in near_pairs(merged, NEAR):
        if left < len(texts) <= right:
            example = examples[right - len(texts)]
            found.append(
                {"file": path.name, "line": left + 1, "training_text": example.text, "likeness": round(likeness, 3)}
            )
    return found


def _variety(texts: Sequence[str]) -> float:
    """How differently an intent's messages begin: different pairs of first words, as a share of the messages."""
    begins = Counter(" ".join(text.lower().split()[:2]) for text in texts if trigrams(text))
    return len(begins) / max(1, len(texts))


def as_text(found: dict[str, Any]) -> str:
    """The findings for people."""
    lines = [
        f"{found['messages']} messages, {len(found['counts'])} intents, {found['two_questions']} with two questions"
    ]
    lines += [
        f"near duplicate ({row['likeness']}): {row['intent']}: {' | '.join(row['texts'])}"
        for row in found["near_duplicates"]
    ]
    lines += [f"two labels: {row['text']}: {', '.join(row['intents'])}" for row in found["conflicts"]]
    lines += [
        f"leak: {row['file']}:{row['line']} ({row['likeness']}): {row['training_text']}" for row in found["leaks"]
    ]
    lines += [f"fewer than {LEAST} messages: {intent}" for intent in found["few"]]
    lines += [f"thin variety: {intent}" for intent in found["thin"]]
    return "\n".join(lines)
