"""The content pack: a programme's sentences, answers and rules, and the messages that its model learns from (docs/content-packs.md)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bot.settings import Settings
from handlers import catalogue
from handlers.catalogue import Catalogue
from nlu import classify, corpus

_DEV = Path(__file__).parent.parent / "tests" / "data" / "dev.jsonl"  # beside a checkout, not in an installation


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """Where the parts of a programme are."""

    content: Path
    data: Path  # training messages, *.yml
    model: Path  # the shipped model
    cases: Path | None  # the evaluation file, where there is one

    def catalogue(self) -> Catalogue:
        """Its content as the files have it."""
        return catalogue.load(self.content)


SHIPPED = Pack(content=catalogue.CONTENT, data=corpus.DATA, model=classify.MODEL, cases=_DEV if _DEV.exists() else None)


def of(chosen: Settings) -> Pack:
    """The pack of the settings."""
    return at(chosen.content)


def at(name: str) -> Pack:
    """The pack in a folder with `content/`, `nlu/`, `model/` and perhaps `evaluation.jsonl`; "": the shipped one."""
    if not name:
        return SHIPPED
    folder = Path(name)
    cases = folder / "evaluation.jsonl"
    return Pack(
        content=folder / "content",
        data=folder / "nlu",
        model=folder / "model",
        cases=cases if cases.exists() else None,
    )


def content() -> Catalogue:
    """The content of the environment's pack, for commands."""
    return at(os.environ.get("PANDU_CONTENT", "")).catalogue()
