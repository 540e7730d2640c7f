"""Turns the training messages into what Rasa reads: one intent a message, no entity marks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from nlu import corpus

Messages = dict[str, list[str]]


def messages(
    examples: Iterable[corpus.Example], *, intents: Collection[str] = (), limit: int | None = None
) -> Messages:
    """Messages by intent, in the order of the data; messages that ask two things are left out (DIET knows one intent).

    `intents` keeps only these, `limit` only the first so many of each: for quick tests and the benchmark.
    """
    found: Messages = {}
    for example in examples:
        if example.second is not None or (intents and example.intent not in intents):
            continue
        texts = found.setdefault(example.intent, [])
        text = _one_line(example.text)
        if (limit is None or len(texts) < limit) and text not in texts:
            texts.append(text)
    return found


def to_yaml(found: Messages) -> str:
    """Rasa's training data 3.1."""
    lines = ['version: "3.1"', "nlu:"]
    for intent, texts in found.items():
        lines += [f"- intent: {intent}", "  examples: |", *(f"    - {text}" for text in texts)]
    return "\n".join(lines) + "\n"


def read(data_dir: Path = corpus.DATA) -> Messages:
    """All of a folder's messages, ready for Rasa. Raises ValueError where there is nothing to train on."""
    found = messages(corpus.read(corpus.files(data_dir)))
    if len(found) < 2:
        raise ValueError(f"{data_dir}: fewer than two intents in its *.yml; Rasa needs two")
    return found


def _one_line(text: str) -> str:
    """A message as one list item, without the brackets in which Rasa would see an entity."""
    return " ".join(text.replace("[", "(").replace("]", ")").split())
