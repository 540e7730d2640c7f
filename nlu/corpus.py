"""Reads the training messages: Rasa's YAML in `data/*.yml`, one reading for both engines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

DATA = Path(__file__).parent / "data"
_MARKED = re.compile(r"\[([^\]]*)\](?:\{[^}]*\}|\([^)]*\))")


@dataclass(frozen=True, slots=True)
class Example:
    """One training message."""

    text: str
    intent: str  # the first question
    second: str | None = None  # the second, for messages that ask two things
    source: str = ""  # the file's stem


def plain_text(marked: str) -> str:
    """The message without Rasa's entity marks: "[ibu saya]{"entity": …} belum cair" → "ibu saya belum cair"."""
    return _MARKED.sub(r"\1", marked)


def files(folder: Path = DATA) -> list[Path]:
    """The training files in a fixed order."""
    return sorted(folder.glob("*.yml"))


def read(paths: Iterable[Path]) -> Iterator[Example]:
    """All messages of the files, in their order. A malformed file raises ValueError with its name."""
    for path in paths:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or not isinstance(content.get("nlu"), list):
            raise ValueError(f"{path}: no list under 'nlu'")
        for block in content["nlu"]:
            if "intent" not in block:
                continue
            first, _, second = str(block["intent"]).partition("+")
            for line in str(block["examples"]).splitlines():
                text = plain_text(line.strip().removeprefix("-").strip())
                if text:
                    yield Example(text, first, second or None, path.stem)


def fingerprint(paths: Iterable[Path]) -> str:
    """A hash of the files' names and contents."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
