"""The hash of all that makes the model: training data, word lists, word vectors and code. The model carries it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from nlu import corpus
from nlu.classify import MODEL
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


def fingerprint() -> str:
    """The hash as it stands in the tree now."""
    digest = hashlib.sha256(corpus.fingerprint(corpus.files()).encode())
    for path in [*(LEXICON / name for name in _WORDS), *(_HERE / f"{name}.py" for name in _CODE), TABLE, GRAMS]:
        if path.exists():
            with path.open("rb") as file:
                digest.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def is_current(folder: Path = MODEL) -> bool:
    """Whether the model in the folder was trained from what is in the tree now."""
    try:
        meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return bool(meta["fingerprint"] == fingerprint())
