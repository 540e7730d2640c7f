"""Consents, preparations, subscriptions, secure forms and erasing: the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select

from storage import consents, drafts, privacy, registrations, secure_forms, subscriptions
from storage.database import Database
from storage.schema import access_log, chats, conversations, metadata, participants
from storage.schema import secure_forms as forms

YEAR = timedelta(days=365)


def chat(connection: Connection, address: str, now: datetime) -> int:
    row = {"channel": "web", "account": "web", "address": address, "created_at": now, "seen_at": now, "name": "Contoh"}
    key = int(connection.execute(insert(chats).values(row).returning(chats.c.id)).scalar_one())
    connection.execute(insert(conversations).values(chat_id=key, updated_at=now))
    return key


async def test_a_consent_holds_from_its_giving_to_its_end(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one = chat(connection, "one", now)
        consents.give(connection, one, purpose="registration", wording="a", now=now, until=now + YEAR)
        row = consents.active(connection, one, "registration", now)
        assert row is not None
        assert (row["wording"], row["given_at"]) == ("a", now)
        assert consents.active(connection, one, "registration", now + YEAR) is None
        assert consents.active(connection, one, "improve", now) is None

    await database.write(work)


async def test_the_same_wording_is_one_consent_and_another_wording_a_new_one(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one = chat(connection, "one", now)
        for wording in ("a", "a", "b"):
            consents.give(connection, one, purpose="registration", wording=wording, now=now, until=None)
        assert [row["wording"] for row in consents.all_active(connection, one, now)] == ["b"]

    await database.write(work)


async def test_withdrawing_ends_some_purposes_or_all_of_one_chat(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one, two = chat(connection, "one", now), chat(connection, "two", now)
        for key in (one, two):
            for purpose in ("registration", "improve"):
                consents.give(connection, key, purpose=purpose, wording="a", now=now, until=None)
        assert consents.withdraw(connection, one, now, purposes=("improve",)) == 1
        assert consents.withdraw(connection, one, now) == 1
        assert consents.withdraw(connection, one, now) == 0
        assert consents.all_active(connection, one, now) == []
        assert len(consents.all_active(connection, two, now)) == 2

    await database.write(work)


async def test_a_preparation_is_replaced_under_its_number_and_erased_when_its_time_is_over(
    database: Database, now: datetime
) -> None:
    def work(connection: Connection) -> None:
        one, two = chat(connection, "one", now), chat(connection, "two", now)
        kept = {"now": now, "kept_until": now + YEAR}
        assert registrations.save(connection, one, number="P-1", data={"age": "27"}, **kept) == "P-1"
        assert registrations.save(connection, one, number="P-2", data={"age": "28"}, **kept) == "P-1"
        assert registrations.number_taken(connection, "P-1")
        assert not registrations.number_taken(connection, "P-2")
        assert registrations.of_chat(connection, two, now) is None
        row = registrations.of_chat(connection, one, now)
        assert row is not None
        assert row["data"] == {"age": "28"}
        assert registrations.of_chat(connection, one, now + YEAR) is None
        assert registrations.delete_expired(connection, now=now, limit=10) == 0
        assert registrations.delete_expired(connection, now=now + YEAR, limit=10) == 1

    await database.write(work)


async def test_topics_begin_end_and_begin_again(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one = chat(connection, "one", now)
        assert subscriptions.subscribe(connection, one, "gelombang", wording="w", now=now)
        assert not subscriptions.subscribe(connection, one, "gelombang", wording="w", now=now)
        assert subscriptions.stop(connection, one, now) == ["gelombang"]
        assert subscriptions.stopped(connection, one)
        assert subscriptions.subscribe(connection, one, "gelombang", wording="w", now=now)
        assert not subscriptions.stopped(connection, one)
        assert subscriptions.topics(connection, one) == ["gelombang"]

    await database.write(work)


async def test_a_stop_taken_back_brings_what_it_ended_and_nothing_else(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one, later = chat(connection, "one", now), now + timedelta(days=1)
        subscriptions.subscribe(connection, one, "semua", wording="alles", now=now)
        left = ("insentif", "pelatihan")
        subscriptions.stop_some(connection, one, now, ("gelombang",), left=left)
        assert subscriptions.topics(connection, one) == list(left)
        assert not subscriptions.stopped(connection, one)
        subscriptions.stop_some(connection, one, now, ("insentif",), left=("pelatihan",))
        assert subscriptions.stop(connection, one, later) == ["pelatihan"]
        assert subscriptions.stop(connection, one, later + timedelta(days=1)) == []
        assert subscriptions.stopped_at(connection, one) == later
        assert subscriptions.resume(connection, one, later, wording="wieder") == ["pelatihan"]
        assert subscriptions.topics(connection, one) == ["pelatihan"]
        assert subscriptions.ended_last(connection, one) == []

    await database.write(work)


async def test_a_stop_of_one_who_had_nothing_is_lifted(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one = chat(connection, "one", now)
        assert subscriptions.stop(connection, one, now) == []
        assert subscriptions.stopped(connection, one)
        assert subscriptions.resume(connection, one, now) == []
        assert not subscriptions.stopped(connection, one)
        assert subscriptions.topics(connection, one) == []

    await database.write(work)


async def test_who_receives_a_topic(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        keys = [chat(connection, str(number), now) for number in range(4)]
        for key, topic in zip(keys, ("gelombang", "semua", "pelatihan", "gelombang"), strict=True):
            subscriptions.subscribe(connection, key, topic, wording="w", now=now)
        subscriptions.stop(connection, keys[3], now)
        assert subscriptions.chats_of(connection, "gelombang") == keys[:2]
        assert subscriptions.chats_of(connection, "gelombang", after=keys[0]) == [keys[1]]
        assert subscriptions.chats_of(connection, "gelombang", limit=1) == [keys[0]]

    await database.write(work)


async def test_sealed_values_are_taken_once(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one = chat(connection, "one", now)
        span = {"now": now, "expires_at": now + timedelta(minutes=15)}
        secure_forms.create(connection, "k", chat_id=one, purpose="linking", fields=("nik",), **span)
        assert secure_forms.take(connection, "k", one) is None
        assert secure_forms.submit(connection, "k", sealed=b"\x00\xff", key_id="id", now=now)
        row = secure_forms.take(connection, "k", one)
        assert row is not None
        assert bytes(row["sealed"]) == b"\x00\xff"
        assert secure_forms.take(connection, "k", one) is None
        found = secure_forms.get(connection, "k")
        assert found is not None
        assert (found["fields"], found["channel"], found["address"]) == (["nik"], "web", "one")
        assert secure_forms.delete_old(connection, before=now, limit=5) == 0
        assert secure_forms.delete_old(connection, before=now + timedelta(hours=1), limit=5) == 1

    await database.write(work)


async def test_erasing_a_chat_whole_leaves_no_row_and_no_name(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one, two = chat(connection, "one", now), chat(connection, "two", now)
        person = {"record_key": "a", "name": "Contoh", "membership": "active", "as_of": now, "imported_at": now}
        record = connection.execute(insert(participants).values(person).returning(participants.c.id)).scalar_one()
        for key in (one, two):
            consents.give(connection, key, purpose="registration", wording="a", now=now, until=None)
            drafts.save(connection, key, "registration", step="age", data={"age": "27"}, now=now, expires_at=now + YEAR)
            span = {"now": now, "expires_at": now + timedelta(minutes=15)}
            secure_forms.create(connection, f"k{key}", chat_id=key, purpose="linking", fields=("nik",), **span)
            look = {"at": now, "actor": f"chat:{key}", "participant_id": record, "what": "status"}
            connection.execute(insert(access_log).values(look))
        receipt = privacy.erase_whole(connection, one, now)
        assert receipt == {"consents": 1, "drafts": 1, "secure_forms": 1, "access_log": 1, "chats": 1}
        for table in metadata.sorted_tables:
            if "chat_id" in table.c:
                assert one not in connection.execute(select(table.c.chat_id)).scalars().all(), table.name
        assert connection.execute(select(chats.c.id)).scalars().all() == [two]
        assert connection.execute(select(forms.c.key)).scalars().all() == [f"k{two}"]
        actors = connection.execute(select(access_log.c.actor).order_by(access_log.c.id)).scalars().all()
        assert actors == ["chat:erased", f"chat:{two}"]

    await database.write(work)


async def test_erasing_during_a_conversation_keeps_the_address_alone(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        one = chat(connection, "one", now)
        privacy.erase(connection, one, now)
        kept = privacy.collect(connection, one, now)
        assert (kept["chat"]["name"], kept["chat"]["address"]) == ("", "one")
        assert all(not rows for name, rows in kept.items() if name != "chat")

    await database.write(work)
