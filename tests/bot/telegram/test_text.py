"""Cleaning, escaping and cutting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.telegram.text import escape
from bot.texts import clean, length, split, visible
from tests.fakes.telegram_rules import html


@pytest.mark.parametrize(
    ("text", "limit", "parts"),
    [
        ("pendek", 20, ["pendek"]),
        ("", 20, []),
        (" \u200b\n\ufeff", 20, []),
        ("satu dua tiga\n\nempat lima", 20, ["satu dua tiga", "empat lima"]),
        ("satu dua tiga\nempat lima", 20, ["satu dua tiga", "empat lima"]),
        ("Satu dua tiga. Empat lima.", 20, ["Satu dua tiga.", "Empat lima."]),
        ("satu dua tiga empat lima", 20, ["satu dua tiga empat", "lima"]),
        ("a" * 45, 20, ["a" * 20, "a" * 20, "a" * 5]),
        ("🏟" * 25, 20, ["🏟" * 10, "🏟" * 10, "🏟" * 5]),
        ("a\n\n" + "b" * 30, 20, ["a\n\n" + "b" * 17, "b" * 13]),  # a cut far in front would leave a crumb
        ("x" * 20 + " y", 20, ["x" * 20, "y"]),
    ],
)
def test_split(text: str, limit: int, parts: list[str]) -> None:
    assert split(text, limit) == parts


@given(st.text(max_size=300), st.integers(min_value=2, max_value=60))
def test_split_keeps_every_visible_character_and_the_limit(text: str, limit: int) -> None:
    parts = split(clean(text), limit)
    assert all(length(part) <= limit and visible(part) for part in parts)
    kept = sorted(char for part in parts for char in part if visible(char))
    assert kept == sorted(char for char in clean(text) if visible(char))


@given(st.text(max_size=200))
def test_escaped_text_is_read_back_as_it_was(text: str) -> None:
    plain, entities = html(escape(clean(text)))
    assert (plain, entities) == (clean(text), [])


def test_clean_takes_only_what_cannot_be_stored() -> None:
    assert clean("a\x00b\ud83dc\nd 🏟") == "abc\nd 🏟"
