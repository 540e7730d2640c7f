"""What cross-validation said of each training message, kept beside the model: each was read by a model that had seen neither it nor its
near-duplicates. Two models are compared by it where there is no evaluation file (`nlu.verdict`)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from nlu.evaluate import Case
from nlu.understanding import OUT_OF_SCOPE, Outcome, Understanding

HELD_OUT = "held_out.npz"


def text_key(text: str) -> int:
    """A training message's number: the same in every model that learnt it."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def read(folder: Path) -> dict[int, tuple[Case, Understanding]]:
    """By `text_key` the label and the held-out reading of each message with one question. The texts themselves are not kept.

    FileNotFoundError where the model was trained before held-out readings were kept.
    """
    labels = json.loads((folder / "meta.json").read_text(encoding="utf-8"))["labels"]
    with np.load(folder / HELD_OUT, allow_pickle=False) as stored:
        rows = zip(*(stored[name].tolist() for name in ("key", "truth", "said", "sure")), strict=True)
        return {key: (Case("", labels[truth]), _reading(labels[said], sure)) for key, truth, said, sure in rows}


def _reading(intent: str, sure: float) -> Understanding:
    refused = intent == OUT_OF_SCOPE
    outcome = Outcome.REFUSE if refused else Outcome.ANSWER
    return Understanding(
        intent=intent, confidence=sure, outcome=outcome, ranking=() if refused else ((intent, sure),), model=""
    )
