"""Trains the embedded model from `data/*.yml`: seeded, repeatable, about a minute on two cores.

Everything beside the linear weights (temperature, out-of-scope decision, second question, thresholds) is fitted on
scores that each text got from a model that had seen neither it nor its near-duplicates.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlu import corpus
from nlu.classify import MODEL, outside_looks, softmax
from nlu.corpus import Example
from nlu.features import Floats, pieces
from nlu.fingerprint import code_fingerprint, fingerprint
from nlu.fit import COSTS, Fitted, chance_outside, fit_linear, fit_logistic, fit_temperature, fit_thresholds
from nlu.fit_second import fit_second
from nlu.held_out import HELD_OUT, text_key
from nlu.normalise import Normaliser, plain
from nlu.similar import clusters
from nlu.understanding import OUT_OF_SCOPE
from nlu.vectors.table import TABLE, WordVectors

FOLDS = 5
SEED = 20241
KNOWN_FROM = 3  # a word typed in this many training texts is no slip
NEAR = 0.65  # texts above this likeness stay in one fold

Say = Callable[[str], None]


def known_words(examples: Sequence[Example]) -> list[str]:
    """Words frequent enough in training texts to be right as they stand."""
    counted = Counter(word for example in examples for word in set(re.findall("[a-z]+", plain(example.text))))
    base = Normaliser()
    return sorted(word for word, times in counted.items() if times >= KNOWN_FROM and not base.is_variant(word))


def folds_of(texts: Sequence[str], labels: Sequence[str]) -> NDArray[np.int32]:
    """A fold for each text: near-duplicates together, labels spread evenly, seeded."""
    groups = clusters(texts, NEAR)
    load: Counter[tuple[str, int]] = Counter()
    fold: dict[int, int] = {}
    for at in np.random.default_rng(SEED).permutation(len(texts)):
        group, label = groups[at], labels[at]
        if group not in fold:
            fold[group] = min(range(FOLDS), key=lambda number: (load[label, number], load["", number]))
        load[label, fold[group]] += 1
        load["", fold[group]] += 1
    return np.array([fold[group] for group in groups], np.int32)


def quantise(weights: Floats) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """Int8 weights and a scale for each feature."""
    scale = (np.maximum(np.abs(weights).max(axis=1), 1e-2) / 127).astype(np.float16)
    steps = np.round(weights / scale.astype(np.float32)[:, None])
    return np.clip(steps, -127, 127).astype(np.int8), scale


@dataclass(frozen=True, slots=True)
class Lessons:
    """The training messages, ready to learn from."""

    examples: list[Example]
    known: list[str]  # words that are right as they stand
    normaliser: Normaliser
    words: list[list[str]]  # of each message
    labels: list[str]  # out_of_scope last
    truth: NDArray[np.int64]  # number of each message's label
    single: NDArray[np.bool_]  # whether it asks one thing
    folds: NDArray[np.int32]
    vectors: WordVectors | None

    @property
    def is_outside(self) -> NDArray[np.bool_]:
        """Which messages are out of scope."""
        return np.asarray(self.truth == len(self.labels) - 1)


def lessons(data: Path = corpus.DATA, taught: Sequence[Example] = ()) -> Lessons:
    """Reads the folder's `*.yml` and the word vectors; `taught`: what editors have added since."""
    examples = [*corpus.read(corpus.files(data)), *taught]
    known = known_words(examples)
    normaliser = Normaliser(known)
    words = [[piece for token in normaliser.tokens(example.text) for piece in pieces(token)] for example in examples]
    labels = [
        *sorted({example.intent for example in examples if example.second is None} - {OUT_OF_SCOPE}),
        OUT_OF_SCOPE,
    ]
    return Lessons(
        examples=examples,
        known=known,
        normaliser=normaliser,
        words=words,
        labels=labels,
        truth=np.array([labels.index(example.intent) for example in examples]),
        single=np.array([example.second is None for example in examples]),
        folds=folds_of([example.text for example in examples], [example.intent for example in examples]),
        vectors=WordVectors.load() if TABLE.exists() else None,
    )


def train(
    folder: Path = MODEL,
    say: Say = lambda line: None,
    *,
    data: Path = corpus.DATA,
    taught: Sequence[Example] = (),
) -> dict[str, Any]:
    """Trains and writes `model.npz`, `meta.json` and `held_out.npz`; returns what is in the second. `say` gets lines of progress."""
    given = lessons(data, taught)
    say(f"{len(given.examples)} messages, {len(given.labels)} labels, word vectors: {'yes' if given.vectors else 'no'}")
    fitted = fit_all(given, range(FOLDS + 1), say)  # no message is in fold number FOLDS
    decisions, seen = decide(given, fitted[:FOLDS])
    say(f"decisions: {json.dumps(decisions['cross_validation'])}")
    meta = {
        "labels": given.labels,
        "known": given.known,
        "vectors": given.vectors is not None,
        "fingerprint": fingerprint(data, taught),
        "seed": fingerprint(data),
        "code": code_fingerprint(),
        "messages": len(given.examples),
        "taught": len(taught),
        **decisions,
    }
    write(folder, fitted[FOLDS], meta)
    np.savez_compressed(folder / HELD_OUT, **seen)
    return meta


def fit_all(given: Lessons, folds: Sequence[int], say: Say) -> list[Fitted]:
    """For each fold a model that has not seen it; two at a time (the solver leaves Python free), which changes nothing in what comes out."""

    def fit(fold: int) -> Fitted:
        rows = np.flatnonzero(given.single & (given.folds != fold))
        model = fit_linear([given.words[at] for at in rows], given.truth[rows], given.vectors)
        say(f"model {fold + 1} of {len(folds)}")
        return model

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(fit, folds))


def held_out(given: Lessons, fitted: Sequence[Fitted]) -> tuple[Floats, Floats, Floats]:
    """What a calibration reads of each message: the scores of a model that has not seen it, unknown words, length."""
    scores = np.zeros((len(given.examples), len(given.labels)), np.float32)
    unknown = np.zeros(len(given.examples), np.float32)
    for fold, model in enumerate(fitted):
        rows = np.flatnonzero(given.folds == fold)
        texts = [given.words[at] for at in rows]
        scores[rows], unknown[rows] = model.scores(texts), model.unknown(texts)
    return scores, unknown, np.array([len(text) for text in given.words], np.float32)


def learning_curve(shares: Sequence[float] = (0.1, 0.25, 0.5, 0.75, 1.0)) -> list[tuple[int, float]]:
    """How the share of right readings of one fold's in-scope messages grows with how many of the other folds' were learnt from."""
    given = lessons()
    held = np.flatnonzero(given.single & (given.folds == 0) & ~given.is_outside)
    others = np.random.default_rng(SEED).permutation(np.flatnonzero(given.single & (given.folds != 0)))
    curve = []
    for share in shares:
        rows = others[: int(share * len(others))]
        model = fit_linear([given.words[at] for at in rows], given.truth[rows], given.vectors)
        seen = np.unique(given.truth[rows])
        said = seen[model.scores([given.words[at] for at in held]).argmax(axis=1)]
        curve.append((len(rows), float((said == given.truth[held]).mean())))
    return curve


def decide(given: Lessons, fitted: Sequence[Fitted]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Everything that is learnt from held-out scores; and what they say of each message with one question (`nlu.held_out`)."""
    single, is_outside = given.single, given.is_outside
    scores, unknown, lengths = held_out(given, fitted)
    inside = single & ~is_outside
    temperature = fit_temperature(scores[inside, :-1], given.truth[inside])
    ranked = softmax(scores[:, :-1], temperature)
    outside = fit_logistic(outside_looks(scores, ranked, unknown, lengths)[single], is_outside[single])
    chances = chance_outside(scores, unknown, lengths, temperature, outside)
    thresholds, report = fit_thresholds(ranked[single], chances[single], given.truth[single], is_outside[single])
    models = [fitted[fold] for fold in given.folds]
    second, second_report = fit_second(
        given.examples, models, ranked, given.labels[:-1], given.normaliser, temperature, outside
    )
    decisions = {
        "temperature": temperature,
        "outside": outside,
        "thresholds": thresholds,
        "costs": COSTS,
        "second": second,
        "cross_validation": {**report, **second_report},
    }
    away = chances >= thresholds["refuse"]
    said = np.where(away, len(given.labels) - 1, ranked.argmax(axis=1))
    sure = np.where(away, chances, ranked.max(axis=1) * (1 - chances))
    keys = np.array([text_key(example.text) for example in given.examples], np.uint64)
    seen: dict[str, Any] = {"key": keys[single], "truth": given.truth[single].astype(np.uint8)}
    return decisions, {**seen, "said": said[single].astype(np.uint8), "sure": sure[single].astype(np.float16)}


def write(folder: Path, final: Fitted, meta: dict[str, Any]) -> None:
    """Writes the model's two files."""
    folder.mkdir(parents=True, exist_ok=True)
    weights, scale = quantise(final.sparse)
    np.savez_compressed(
        folder / "model.npz",
        vocabulary=np.frombuffer("\n".join(final.vectoriser.vocabulary).encode(), np.uint8),
        idf=final.vectoriser.weights.astype(np.float16),
        weights=weights,
        scale=scale,
        dense=final.dense.astype(np.float16),
        bias=final.bias.astype(np.float32),
    )
    (folder / "meta.json").write_text(json.dumps(meta, indent=1, sort_keys=True) + "\n", encoding="utf-8")
