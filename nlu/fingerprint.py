"""The hash of all that makes the model: training data, word lists, word vectors and code. The model carries it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

from nlu import corpus
from nlu.classify import MODEL
from nlu.corpus import Example
from nlu.normalise import LEXICON
from nlu.vectors.table import GRAMS, TABLE

_HERE = Path(__file__).parent
_CODE = (
    "features",
    "normalise",
    "fit",
    "fit_second",
    "train",
    "classify",
    "clauses",
    "corpus",
    "similar",
    "vectors/table",
)
_WORDS = ("regional.tsv", "abbreviations.tsv", "domain.txt", "common.txt", "words.yml")


def fingerprint(data: Path = corpus.DATA, taught: Sequence[Example] = ()) -> str:
    """The hash as it stands in the tree now, with the folder's training data; `taught`: what editors have added."""
    added = [f"{example.intent}\0{example.text}\0".encode() for example in taught]
    return _hash([corpus.fingerprint(corpus.files(data)).encode(), *_code(), *added])


def code_fingerprint() -> str:
    """The hash of code, word lists and vectors alone: a model of another one may be misread by this program."""
    return _hash(_code())


def _hash(parts: Iterable[bytes]) -> str:
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


@cache
def _code() -> tuple[bytes, ...]:
    """Names and hashes of the files, as the running program has read them."""
    paths = [*(LEXICON / name for name in _WORDS), *(_HERE / f"{name}.py" for name in _CODE), TABLE, GRAMS]
    return tuple(path.name.encode() + hashlib.sha256(path.read_bytes()).digest() for path in paths if path.exists())


def is_current(folder: Path = MODEL, data: Path = corpus.DATA) -> bool:
    """Whether the model in the folder was trained from what is in the tree now; what editors have taught it besides does not matter."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return bool(meta.get("seed", meta["fingerprint"]) == fingerprint(data))
