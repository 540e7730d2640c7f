"""No bubble is longer than 500 characters (design, Voice): first answers, asides of every step, what stands behind "Selengkapnya"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers import bubbles, dialogue
from handlers.answers import more
from handlers.journeys import INTENTS
from handlers.messages import Option, Reply, SecureForm, State
from handlers.turn import Answer, Policy, Turn
from nlu.understanding import Outcome, Understanding
from tests.handlers.sample_talk import sampled
from tests.handlers.test_mid_form import PLACES, Stage

OPERATOR = "Dinas Tenaga Kerja dan Transmigrasi Kabupaten Contoh"  # as long as such names are


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with sampled() as connection:
        yield Stage(connection)


def meant(intent: str, second: str | None = None, outcome: Outcome = Outcome.ANSWER) -> Understanding:
    """A message that means an intent without a doubt."""
    ranking = ((intent, 0.97), ("help_menu", 0.02), ("thanks", 0.01))
    return Understanding(intent=intent, confidence=0.97, outcome=outcome, ranking=ranking, second=second)


def asked(stage: Stage, state: State, programme: str, reading: Understanding) -> Turn:
    """A late message with a masked number in it, so that every lead that there is stands before the answer."""
    turn = stage.turn("mau tanya soal ini dong kak, tolong dijelaskan", state, programme)
    inbound = replace(turn.inbound, sent_at=turn.now - timedelta(hours=3), masked=("nik",))
    return replace(turn, inbound=inbound, understanding=reading, policy=replace(turn.policy, operator=OPERATOR))


def played(stage: Stage, turn: Turn, linked: int = 0) -> Answer:
    inner = stage.connection.begin_nested()
    try:
        if linked:
            stage.talk.link(linked)
        return dialogue.respond(turn)
    finally:
        inner.rollback()


def too_long(where: str, replies: Sequence[Reply]) -> list[str]:
    return [f"{where}: {len(r.text)} {r.text[:60]!r}" for r in replies if len(r.text) > bubbles.LONGEST]


def test_every_first_answer(stage: Stage) -> None:
    found = []
    for intent in (*stage.catalogue.answers, *INTENTS):
        for programme in ("open", "closed"):
            answer = played(stage, asked(stage, State(), programme, meant(intent)))
            found += too_long(f"{intent} {programme}", answer.replies)
            assert answer.replies[0].text.startswith("Saya Pandu"), "who is speaking comes first"
    assert found == []


def test_two_answers_and_what_stands_behind_an_answer(stage: Stage) -> None:
    found = []
    for intent in stage.catalogue.answers:
        for second in ("eligibility", "register_start", "scam_check"):
            found += too_long(
                f"{intent}+{second}", played(stage, asked(stage, State(), "closed", meant(intent, second))).replies
            )
        behind = more(asked(stage, State(), "closed", meant(intent)), intent)
        found += [
            f"{intent} more"
            for reply in behind.replies
            for one in bubbles.fitted(reply, "telegram")
            if len(one.text) > 500
        ]
    assert found == []


@pytest.mark.parametrize("name", PLACES)
def test_every_aside_of_a_step(stage: Stage, name: str) -> None:
    found = []
    outer = stage.connection.begin_nested()
    try:
        if linked := PLACES[name].linked:
            stage.talk.link(linked)
        state, place = stage.opened(name)
        for intent in (*stage.catalogue.answers, *INTENTS):
            answer = played(stage, asked(stage, replace(state, greeted=False), place.programme, meant(intent)))
            found += too_long(f"{name} {intent}", answer.replies)
    finally:
        outer.rollback()
    assert found == []


@pytest.mark.parametrize("name", PLACES)
def test_a_misfit_and_the_question_again_are_one_bubble(stage: Stage, name: str) -> None:
    inner = stage.connection.begin_nested()
    try:
        if linked := PLACES[name].linked:
            stage.talk.link(linked)
        state, place = stage.opened(name)
        answer = dialogue.respond(
            stage.turn("hmm zxcv", replace(state, data={**state.data, "_misfits": 3}), place.programme)
        )
        assert len(answer.replies) == 1 or answer.state.step != state.step, (
            "one bubble, unless it was an answer after all"
        )
        assert too_long(name, answer.replies) == []
    finally:
        inner.rollback()


def test_the_consent_is_not_read_out_again_after_a_question(stage: Stage) -> None:
    state, place = stage.opened("registration/consent")
    answer = dialogue.respond(stage.turn("syaratnya apa aja kak?", state, place.programme))
    said = "\n".join(reply.text for reply in answer.replies)
    assert "Kakak setuju dengan izin yang tadi?" in said
    assert "paling lama 12 bulan" not in said
    assert answer.replies[-1].options == state.options


# -- the cutting -----------------------------------------------------------------------------------------------------


def test_a_text_is_cut_between_paragraphs_and_its_options_hang_on_the_last() -> None:
    reply = Reply(
        text="\n\n".join(("a" * 300, "b" * 150, "c" * 300)),
        options=(Option(label="Ya", action="answer:ya"),),
        form=SecureForm(key="K", fields=("nik",), url="https://contoh.go.id/f/K"),
        sms="pendek",
    )
    first, last = bubbles.fitted(reply, "telegram")
    assert first == Reply(text="a" * 300 + "\n\n" + "b" * 150)
    assert last == replace(reply, text="c" * 300)


@given(st.text(alphabet="ab \n", max_size=3_000))
def test_nothing_but_borders_is_lost(text: str) -> None:
    pieces = bubbles.fitted(Reply(text=text), "telegram")
    assert all(len(piece.text) <= bubbles.LONGEST for piece in pieces)
    assert "".join("".join(piece.text for piece in pieces).split()) == "".join(text.split())


def test_by_sms_a_message_is_not_cut(stage: Stage) -> None:
    stage.talk.channel = "sms"
    try:
        answer = played(stage, asked(stage, State(greeted=True), "closed", meant("eligibility", "register_how")))
    finally:
        stage.talk.channel = "telegram"
    assert len(answer.replies) == 1
    assert answer.replies[0].sms


def test_policy_names_stay_short_enough() -> None:
    assert len(OPERATOR) > len(Policy().operator)


def test_who_is_speaking_shares_the_bubble_of_a_short_answer(stage: Stage) -> None:
    """Each message costs the person time and the operator money; on WhatsApp one bubble holds more."""
    hello = stage.turn("halo", State(), "closed")
    (short,) = played(stage, replace(hello, understanding=meant("thanks"))).replies
    assert short.text.startswith("Saya Pandu")
    assert "\n\n" in short.text
    whatsapp = replace(hello.inbound, channel="whatsapp")
    for intent in stage.catalogue.answers:
        said = played(stage, replace(hello, inbound=whatsapp, understanding=meant(intent))).replies
        assert len(said[0].text) <= bubbles.WHATSAPP
        assert len(said) == 1, intent


def test_a_text_to_be_pasted_stays_a_message_of_its_own_on_whatsapp() -> None:
    said = [Reply(text="kirim ke sana"), Reply(text="begini caranya"), Reply(text="Yth. Tim", alone=True)]
    assert [reply.text for reply in bubbles.shown(said, "whatsapp")] == ["kirim ke sana\n\nbegini caranya", "Yth. Tim"]
