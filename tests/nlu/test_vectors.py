"""Word vectors: what stands in the table, and where a word that does not is placed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlu.vectors.table import GRAMS, STRANGER, TABLE, LetterGroups, WordVectors


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    return WordVectors.load()


def near(vectors: WordVectors, left: str, right: str) -> float:
    return float(vectors.embed([left]) @ vectors.embed([right]))


@pytest.mark.parametrize(
    ("unseen", "like", "unlike"),
    [("pendaftarannyaa", "pendaftaran", "insentif"), ("sertifikattt", "sertifikat", "rekening")],
)
def test_an_unseen_word_stands_near_its_likes(vectors: WordVectors, unseen: str, like: str, unlike: str) -> None:
    assert unseen not in vectors.units()[0]
    assert near(vectors, unseen, like) > 0.4
    assert near(vectors, unseen, like) > near(vectors, unseen, unlike) + 0.2


def test_an_unseen_word_weighs_less_than_a_rare_one() -> None:
    guess = LetterGroups.load().vector("pendaftarannyaa")
    assert guess is not None
    assert np.linalg.norm(guess) == pytest.approx(STRANGER, abs=1e-3)


@pytest.mark.parametrize("word", ["?", "••••", "x1", "qx", "2024"])
def test_what_is_no_word_has_no_vector(vectors: WordVectors, word: str) -> None:
    assert not vectors.embed([word]).any()
    assert not vectors.embed([]).any()


def test_without_letter_groups_unseen_words_have_no_vector(tmp_path: Path) -> None:
    alone = WordVectors.load(groups=tmp_path / "none.npz")
    assert not alone.embed(["pendaftarannyaa"]).any()
    assert alone.embed(["pendaftaran"]).any()


def test_the_tables_stay_small() -> None:
    assert TABLE.stat().st_size + GRAMS.stat().st_size <= 15_000_000


def test_letter_groups_learn_the_words_they_are_fitted_on() -> None:
    grams = pytest.importorskip("nlu.vectors.grams", reason="needs the extra `train`")
    words = [f"{start}{end}" for start in ("satu", "dua", "tiga") for end in "abcdefghijklmnop"]
    one = np.zeros((len(words), 3), np.float32)
    for at, word in enumerate(words):
        one[at, ("s", "d", "t").index(word[0])] = 1
    names, found = grams.fit(words, one)
    rows = grams.matrix(["satuz", "duaz"], {name: at for at, name in enumerate(names)}) @ found
    assert rows.argmax(axis=1).tolist() == [0, 1]
