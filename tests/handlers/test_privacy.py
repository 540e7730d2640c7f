"""What is kept can be seen, corrected, erased and its consent withdrawn, all from the chat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, insert, select

from handlers import privacy
from storage import chats, consents, drafts, registrations, subscriptions
from storage.schema import cases, inbox, links, messages, metadata, participants, proofs
from tests.handlers.talking import NOW, Talk, add_chat, memory

_KEEPS_CHAT = {"conversations", "inbox", "proofs", "outbox", "queue"}


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A database with one chat."""
    with memory() as made:
        yield made


@pytest.fixture
def talk(connection: Connection) -> Talk:
    """A chat with a preparation, a number, a link, a case and a log; and a neighbour who has the same."""
    neighbour = add_chat(connection, "two")
    phone = "+6280000000001"
    person = {"record_key": "a", "name": "Contoh", "phone": phone, "membership": "active"}
    person |= {"as_of": NOW, "imported_at": NOW}
    record = connection.execute(insert(participants).values(person)).inserted_primary_key[0]
    for chat_id in (1, neighbour):
        chats.note_identity(connection, chat_id, kind="phone", value=phone, vouched=True, now=NOW)
        connection.execute(
            insert(links).values(chat_id=chat_id, participant_id=record, level="2", method="card", created_at=NOW)
        )
        chats.log(connection, [{"chat_id": chat_id, "author": "person", "text": "halo", "at": NOW}])
        case = {
            "number": f"L-{chat_id}",
            "chat_id": chat_id,
            "topic": "money",
            "priority": 2,
            "state": "open",
            "story": "s",
        }
        connection.execute(insert(cases).values(**case, history=[], created_at=NOW, updated_at=NOW, due_at=NOW))
        event = {"chat_id": chat_id, "source": "telegram:bot", "event_id": f"e{chat_id}", "payload": {"text": "halo"}}
        connection.execute(insert(inbox).values(**event, state="done", sent_at=NOW, received_at=NOW))
    made = Talk(connection)
    prepare(made)
    return made


def prepare(talk: Talk) -> None:
    talk.say("mau daftar", "register_start")
    for text in ("setuju", "33", "tidak", "lewati", "sma", "petani", "hidroponik", "cukup", "ya", "ya"):
        talk.say(text)


def test_the_overview_names_every_kind_of_data(talk: Talk) -> None:
    said = talk.say("data saya apa aja yang disimpan", "my_data")
    number = registrations.of_chat(talk.connection, 1, NOW)
    assert number is not None
    for part in ("Telegram", "+62800•", "tingkat 2", "persiapan pendaftaran", number["number"], "gelombang", "L-1"):
        assert part in said
    assert "0000001" not in said.replace("•", "")
    assert "L-2" not in said
    assert talk.labels == ["Lihat lengkap", "Koreksi", "Hapus", "Tarik persetujuan", "Cukup"]


def test_the_details_show_wording_and_values(talk: Talk) -> None:
    talk.say("data saya", "my_data")
    said = talk.tap("Lihat lengkap")
    assert "Saya setuju" in said
    assert "berlaku sampai 24 Nov 2027" in said
    assert "33 tahun" in said
    assert talk.state.form is None


def test_erasing_asks_first_and_says_what_it_is_not(talk: Talk) -> None:
    said = talk.say("hapus data saya dong", "my_data")
    assert "Ini menghapus data di Pandu, bukan akun Prakerja." in said
    assert "tetap seperti semula" in talk.tap("Tidak jadi")
    assert talk.state.form is None
    assert registrations.of_chat(talk.connection, 1, NOW) is not None


def test_erasing_leaves_nothing_of_this_chat_and_everything_of_others(talk: Talk) -> None:
    talk.connection.execute(insert(proofs).values(chat_id=1, wrong=3, since=NOW, locked_until=NOW))
    talk.say("hapus data saya", "my_data")
    said = talk.say("ya hapus", "affirm")
    assert "Ini menghapus data di Pandu, bukan akun Prakerja." in said
    for table in metadata.sorted_tables:
        if "chat_id" in table.c and table.name not in _KEEPS_CHAT:
            left = talk.connection.execute(select(table.c.chat_id)).scalars().all()
            assert 1 not in left, table.name
    for table in (links, messages, cases):
        assert talk.connection.execute(select(table.c.chat_id)).scalars().all() == [2]
    assert talk.connection.execute(select(inbox.c.payload).where(inbox.c.chat_id == 1)).scalar() is None
    assert talk.connection.execute(select(inbox.c.event_id).where(inbox.c.chat_id == 1)).scalar() == "e1"
    assert talk.connection.execute(select(proofs.c.wrong)).scalar() == 3
    assert talk.connection.execute(select(participants.c.id)).scalar() is not None
    assert talk.state.form is None
    assert talk.state.data == {}
    assert talk.state.greeted


def test_a_stop_survives_erasing(talk: Talk) -> None:
    talk.say("berhenti", "unsubscribe")
    talk.say("hapus data saya", "my_data")
    talk.tap("Ya, hapus")
    assert subscriptions.stopped(talk.connection, 1)


def test_withdrawing_consent_takes_what_rested_on_it(talk: Talk) -> None:
    said = talk.say("saya mau tarik persetujuan", "my_data")
    assert "catatan persiapan" in said
    talk.tap("Ya, tarik")
    assert consents.all_active(talk.connection, 1, NOW) == []
    assert registrations.of_chat(talk.connection, 1, NOW) is None
    assert drafts.get(talk.connection, 1, "registration", NOW) is None
    assert subscriptions.topics(talk.connection, 1) == []


def test_with_nothing_to_withdraw_it_says_so(connection: Connection) -> None:
    talk = Talk(connection)
    assert "tidak ada persetujuan" in talk.say("cabut persetujuan saya", "my_data")
    assert talk.state.form is None


def test_correcting_opens_the_preparation_at_its_summary(talk: Talk) -> None:
    talk.say("data saya", "my_data")
    talk.tap("Koreksi")
    assert (talk.state.form, talk.state.step) == ("registration", "confirm")
    talk.say("ubah pendidikan")
    talk.say("s1")
    talk.say("ya", "affirm")
    row = registrations.of_chat(talk.connection, 1, NOW)
    assert row is not None
    assert row["data"]["education"] == "s1"
    assert row["data"]["work"] == "farmer"


def test_with_nothing_to_correct_it_points_to_the_dashboard(connection: Connection) -> None:
    talk = Talk(connection)
    assert "dashboard.prakerja.go.id" in talk.say("koreksi data saya", "my_data")


def test_other_peoples_data_are_not_shown(talk: Talk) -> None:
    assert "dari chat itu sendiri" in talk.say("lihat data ibu saya", "my_data", subject="mother")


def test_the_policy_names_the_operator_and_the_rights(talk: Talk) -> None:
    said = talk.say("/privacy")
    assert "relawan Pandu" in said
    assert "UU 27/2022" in said
    assert privacy.privacy_policy(talk.turn()).replies[0].options
