"""Options page by page, for channels that can show only some of them; and several replies in one bubble."""

from __future__ import annotations

from dataclasses import replace

import pytest

from handlers import bubbles, dialogue
from handlers.messages import (
    PAGE,
    Kind,
    Option,
    Reply,
    Template,
    page_reference,
    parse_option_reference,
    parse_page_reference,
    reply_from_json,
)
from tests.handlers.talking import Talk, memory

MANY = tuple(Option(label=f"Pilihan {n}", action="do:menu") for n in range(1, 13))


@pytest.fixture
def talk() -> Talk:
    with memory() as connection:
        made = Talk(connection)
        made.state = replace(made.state, options=MANY, version=4)
        yield made


def tap(talk: Talk, reference: str) -> Reply:
    talk.take(dialogue.respond(talk.turn(kind=Kind.CHOICE, choice=reference)))
    return talk.replies[-1]


def test_the_next_page_shows_the_same_options_from_another_place(talk: Talk) -> None:
    reply = tap(talk, page_reference(4, 10))
    assert (reply.options, reply.first, reply.version) == (MANY, 10, 5)
    assert talk.state.options == MANY
    assert tap(talk, page_reference(5, 1)).first == 1


def test_the_page_of_an_old_message_shows_the_present(talk: Talk) -> None:
    assert tap(talk, page_reference(3, 10)).text.startswith("Tombol itu dari pesan lama")


def test_a_double_tap_says_nothing_new(talk: Talk) -> None:
    tap(talk, page_reference(4, 10))
    assert not talk.take(dialogue.respond(talk.turn(kind=Kind.CHOICE, choice=page_reference(4, 10))))


@pytest.mark.parametrize("first", [0, 13, 99])
def test_a_place_that_is_none_begins_anew(talk: Talk, first: int) -> None:
    assert tap(talk, page_reference(4, first)).first == 1


def test_the_words_do_the_same_as_the_tap(talk: Talk) -> None:
    talk.say("pilihan lainnya")
    assert talk.replies[-1].first == 1 + PAGE
    talk.say("Pilihan lainnya.")
    assert talk.replies[-1].first == 1


def test_few_options_have_no_pages(talk: Talk) -> None:
    talk.state = replace(talk.state, options=MANY[:9])
    talk.say("pilihan lainnya")
    assert talk.replies[-1].first == 1
    assert talk.replies[-1].options != MANY[:9]


def test_references_are_told_apart() -> None:
    assert parse_page_reference("p:4:10") == (4, 10)
    assert [parse_page_reference(text) for text in ("o:4:10", "p:4", "p:x:1", "p:4:-1", "")] == [None] * 5
    assert parse_option_reference("p:4:10") is None


def test_several_replies_become_one() -> None:
    options = MANY[:2]
    joined = bubbles.joined(
        [
            Reply(text="Satu.", options=MANY, first=10, cancellable=True),
            Reply(text="Dua.", options=options, cancellable=True),
            Reply(text=""),
        ]
    )
    assert joined == Reply(text="Satu.\n\nDua.", options=options)


def test_a_template_travels_through_the_database() -> None:
    reply = Reply(text="a", template=Template(name="kabar", values={"hari": "Senin"}))
    assert reply_from_json(reply.to_json()) == reply
    assert reply_from_json(Reply(text="a").to_json()) == Reply(text="a")
