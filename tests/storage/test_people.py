"""Links, proofs, codes and the access log, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert

from storage import cases, courses, people
from storage.database import Database
from storage.schema import chats, conversations, participants
from storage.schema import courses as course_rows


def add_chat(connection: Connection, address: str, now: datetime) -> int:
    row = {"channel": "telegram", "account": "bot", "address": address, "created_at": now, "seen_at": now}
    key = int(connection.execute(insert(chats).values(row).returning(chats.c.id)).scalar_one())
    connection.execute(insert(conversations).values(chat_id=key, updated_at=now))
    return key


def add_person(connection: Connection, key: str, now: datetime, phone: str = "+6280000000001") -> int:
    row = {"record_key": key, "name": key, "phone": phone, "membership": "active", "as_of": now, "imported_at": now}
    return int(connection.execute(insert(participants).values(row).returning(participants.c.id)).scalar_one())


async def test_a_family_shares_a_number(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        assert not people.any_record(connection)
        for key in ("ibu", "anak"):
            add_person(connection, key, now)
        add_person(connection, "lain", now, "+6280000000002")
        assert [row["record_key"] for row in people.by_phone(connection, "+6280000000001")] == ["ibu", "anak"]
        assert people.by_phone(connection, "+6280000000009") == []
        assert people.any_record(connection)

    await database.write(work)


async def test_three_wrong_answers_lock_the_chat_for_an_hour(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        chat, other = add_chat(connection, "one", now), add_chat(connection, "two", now)
        assert [people.wrong_proof(connection, chat, now) for _ in range(3)] == [2, 1, 0]
        assert people.locked_until(connection, chat, now) == now + timedelta(hours=1)
        assert people.locked_until(connection, chat, now + timedelta(hours=1)) is None
        assert people.locked_until(connection, other, now) is None
        assert people.wrong_proof(connection, chat, now + timedelta(hours=2)) == 2

    await database.write(work)


async def test_wrong_answers_of_many_chats_lock_the_number(database: Database, now: datetime) -> None:
    phone, other = "+6280000000001", "+6280000000002"

    def work(connection: Connection) -> None:
        assert [people.wrong_on_number(connection, phone, now) for _ in range(6)] == [5, 4, 3, 2, 1, 0]
        assert people.number_locked_until(connection, phone, now) == now + timedelta(hours=1)
        assert people.number_locked_until(connection, other, now) is None
        later = now + timedelta(hours=2)
        assert people.number_locked_until(connection, phone, later) is None
        assert people.wrong_on_number(connection, phone, later) == 0, "within the day each further one locks again"
        tomorrow = now + timedelta(hours=25)
        assert people.wrong_on_number(connection, phone, tomorrow) == 5
        people.wrong_on_number(connection, other, now)
        assert people.delete_old_number_proofs(connection, before=tomorrow - people.NUMBER_COUNTED, limit=10) == 1

    await database.write(work)


async def test_a_look_keeps_its_reason(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        person = add_person(connection, "a", now)
        for reason in ("nomor ganti", "nomor ganti", None):
            people.log_access(
                connection, actor="operator:rina", participant_id=person, what="sambungan", reason=reason, now=now
            )
        told = {(row["reason"], row["times"]) for row in people.accesses(connection, person)}
        assert told == {("nomor ganti", 2), (None, 1)}
        found = people.by_record_key(connection, "a")
        assert found is not None
        assert found["id"] == person

    await database.write(work)


async def test_a_chat_has_one_link_and_a_new_one_ends_the_old(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        chat, other = add_chat(connection, "one", now), add_chat(connection, "two", now)
        first, second = add_person(connection, "a", now), add_person(connection, "b", now)
        people.wrong_proof(connection, chat, now)
        for person in (first, second):
            people.link(connection, chat_id=chat, participant_id=person, level="2", method="birth_card", now=now)
        people.link(connection, chat_id=other, participant_id=second, level="2a", method="birth_nik", now=now)
        assert people.linked_chats(connection, first) == []
        assert [row["id"] for row in people.linked_chats(connection, second)] == [chat, other]
        assert people.wrong_proof(connection, chat, now) == 1, "a right answer forgets no wrong one"
        assert people.end_link(connection, chat, why="asked", now=now)
        assert not people.end_link(connection, chat, why="asked", now=now)

    await database.write(work)


async def test_a_code_works_once_in_its_time_while_its_chat_is_linked(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        chat, person = add_chat(connection, "one", now), add_person(connection, "a", now)
        people.link(connection, chat_id=chat, participant_id=person, level="2", method="birth_card", now=now)
        later = now + timedelta(minutes=15)
        people.make_code(connection, code="OLD00000", chat_id=chat, now=now, expires_at=later)
        people.make_code(connection, code="NEW00000", chat_id=chat, now=now, expires_at=later)
        assert people.use_code(connection, "OLD00000", now) is None
        assert people.use_code(connection, "NEW00000", later) is None
        link = people.use_code(connection, "NEW00000", now)
        assert link is not None
        assert link["participant_id"] == person
        assert people.use_code(connection, "NEW00000", now) is None
        people.make_code(connection, code="ENDED000", chat_id=chat, now=now, expires_at=later)
        people.end_link(connection, chat, why="asked", now=now)
        assert people.use_code(connection, "ENDED000", now) is None

    await database.write(work)


async def test_looks_are_counted_by_who_and_what_newest_first(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        person, other = add_person(connection, "a", now), add_person(connection, "b", now)
        for minutes, actor, what in ((0, "chat:1", "status"), (5, "agent:3", "status"), (9, "chat:1", "status")):
            people.log_access(
                connection, actor=actor, participant_id=person, what=what, now=now + timedelta(minutes=minutes)
            )
        people.log_access(connection, actor="cli", participant_id=other, what="ekspor", now=now)
        rows = people.accesses(connection, person)
        assert [(row["actor"], row["times"], row["at"]) for row in rows] == [
            ("chat:1", 2, now + timedelta(minutes=9)),
            ("agent:3", 1, now + timedelta(minutes=5)),
        ]

    await database.write(work)


async def test_locking_a_record_marks_only_that_record(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        locked, free = add_person(connection, "a", now), add_person(connection, "b", now)
        people.lock_unvouched(connection, [locked], now)
        people.lock_unvouched(connection, [], now)
        rows = {row["id"]: row["unvouched_locked_until"] for row in people.by_phone(connection, "+6280000000001")}
        assert rows == {locked: now + timedelta(hours=1), free: None}

    await database.write(work)


async def test_cases_belong_to_their_chat_and_keep_their_history(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        chat, other = add_chat(connection, "one", now), add_chat(connection, "two", now)
        cases.create(
            connection,
            number="L-000001",
            chat_id=chat,
            topic="uang",
            priority=cases.NORMAL,
            story="…",
            now=now,
            due_at=now,
        )
        cases.create(
            connection,
            number="L-000002",
            chat_id=chat,
            topic="petugas",
            priority=cases.URGENT,
            story="…",
            now=now,
            due_at=now,
        )
        assert cases.find(connection, "L-000001", other) is None
        found = cases.find(connection, "L-000001", chat)
        assert found is not None
        later = now + timedelta(hours=1)
        cases.add_history(connection, found["id"], actor="agent:3", what="answered", now=later, state="closed")
        closed = cases.find(connection, "L-000001", chat)
        assert closed is not None
        assert (closed["state"], closed["closed_at"], [entry["actor"] for entry in closed["history"]]) == (
            "closed",
            later,
            ["bot", "agent:3"],
        )
        newest = cases.latest(connection, chat, only_open=True)
        assert newest is not None
        assert newest["number"] == "L-000002"
        assert cases.latest(connection, chat, topic="uang", only_open=True) is None

    await database.write(work)


async def test_a_search_meets_every_condition(database: Database, now: datetime) -> None:
    def course(key: str, **changes: object) -> dict[str, object]:
        row: dict[str, object] = {
            "course_key": key,
            "title": key,
            "provider": "x",
            "platform": "pijar",
            "mode": "spl",
            "region": None,
            "topic": "kue",
            "price": 500_000,
            "as_of": now,
            "valid_until": None,
        }
        return {**row, **changes}

    def work(connection: Connection) -> None:
        chat = add_chat(connection, "one", now)
        assert not courses.any_listed(connection, now.date())
        rows = [
            course("murah", price=200_000),
            course("lain", topic="las"),
            course("lama", valid_until=now.date() - timedelta(days=1)),
            course("bandung", mode="offline", region="3273"),
            course("toko", platform="tokopedia"),
        ]
        connection.execute(insert(course_rows).values(rows))

        def found(**conditions: object) -> list[str]:
            return [row["title"] for row in courses.search(connection, today=now.date(), **conditions)]  # type: ignore[arg-type]

        assert found(topic="kue") == ["murah", "bandung", "toko"]
        assert found(max_price=200_000) == ["murah"]
        assert found(modes=("offline",), regions=("3204", "3273")) == ["bandung"]
        assert found(platform="tokopedia") == ["toko"]
        first = courses.search(connection, today=now.date(), topic="las")[0]["id"]
        for minutes in (0, 5):
            courses.note_choice(connection, chat_id=chat, course_id=first, now=now + timedelta(minutes=minutes))
        assert [row["title"] for row in courses.choices(connection, chat)] == ["lain"]
        courses.drop_choice(connection, chat_id=chat, course_id=first, now=now)
        assert courses.choices(connection, chat) == []

    await database.write(work)
