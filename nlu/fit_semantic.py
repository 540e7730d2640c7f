"""Learns the second look of `PANDU_NLU=semantic`: needs the extras `train` and `semantic`, and about six minutes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from nlu.classify import MODEL, outside_looks, softmax
from nlu.features import Floats
from nlu.fit import chance_outside, fit_logistic, fit_temperature, fit_thresholds
from nlu.semantic import encoder, semantic_fingerprint
from nlu.train import FOLDS, Lessons, Say, fit_all, held_out, lessons

WEIGHT = 0.5  # of the encoder's scores beside those of the n-grams: the best of 0.3 … 2 in cross-validation
SCALE = 4.0  # brings the differences between sentence vectors to the size that the solver likes
_BATCH = 200


def train_semantic(folder: Path = MODEL, say: Say = lambda line: None) -> dict[str, Any]:
    """Trains and writes `semantic.npz` and `semantic.json`; returns what is in the latter. The embedded model must be current."""
    first = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    given = lessons()
    vectors = _encode(given, say)
    scores, unknown, lengths = held_out(given, fit_all(given, range(FOLDS), say))
    seconds = np.zeros_like(scores)
    for fold in range(FOLDS):
        weights, bias = _machine(vectors, given, given.folds != fold)
        rows = given.folds == fold
        seconds[rows] = vectors[rows] @ weights + bias
    decisions = _decide(given, first, scores, scores + seconds, unknown, lengths)
    say(f"decisions: {json.dumps(decisions['cross_validation'])}")
    weights, bias = _machine(vectors, given, np.ones(len(given.examples), np.bool_))
    np.savez_compressed(folder / "semantic.npz", weights=weights.astype(np.float16), bias=bias)
    meta = {"fingerprint": semantic_fingerprint(), "messages": len(given.examples), **decisions}
    (folder / "semantic.json").write_text(json.dumps(meta, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return meta


def _encode(given: Lessons, say: Say) -> Floats:
    encode, parts = encoder(), []
    texts = [given.normaliser(example.text) or example.text for example in given.examples]
    for at in range(0, len(texts), _BATCH):
        parts.append(encode(texts[at : at + _BATCH]))
        if at % (10 * _BATCH) == 0:
            say(f"encoded {at} of {len(texts)}")
    return np.concatenate(parts)


def _machine(vectors: Floats, given: Lessons, chosen: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Weights and bias of the linear machine that has seen the chosen messages with one question, ready to be added."""
    rows = np.flatnonzero(given.single & chosen)
    middle = vectors[rows].mean(axis=0)
    machine = LinearSVC(C=1.0, random_state=0).fit((vectors[rows] - middle) * SCALE, given.truth[rows])
    weights = np.asarray(machine.coef_.T * SCALE * WEIGHT, np.float32)
    return weights, np.asarray(machine.intercept_ * WEIGHT - middle @ weights, np.float32)


def _decide(
    given: Lessons, first: dict[str, Any], scores: Floats, both: Floats, unknown: Floats, lengths: Floats
) -> dict[str, Any]:
    """Calibration on the messages that the first look does not answer; thresholds and report over all of them, with what it does answer."""
    single, is_outside = given.single, given.is_outside
    ranked = softmax(scores[:, :-1], first["temperature"])
    chances = chance_outside(scores, unknown, lengths, first["temperature"], first["outside"])
    thresholds = first["thresholds"]
    answered = (ranked.max(axis=1) * (1 - chances) >= thresholds["answer"]) & (chances < thresholds["refuse"])
    asked = single & ~answered
    temperature = fit_temperature(both[asked & ~is_outside, :-1], given.truth[asked & ~is_outside])
    again = softmax(both[:, :-1], temperature)
    outside = fit_logistic(outside_looks(both, again, unknown, lengths)[asked], is_outside[asked])
    away = chance_outside(both, unknown, lengths, temperature, outside)
    merged = np.where(answered[:, None], ranked, again), np.where(answered, chances, away)
    chosen, report = fit_thresholds(merged[0][single], merged[1][single], given.truth[single], is_outside[single])
    report["asked_again"] = round(float(asked.sum() / single.sum()), 4)
    return {"temperature": temperature, "outside": outside, "thresholds": chosen, "cross_validation": report}
