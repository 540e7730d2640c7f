"""What is kept can be seen, corrected, erased and its consent withdrawn, all from the chat."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, select

from bot import proactive
from handlers import data_requests as receipts
from handlers import privacy
from handlers.messages import Reply
from storage import (
    chats,
    consents,
    data_requests,
    drafts,
    erasing,
    feedback,
    misunderstood,
    registrations,
    reminders,
    restrictions,
    subscriptions,
    taught,
)
from storage.schema import cases, inbox, links, messages, metadata, outbox, participants, proofs
from storage.schema import misunderstood as misunderstood_rows
from tests.handlers.talking import NOW, Talk, add_chat

_KEEPS_CHAT = {"conversations", "inbox", "proofs", "outbox", "queue", "data_requests"}


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
    assert talk.labels == ["Lihat lengkap", "Koreksi", "Hapus", "Tarik persetujuan", "Batasi", "Cukup"]


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


# -- requests with receipt and proof ------------------------------------------------------------------------------


def requests(talk: Talk) -> list[tuple[str, str]]:
    return [(row["kind"], row["state"]) for row in data_requests.of_chat(talk.connection, 1)]


def test_what_the_bot_does_at_once_has_its_proof_in_the_same_breath(talk: Talk) -> None:
    talk.say("data saya", "my_data")
    assert "Nomor bukti: D-" in talk.tap("Lihat lengkap")
    talk.say("hapus data saya", "my_data")
    assert "Nomor bukti: D-" in talk.tap("Ya, hapus")
    rows = data_requests.of_chat(talk.connection, 1)
    assert [(row["kind"], row["state"]) for row in rows] == [("erasure", "done"), ("access", "done")]
    assert rows[0]["proof"]["counts"]["messages"] == 1
    assert all(data_requests.intact(row) for row in rows)
    assert {row["wish"] for row in rows} == {None}
    assert not data_requests.intact({**rows[0], "proof": {**rows[0]["proof"], "counts": {}}})


def test_an_erasure_stands_in_the_ledger_without_a_word_about_the_person(talk: Talk) -> None:
    talk.say("hapus data saya", "my_data")
    talk.tap("Ya, hapus")
    (row,) = erasing.unfiled(talk.connection)
    assert row["digest"] == receipts.digest("chat", "telegram:bot:one", b"")
    assert (row["kind"], row["whole"]) == ("chat", False)


def test_a_changed_preparation_is_a_correction_that_is_done(talk: Talk) -> None:
    talk.say("koreksi data saya", "my_data")
    assert requests(talk) == []
    talk.say("ubah pendidikan")
    talk.say("s1")
    talk.say("ya", "affirm")
    assert requests(talk) == [("correction", "done")]


def test_a_record_is_corrected_by_a_person_within_three_days(talk: Talk) -> None:
    registrations.delete(talk.connection, 1)
    said = talk.say("koreksi data saya", "my_data")
    assert "petugas data" in said
    assert "27 Nov, 10.00 WIB" in said
    (row,) = data_requests.of_chat(talk.connection, 1)
    assert (row["kind"], row["state"], row["participant_id"]) == ("correction", "open", 1)
    assert row["due_at"] - row["received_at"] == timedelta(hours=72)
    again = talk.say("koreksi data saya", "my_data")
    assert row["number"] in again
    assert len(requests(talk)) == 1
    content = talk.content
    receipts.settle(talk.connection, content, row, by="agent:3", what="Tanggal lahir sudah dibetulkan.", now=talk.now)
    assert f"{row['number']} (koreksi): sudah dikerjakan" in talk.say("data saya", "my_data")
    assert talk.connection.execute(select(outbox.c.payload)).scalars().all()[-1]["text"].startswith("Permintaan D-")
    with pytest.raises(ValueError, match="closed already"):
        receipts.refuse(talk.connection, content, row, by="agent:3", reason="Pasal 33", now=talk.now)


def test_a_restriction_waits_for_the_officer_and_is_lifted_by_the_person(talk: Talk) -> None:
    talk.say("data saya", "my_data")
    said = talk.tap("Batasi")
    assert "D-" in said
    (row,) = data_requests.of_chat(talk.connection, 1)
    assert (row["kind"], row["state"]) == ("restriction", "open")
    restrictions.begin(talk.connection, number=row["number"], chat_id=1, participant_id=row["participant_id"], now=NOW)
    assert "dibatasi" in talk.say("data saya", "my_data")
    assert restrictions.restricted(talk.connection, 2)  # linked to the same record
    talk.tap("Buka batasan")
    assert not restrictions.restricted(talk.connection, 1)
    assert not restrictions.restricted(talk.connection, 2)


def test_another_chat_of_the_record_lifts_nothing(talk: Talk) -> None:
    """A family shares a number, and numbers are given to others: who asked for the restriction ends it."""
    request = data_requests.receive(
        talk.connection, number="D-2", kind="restriction", via="chat", now=NOW, chat_id=2, participant_id=1
    )
    restrictions.begin(talk.connection, number=request["number"], chat_id=2, participant_id=1, now=NOW)
    talk.say("data saya", "my_data")
    assert "chat lain" in talk.tap("Buka batasan")
    assert restrictions.restricted(talk.connection, 1)
    assert restrictions.restricted(talk.connection, 2)


def test_what_was_kept_before_a_restriction_is_no_longer_read_or_learnt(talk: Talk) -> None:
    connection = talk.connection
    for chat_id in (1, 2):
        consents.give(connection, chat_id, purpose="improve", wording="w", now=NOW, until=None)
        misunderstood.note(connection, chat_id=chat_id, topic="x", text=f"t{chat_id}", outcome="refuse", now=NOW)
        taught.add(connection, text=f"t{chat_id}", intent="x", author="agent:1", now=NOW, chat_id=chat_id)
        said = {"intent": "x", "version_id": None, "content": "c", "channel": "web", "remark": f"r{chat_id}"}
        feedback.note(connection, chat_id=chat_id, now=NOW, **said)  # type: ignore[arg-type]
    restrictions.begin(connection, number="D-1", chat_id=1, now=NOW)
    ids = connection.execute(select(misunderstood_rows.c.id)).scalars().all()
    assert [row["text"] for row in misunderstood.texts(connection, None, limit=9)] == ["t2"]
    assert [row["text"] for row in misunderstood.some(connection, ids)] == ["t2"]
    assert [row["text"] for row in taught.active(connection)] == ["t2"]
    assert [row["remark"] for row in feedback.listed(connection)] == ["r2", None]


def test_withdrawing_takes_the_remarks_on_answers_too(talk: Talk) -> None:
    consents.give(talk.connection, 1, purpose="improve", wording="w", now=NOW, until=None)
    said = {"intent": "x", "version_id": None, "content": "c", "channel": "web", "remark": "suami saya sakit"}
    feedback.note(talk.connection, chat_id=1, now=NOW, **said)  # type: ignore[arg-type]
    talk.say("saya mau tarik persetujuan", "my_data")
    talk.tap("Ya, tarik")
    (row,) = feedback.listed(talk.connection)
    assert (row["remark"], row["chat_id"]) == (None, None)
    assert data_requests.of_chat(talk.connection, 1)[0]["proof"]["counts"]["answer_feedback"] == 1


def test_a_restricted_chat_is_used_for_nothing_but_answers(talk: Talk) -> None:
    restrictions.begin(talk.connection, number="D-1", chat_id=1, now=NOW)
    consents.give(talk.connection, 1, purpose="improve", wording="w", now=NOW, until=None)
    consents.give(talk.connection, 2, purpose="improve", wording="w", now=NOW, until=None)
    for chat_id in (1, 2):
        misunderstood.note(talk.connection, chat_id=chat_id, topic="x", text="t", outcome="refused", now=NOW)
        subscriptions.subscribe(talk.connection, chat_id, "gelombang", wording="w", now=NOW)
        drafts.save(talk.connection, chat_id, "linking", step="s", data={}, now=NOW, expires_at=NOW + timedelta(days=9))
    assert talk.connection.execute(select(misunderstood_rows.c.chat_id)).scalars().all() == [2]
    assert subscriptions.chats_of(talk.connection, "gelombang") == [2]
    span = {"seen_from": NOW - timedelta(days=9), "seen_to": NOW + timedelta(days=1), "now": NOW}
    due = reminders.drafts_due(talk.connection, **span, zones=["WIB"], limit=9)
    assert [row["chat_id"] for row in due] == [2]
    row = chats.addressed(talk.connection, 1)
    assert row is not None
    assert proactive.send(talk.connection, {**row, "chat_id": 1}, Reply(text="x"), NOW, author="reminder") == 0
    assert "Halo" in talk.say("halo", "greet")
