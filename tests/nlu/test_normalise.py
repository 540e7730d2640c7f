"""Everyday spellings and what they are brought to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.normalise import LEXICON, Normaliser, distance, lexicon_lines

NORMALISER = Normaliser()


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("GMN caranya cairin insntifnya kak???", "bagaimana cara cairkan insentif nya kak ?"),
        ("sy blm dpt pndftrn prakrjanya", "saya belum dapat pendaftaran prakerja nya"),
        ("udh lamaaaa bangeettt", "sudah lama banget"),
        ("masuk2 mudah2an", "masuk-masuk mudah-mudahan"),
        ("600rb gel68 gel 68 tahun 2024", "xuang gelombang xangka gelombang xangka tahun xtahun"),
        ("insentifku sertipikatnya", "insentif ku sertifikat nya"),
        ("piye carane daftar", "bagaimana cara daftar"),
        ("kumaha carana daftar", "bagaimana cara daftar"),
        ("teu acan cair", "belum cair"),
        ("sonde bisa", "tidak bisa"),
        ("sa tra lolos", "saya tidak lolos"),
        ("Ｈａｌｏ ｋａｋ", "halo kak"),
        ("kata sandi lupa", "password lupa"),
        ("nunggu dievalusi", "nunggu dievaluasi"),
        ("dashbordku", "dashboard ku"),
        ("rek bca ••••••••••••1234", "rekening bca xnomor"),
        ("orang-orang", "orang-orang"),
        ("iyaaa", "ya"),
        ("udahhh makasiiih", "sudah terima kasih"),
        ("acc kak", "setuju kak"),
        ("udh di acc blm", "sudah disetujui belum"),
        ("acc sy ilang", "akun saya hilang"),
        ("🙏", "terima kasih"),
        ("", ""),
        ("!!! ...", ""),
    ],
)
def test_brought_to_one_form(typed: str, expected: str) -> None:
    assert NORMALISER(typed) == expected


@pytest.mark.parametrize(
    "word", ["bukan", "tinggal", "kota", "khusus", "harus", "malang", "bakal", "batam", "kapal", "memberi", "semarang"]
)
def test_right_words_are_no_slips(word: str) -> None:
    assert NORMALISER(word) == word


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("kk mau tanya", "kak mau tanya"),
        ("makasih kk", "terima kasih kak"),
        ("iya kk", "ya kak"),
        ("kk sy blm lolos", "kak saya belum lolos"),
        ("kk, no kk sy ditolak", "kak nomor kk saya ditolak"),
        ("kk saya beda sama ktp", "kk saya beda sama ktp"),
        ("satu kk boleh berapa", "satu kk boleh berapa"),
        ("nik sm kk", "nik sama kk"),
        ("KK sy udh jadi", "kk saya sudah jadi"),
        ("MAKASIH KK", "terima kasih kak"),
    ],
)
def test_kk_is_the_card_or_the_reader(typed: str, expected: str) -> None:
    assert NORMALISER(typed) == expected


@pytest.mark.parametrize("known", [("pelatikan",)])
def test_words_of_the_model_are_no_slips(known: tuple[str, ...]) -> None:
    assert Normaliser()("pelatikan") == "pelatihan"
    assert Normaliser(known)("pelatikan") == "pelatikan"


def test_a_variant_has_one_meaning() -> None:
    seen: dict[str, str] = {}
    for name in ("abbreviations.tsv", "regional.tsv"):
        for canonical, variants in lexicon_lines(name):
            for variant in variants:
                assert seen.setdefault(variant, canonical) == canonical, (
                    f"{variant}: {seen[variant]} and {canonical} ({LEXICON})"
                )


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    assert NORMALISER(text) == NORMALISER(text)


@given(st.text(alphabet="abcdeg", max_size=8), st.text(alphabet="abcdeg", max_size=8))
def test_distance_is_symmetric_and_bounded(left: str, right: str) -> None:
    assert distance(left, right, 2) == distance(right, left, 2)
    assert 0 <= distance(left, right, 2) <= 3
    assert (distance(left, right, 2) == 0) == (left == right)
