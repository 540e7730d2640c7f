"""A preparation that goes on in another chat: what proves it, what moves, and that nothing stays behind."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, select, update

from bot import samples
from handlers import identity, registration_carry
from handlers.messages import state_from_json
from handlers.turn import Policy
from storage import chats, consents, drafts, outbox, people, privacy, registrations
from storage import identity as numbers
from storage.schema import carry_codes, conversations, links, participants
from storage.schema import outbox as outbox_rows
from tests.handlers.sample_talk import SampleTalk, sampled
from tests.handlers.talking import NOW, add_chat

POLICY = Policy(
    secure_form_url="https://x/f/",
    lookup_key=b"l" * 32,
    sealing_key=b"s" * 32,
    identity_transfer="Kementerian Contoh",
    identity_basis="Perjanjian 1/2026",
)
NUMBERS = itertools.count(1)
PLAIN = {"nik": "3273010312990001", "kk": "3273010101100002"}


@pytest.fixture
def connection() -> Iterator[Connection]:
    with sampled() as made:
        yield made


@pytest.fixture
def old(connection: Connection) -> SampleTalk:
    """The chat where the preparation was begun, at the question for the region."""
    talk = SampleTalk(connection, policy=POLICY)
    begin(talk)
    return talk


@pytest.fixture
def new(connection: Connection, old: SampleTalk) -> SampleTalk:
    """Another chat."""
    return another(old)


def begin(talk: SampleTalk, age: str = "27") -> None:
    talk.say("mau daftar", "register_start")
    for text in ("setuju", age, "tidak"):
        talk.say(text)
    assert talk.step == "registration/region"
    chats.save_states(talk.connection, {talk.chat_id: talk.state.to_json()}, talk.now)


def finish(talk: SampleTalk) -> None:
    for text in ("lewati", "sma", "petani", "jahit", "cukup", "tidak", "ya"):
        talk.say(text)
    assert talk.step == ""


def another(talk: SampleTalk) -> SampleTalk:
    made = SampleTalk.__new__(SampleTalk)
    super(SampleTalk, made).__init__(talk.connection, policy=POLICY)
    made.channel = "whatsapp"
    made.chat_id = add_chat(talk.connection, "two")
    return made


def join(talk: SampleTalk, number: int = 1, level: str = "2", **more: object) -> None:
    phone = samples.phone(number)
    chats.note_identity(talk.connection, talk.chat_id, kind="phone", value=phone, vouched=True, now=talk.now)
    people.link(
        talk.connection,
        chat_id=talk.chat_id,
        participant_id=talk.person(number),
        level=level,
        method="birth_card",
        now=talk.now,
    )
    if more:
        connection = talk.connection
        connection.execute(update(links).where(links.c.chat_id == talk.chat_id).values(**more))


def code_of(talk: SampleTalk, ids: Iterator[str] | None = None) -> str:
    made = ids or (f"{number}".rjust(8, "A") for number in NUMBERS)
    new_id = partial(lambda length, made: next(made), made=made)
    return registration_carry.make_code(talk.connection, talk.policy, new_id, chat_id=talk.chat_id, now=talk.now)


def stored_state(talk: SampleTalk) -> str | None:
    rows = conversations.c
    state = talk.connection.execute(select(rows.state).where(rows.chat_id == talk.chat_id)).scalar_one()
    return state_from_json(state).form


# -- proof --------------------------------------------------------------------------------------------------------


def test_both_chats_must_be_linked_to_the_same_participant(old: SampleTalk, new: SampleTalk) -> None:
    join(old)
    assert registration_carry.elsewhere(new.turn()) is None
    join(new, 2)
    assert registration_carry.elsewhere(new.turn()) is None
    join(new)
    found = registration_carry.elsewhere(new.turn())
    assert found is not None
    assert (found.chat_id, found.channel, found.number) == (1, "telegram", "")


@pytest.mark.parametrize("weak", ["old", "new"])
def test_a_guessable_proof_is_not_enough_on_either_side(old: SampleTalk, new: SampleTalk, weak: str) -> None:
    join(old, level="2a" if weak == "old" else "2")
    join(new, level="2a" if weak == "new" else "2")
    assert registration_carry.elsewhere(new.turn()) is None


def test_a_link_that_no_longer_holds_shows_nothing(old: SampleTalk, new: SampleTalk) -> None:
    join(old, expires_at=NOW)
    join(new)
    assert registration_carry.elsewhere(new.turn()) is None
    old.connection.execute(update(links).where(links.c.chat_id == 1).values(expires_at=None))
    assert registration_carry.elsewhere(new.turn()) is not None
    moved = update(participants).where(participants.c.id == old.person(1)).values(phone="+6280000009999")
    old.connection.execute(moved)
    assert registration_carry.elsewhere(new.turn()) is None


def test_a_consent_alone_is_nothing_to_go_on_with(connection: Connection) -> None:
    talk = SampleTalk(connection, policy=POLICY)
    talk.say("mau daftar", "register_start")
    talk.say("setuju", "affirm")
    assert registration_carry.source(talk.connection, 1, NOW) is None


def test_the_offer_shows_no_value_before_it_is_taken(old: SampleTalk, new: SampleTalk) -> None:
    join(old)
    join(new)
    said = new.say("mau daftar", "register_start")
    assert "chat Telegram" in said
    assert "27" not in said
    new.say("lanjut", "affirm")
    assert new.step == "registration/region"
    assert new.state.data["age"] == "27"


def test_starting_anew_leaves_the_other_chat_alone(old: SampleTalk, new: SampleTalk) -> None:
    join(old)
    join(new)
    new.say("mau daftar", "register_start")
    new.say("mulai baru")
    assert new.step == "registration/consent"
    assert drafts.get(old.connection, 1, "registration", NOW) is not None


def test_a_code_is_kept_as_a_keyed_hash_with_letters_and_digits(old: SampleTalk) -> None:
    ids = iter(("ABCDEFGH", "12345678", "AB123CDE", "7K2M9QXP", "A1B2C3D4", "ZZZZZZZ1"))
    for wanted in ("7K2M9QXP", "A1B2C3D4", "ZZZZZZZ1"):
        code = code_of(old, ids)
        assert code == wanted
    kept = old.connection.execute(select(carry_codes.c.code_hash)).scalars().all()
    assert len(kept) == 3
    assert all(code not in row for row in kept)


def test_using_one_code_uses_up_all(old: SampleTalk, new: SampleTalk) -> None:
    first, second = code_of(old), code_of(old)
    assert "sudah pindah" in new.say(f"lanjut {first.lower()}")
    third = another_two(old)
    assert "tidak dikenal" in third.say(f"LANJUT-{second}")


def another_two(talk: SampleTalk) -> SampleTalk:
    made = another_shell(talk)
    made.chat_id = add_chat(talk.connection, "three")
    return made


def another_shell(talk: SampleTalk) -> SampleTalk:
    made = SampleTalk.__new__(SampleTalk)
    super(SampleTalk, made).__init__(talk.connection, policy=POLICY)
    made.channel = "telegram"
    return made


def test_a_code_of_an_erased_chat_opens_nothing(old: SampleTalk, new: SampleTalk) -> None:
    code = code_of(old)
    privacy.erase(old.connection, 1, NOW)
    assert "tidak dikenal" in new.say(f"lanjut {code}")


def test_what_is_gone_between_offer_and_answer_is_told(old: SampleTalk, new: SampleTalk) -> None:
    join(old)
    join(new)
    new.say("mau daftar", "register_start")
    people.end_link(old.connection, 1, why="asked", now=NOW)
    assert "sudah tidak ada" in new.say("lanjut", "affirm")
    assert new.step == ""
    assert drafts.get(old.connection, 1, "registration", NOW) is not None


# -- what moves ---------------------------------------------------------------------------------------------------


def test_everything_moves_and_the_chat_that_it_leaves_is_told(old: SampleTalk, new: SampleTalk) -> None:
    until = NOW + timedelta(days=365)
    row = identity.sealed_row(PLAIN, POLICY, chat_id=1)
    numbers.save(old.connection, 1, values=row, now=NOW, kept_until=until)
    numbers.log_looks(old.connection, [1], actor="cli", what="ekspor", now=NOW)
    consents.give(old.connection, 1, purpose=identity.PURPOSE, wording="x", now=NOW, until=until)
    drafts.amend(old.connection, 1, "registration", {**old.state.data, "identity": identity.NOTED})
    wording = consents.active(old.connection, 1, "registration", NOW)
    new.say(f"lanjut {code_of(old)}")
    assert new.step == "registration/region"
    assert new.state.data["identity"] == identity.NOTED

    assert consents.all_active(old.connection, 1, NOW) == []
    moved = consents.active(old.connection, new.chat_id, "registration", NOW)
    assert wording is not None
    assert moved is not None
    assert (moved["wording"], moved["given_at"]) == (wording["wording"], wording["given_at"])
    assert numbers.get(old.connection, 1, NOW) is None
    held = numbers.get(old.connection, new.chat_id, NOW)
    assert held is not None
    assert identity.opened(held, POLICY) == PLAIN
    assert len(numbers.looks(old.connection, new.chat_id)) == 1
    assert drafts.get(old.connection, 1, "registration", NOW) is None
    assert stored_state(old) is None

    told = old.connection.execute(select(outbox_rows)).mappings().all()
    assert [(row["chat_id"], row["lane"]) for row in told] == [(1, outbox.BROADCASTS)]
    assert "chat WhatsApp" in told[0]["payload"]["text"]


def test_numbers_under_a_lost_key_do_not_move(old: SampleTalk, new: SampleTalk) -> None:
    lost = Policy(sealing_key=b"x" * 32)
    row = identity.sealed_row(PLAIN, lost, chat_id=1)
    numbers.save(old.connection, 1, values=row, now=NOW, kept_until=NOW + timedelta(days=30))
    drafts.amend(old.connection, 1, "registration", {**old.state.data, "identity": identity.NOTED})
    new.say(f"lanjut {code_of(old)}")
    assert "identity" not in new.state.data
    assert numbers.key_counts(old.connection) == {}


def test_a_noted_preparation_keeps_its_number(old: SampleTalk, new: SampleTalk) -> None:
    finish(old)
    row = registrations.of_chat(old.connection, 1, NOW)
    assert row is not None
    said = new.say(f"lanjut {code_of(old)}")
    assert row["number"] in said
    assert "BELUM terdaftar" in said
    moved = registrations.of_chat(old.connection, new.chat_id, NOW)
    assert moved is not None
    assert moved["number"] == row["number"]
    assert registrations.of_chat(old.connection, 1, NOW) is None


def test_what_is_here_is_replaced_only_when_the_person_says_so(old: SampleTalk, new: SampleTalk) -> None:
    begin(new, "44")
    code = code_of(old)
    assert "akan menggantinya" in new.say(f"lanjut {code}")
    new.say("biarkan")
    assert (new.step, new.state.data["age"]) == ("registration/region", "44")
    new.say(f"lanjut {code}")
    new.tap("Lanjut di sini")
    assert (new.step, new.state.data["age"]) == ("registration/region", "27")


def test_another_form_that_is_open_there_stays(old: SampleTalk, new: SampleTalk) -> None:
    code = code_of(old)
    old.say("mau lapor", "report_problem")
    chats.save_states(old.connection, {1: old.state.to_json()}, NOW)
    new.say(f"lanjut {code}")
    assert stored_state(old) == "report"
