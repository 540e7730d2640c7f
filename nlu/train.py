"""Trains the embedded model from `data/*.yml`: seeded, repeatable, about a minute on two cores.

Everything beside the linear weights (temperature, out-of-scope decision, second question, thresholds) is fitted on
scores that each text got from a model that had seen neither it nor its near-duplicates.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlu import corpus
from nlu.classify import MODEL
from nlu.corpus import Example
from nlu.features import Floats, Vectoriser, pieces
from nlu.fit import Fitted, fit_decisions, fit_linear
from nlu.normalise import LEXICON, Normaliser, plain
from nlu.similar import clusters
from nlu.vectors.table import TABLE, WordVectors

FOLDS = 5
SEED = 20241
KNOWN_FROM = 3  # a word typed in this many training texts is no slip
DENSE = 0.5  # length of the word-vector part beside n-grams of length 1 + 1
NEAR = 0.65
CODE = ("features.py", "normalise.py", "fit.py", "train.py", "classify.py", "clauses.py", "corpus.py", "vectors/table.py")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Prepared:
    """The training texts as the learner wants them."""

    examples: list[Example]
    words: list[list[str]]
    known: list[str]


def fingerprint() -> str:
    """A hash of all that makes the model: data, lexicon, vectors and code."""
    here = Path(__file__).parent
    digest = hashlib.sha256(corpus.fingerprint(corpus.files()).encode())
    for path in [*sorted(LEXICON.glob("*.t*")), *(here / name for name in CODE), TABLE]:
        if path.exists():
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def known_words(examples: list[Example]) -> list[str]:
    """Words frequent enough in training texts to be right as they stand."""
    counted = Counter(word for example in examples for word in set(re.findall("[a-z]+", plain(example.text))))
    base = Normaliser()
    return sorted(word for word, times in counted.items() if times >= KNOWN_FROM and not base.is_variant(word))


def prepare(examples: list[Example]) -> Prepared:
    """Normalises all texts with one normaliser."""
    known = known_words(examples)
    normaliser = Normaliser(known)
    words = [[piece for token in normaliser.tokens(example.text) for piece in pieces(token)] for example in examples]
    return Prepared(examples, words, known)


def folds_of(texts: list[str], labels: list[str]) -> NDArray[np.int32]:
    """A fold for each text: near-duplicates together, labels spread evenly, seeded."""
    groups = clusters(texts, NEAR)
    order = np.random.default_rng(SEED).permutation(len(texts))
    load: Counter[tuple[str, int]] = Counter()
    fold: dict[int, int] = {}
    for at in order:
        group, label = groups[at], labels[at]
        if group not in fold:
            fold[group] = min(range(FOLDS), key=lambda number: (load[label, number], load["", number]))
        load[label, fold[group]] += 1
        load["", fold[group]] += 1
    return np.array([fold[group] for group in groups], np.int32)


def quantise(weights: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Int8 weights and a scale for each label."""
    scale = np.abs(weights).max(axis=0) / 127
    return np.round(weights / scale).astype(np.int8), scale.astype(np.float32)


def train(folder: Path = MODEL, say: Say = lambda line: None) -> dict[str, Any]:
    """Trains and writes `model.npz` and `meta.json`; returns what is in the latter. `say` gets lines of progress."""
    examples = list(corpus.read(corpus.files()))
    prepared = prepare(examples)
    single = [at for at, example in enumerate(examples) if example.second is None]
    labels = sorted({examples[at].intent for at in single})
    vectoriser = Vectoriser.fit([prepared.words[at] for at in single])
    vectors = WordVectors.load() if TABLE.exists() else None
    say(f"{len(examples)} messages, {len(labels)} labels, {len(vectoriser)} features")
    folds = folds_of([example.text for example in examples], [example.intent for example in examples])
    fitted = [fit_linear(prepared.words, examples, single, labels, vectors, DENSE, folds, fold) for fold in range(FOLDS)]
    say(f"{FOLDS} cross-validation models fitted")
    decisions = fit_decisions(prepared.words, examples, folds, fitted, labels, Normaliser(prepared.known))
    say("decisions fitted: " + json.dumps(decisions["cross_validation"]))
    final = fit_linear(prepared.words, examples, single, labels, vectors, DENSE, folds, None, vectoriser)
    meta = {
        "labels": labels,
        "known": prepared.known,
        "vectors": vectors is not None,
        "fingerprint": fingerprint(),
        "messages": len(examples),
        **decisions,
    }
    write(folder, final, meta)
    return meta


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
