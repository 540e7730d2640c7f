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
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlu import corpus
from nlu.classify import MODEL, outside_looks, softmax
from nlu.corpus import Example
from nlu.features import Floats, pieces
from nlu.fingerprint import fingerprint
from nlu.fit import COSTS, Fitted, chance_outside, fit_linear, fit_logistic, fit_temperature, fit_thresholds
from nlu.fit_second import fit_second
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


def train(folder: Path = MODEL, say: Say = lambda line: None) -> dict[str, Any]:
    """Trains and writes `model.npz` and `meta.json`; returns what is in the latter. `say` gets lines of progress."""
    examples = list(corpus.read(corpus.files()))
    known = known_words(examples)
    normaliser = Normaliser(known)
    words = [[piece for token in normaliser.tokens(example.text) for piece in pieces(token)] for example in examples]
    intents = sorted({example.intent for example in examples if example.second is None} - {OUT_OF_SCOPE})
    labels = [*intents, OUT_OF_SCOPE]
    truth = np.array([labels.index(example.intent) for example in examples])
    single = np.array([example.second is None for example in examples])
    vectors = WordVectors.load() if TABLE.exists() else None
    say(f"{len(examples)} messages, {len(labels)} labels, word vectors: {'yes' if vectors else 'no'}")
    folds = folds_of([example.text for example in examples], [example.intent for example in examples])
    fitted = fit_all(words, truth, single, folds, vectors, say)
    decisions = decide(examples, words, truth, single, folds, fitted[:FOLDS], intents, normaliser)
    say(f"decisions: {json.dumps(decisions['cross_validation'])}")
    meta = {
        "labels": labels,
        "known": known,
        "vectors": vectors is not None,
        "fingerprint": fingerprint(),
        "messages": len(examples),
        **decisions,
    }
    write(folder, fitted[FOLDS], meta)
    return meta


def fit_all(
    words: list[list[str]],
    truth: NDArray[np.int64],
    single: NDArray[np.bool_],
    folds: NDArray[np.int32],
    vectors: WordVectors | None,
    say: Say,
) -> list[Fitted]:
    """For each fold a model that has not seen it, and at last the model of all messages; two at a time (the solver leaves
    Python free), which changes nothing in what comes out."""

    def fit(fold: int) -> Fitted:
        rows = np.flatnonzero(single & (folds != fold))
        model = fit_linear([words[at] for at in rows], truth[rows], vectors)
        say(f"model {fold + 1} of {FOLDS + 1}")
        return model

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(fit, range(FOLDS + 1)))  # no message is in fold number FOLDS


def learning_curve(shares: Sequence[float] = (0.1, 0.25, 0.5, 0.75, 1.0)) -> list[tuple[int, float]]:
    """How the share of right readings of one fold's in-scope messages grows with how many of the other folds' were learnt from."""
    examples = [example for example in corpus.read(corpus.files()) if example.second is None]
    normaliser = Normaliser(known_words(examples))
    words = [[piece for token in normaliser.tokens(example.text) for piece in pieces(token)] for example in examples]
    labels = sorted({example.intent for example in examples})
    truth = np.array([labels.index(example.intent) for example in examples])
    folds = folds_of([example.text for example in examples], [example.intent for example in examples])
    held = np.flatnonzero((folds == 0) & (truth != labels.index(OUT_OF_SCOPE)))
    others = np.random.default_rng(SEED).permutation(np.flatnonzero(folds != 0))
    vectors = WordVectors.load() if TABLE.exists() else None
    curve = []
    for share in shares:
        rows = others[: int(share * len(others))]
        model = fit_linear([words[at] for at in rows], truth[rows], vectors)
        seen = np.unique(truth[rows])
        said = seen[model.scores([words[at] for at in held]).argmax(axis=1)]
        curve.append((len(rows), float((said == truth[held]).mean())))
    return curve


def decide(
    examples: Sequence[Example],
    words: list[list[str]],
    truth: NDArray[np.int64],
    single: NDArray[np.bool_],
    folds: NDArray[np.int32],
    fitted: Sequence[Fitted],
    intents: list[str],
    normaliser: Normaliser,
) -> dict[str, Any]:
    """Everything that is learnt from held-out scores."""
    scores = np.zeros((len(examples), len(intents) + 1), np.float32)
    unknown = np.zeros(len(examples), np.float32)
    lengths = np.array([len(text) for text in words], np.float32)
    for fold, model in enumerate(fitted):
        rows = np.flatnonzero(folds == fold)
        texts = [words[at] for at in rows]
        scores[rows], unknown[rows] = model.scores(texts), model.unknown(texts)
    is_outside = truth == len(intents)
    inside = single & ~is_outside
    temperature = fit_temperature(scores[inside, :-1], truth[inside])
    ranked = softmax(scores[:, :-1], temperature)
    outside = fit_logistic(outside_looks(scores, ranked, unknown, lengths)[single], is_outside[single])
    chances = chance_outside(scores, unknown, lengths, temperature, outside)
    thresholds, report = fit_thresholds(ranked[single], chances[single], truth[single], is_outside[single])
    models = [fitted[fold] for fold in folds]
    second, second_report = fit_second(examples, models, ranked, intents, normaliser, temperature, outside)
    return {
        "temperature": temperature,
        "outside": outside,
        "thresholds": thresholds,
        "costs": COSTS,
        "second": second,
        "cross_validation": {**report, **second_report},
    }


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
