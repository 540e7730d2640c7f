"""A reply as one SMS. Parts are counted here a second time, from the standard, so that a wrong count of ours is seen."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers import gsm7, short
from handlers.catalogue import load
from handlers.messages import Option, Reply
from tests.fakes.sms_rules import LINK, counted

WORDS = short.words(load())


def pages(reply: Reply) -> list[str]:
    """What a person reads who answers LANJUT to the end."""
    found = []
    rest: Reply | None = reply
    while rest is not None:
        text, rest = short.shaped(rest, WORDS)
        found.append(text)
        assert len(found) < 2_000, "no end"
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the euro sign is two septets and moves whole into the second part
        ("a" * 151 + "€" + "a" * 153, 2),
        ("ꦲ" * 70, 1),
        ("ꦲ" * 71, 2),
        ("ꦲ" * 134, 2),
        ("ꦲ" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 66, 2),  # 67 units hold 33 pairs
        ("😀" * 67, 3),
    ],
)
def test_parts_are_counted_as_they_leave(text: str, expected: int) -> None:
    assert gsm7.parts(text) == expected
    assert not text or counted(text) == expected


def test_signs_from_the_web_do_not_turn_a_text_to_ucs2() -> None:
    said, rest = short.shaped(
        Reply(text="“Insentif” – Rp600.000… cair\u00a0🙂 • ya → tidak ≥ 18 tahun, café, São"), WORDS
    )
    assert said == '"Insentif" - Rp600.000... cair - ya > tidak >= 18 tahun, café, Sao'
    assert rest is None
    assert gsm7.septets(short.shaped(Reply(text="“a” – b… 🙂"), WORDS)[0]) is not None


def test_a_short_reply_is_one_part_with_its_digits() -> None:
    reply = Reply(
        text="Kakak setuju?", options=(Option(label="Ya", action="answer:ya"), Option(label="Tidak", action="x:y"))
    )
    assert short.shaped(reply, WORDS) == ("Kakak setuju?\nBalas 1 Ya; 2 Tidak", None)


def test_the_own_wording_is_used() -> None:
    assert short.shaped(Reply(text="panjang sekali", sms="pendek"), WORDS)[0] == "pendek"


def test_addresses_are_told_in_words() -> None:
    said, _ = short.shaped(
        Reply(
            text="Buka https://www.prakerja.go.id/en/tanya-jawab?x=1. Atau dashboard.prakerja.go.id, bukan prakerja-x(.)com. Tulis info@prakerja.go.id."
        ),
        WORDS,
    )
    assert said == (
        "Buka situs resmi Prakerja. Atau dashboard Prakerja, bukan prakerja-x titik com. Tulis info@prakerja.go.id."
    )


def test_a_long_text_is_cut_at_a_sentence_and_the_rest_can_be_had() -> None:
    text = " ".join(f"Kalimat nomor {number} cukup panjang untuk diisi beberapa kata biasa." for number in range(1, 14))
    reply = Reply(text=text, options=(Option(label="Ya", action="a:b"), Option(label="Tidak", action="c:d")))
    read = pages(reply)
    assert len(read) > 2
    assert all(page.endswith("kata biasa.\nBalas LANJUT untuk sambungannya.") for page in read[:-1])
    assert read[-1].endswith("kata biasa.\nBalas 1 Ya; 2 Tidak")
    said = " ".join(page.removesuffix("\nBalas LANJUT untuk sambungannya.") for page in read)
    assert said == text + "\nBalas 1 Ya; 2 Tidak"


_CHARS = st.one_of(
    st.sampled_from("aiueo ktnr.,?!\n:/@-0123456789€[]{}…–🙂ꦲ漢é"), st.characters(exclude_categories=("Cs",))
)
_WORDS = st.sampled_from(
    ["prakerja.go.id", "https://a.co/b", "http://", "x.com", "www.", "Kak.", "lanjut", "(.)", ":(//)", "id"]
)
_TEXT = st.lists(st.one_of(st.text(_CHARS, max_size=60), _WORDS), max_size=30).map("".join)
_OPTION = st.builds(Option, label=st.text(_CHARS, max_size=40), action=st.just("a:b"))
REPLIES = st.builds(
    Reply,
    text=_TEXT,
    sms=st.none() | _TEXT,
    options=st.lists(_OPTION, max_size=15).map(tuple),
    version=st.integers(0, 9),
)


@given(REPLIES)
@settings(max_examples=300, deadline=None)
def test_no_reply_leaves_with_more_than_two_parts_or_a_link(reply: Reply) -> None:
    """Whatever the length, the characters and the options; and all of it can be had."""
    read = pages(reply)
    for page in read:
        assert counted(page) <= 2
        assert not LINK.search(page), page
    for place in range(1, len(reply.options) + 1):
        assert str(place) in " ".join(read)


@given(st.text("bze. ", min_size=400, max_size=900))
@settings(deadline=None)
def test_every_letter_arrives(text: str) -> None:
    read = "".join(page.removesuffix("\nBalas LANJUT untuk sambungannya.") for page in pages(Reply(text=text)))
    assert re.sub(r"\s", "", read) == re.sub(r"\s", "", text)
