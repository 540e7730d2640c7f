"""The invented records: enough of each kind, plainly false, the same on every run."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from bot import samples
from handlers.catalogue import load
from storage.database import Database
from storage.schema import courses, enrolments, incentives, participants


async def test_the_samples_cover_every_state_and_filling_twice_only_refreshes(
    database: Database, now: datetime
) -> None:
    def count(connection: Connection) -> list[int]:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (participants, courses, enrolments, incentives)
        ]

    def people(connection: Connection) -> list[tuple[object, ...]]:
        columns = (
            participants.c.record_key,
            participants.c.name,
            participants.c.wave,
            participants.c.wallet,
            participants.c.balance,
        )
        return [tuple(row) for row in connection.execute(select(*columns).order_by(participants.c.record_key))]

    def first(connection: Connection) -> tuple[list[int], list[tuple[object, ...]]]:
        samples.fill(connection, now)
        return count(connection), people(connection)

    def second(connection: Connection) -> tuple[list[int], list[tuple[object, ...]]]:
        samples.fill(connection, now + timedelta(days=9))
        assert connection.execute(select(func.min(participants.c.as_of))).scalar_one() == now + timedelta(days=9)
        return count(connection), people(connection)

    before = await database.write(first)
    assert before[0][:2] == [500, 300]
    assert await database.write(second) == before

    def check(connection: Connection) -> None:
        def all_of(column: object) -> set[object]:
            return set(connection.execute(select(column).distinct()).scalars())  # type: ignore[call-overload]

        assert all_of(participants.c.membership) == {"applied", "selected", "active", "finished", "failed", "revoked"}
        assert all_of(incentives.c.state) == {"waiting", "scheduled", "sent", "paid", "failed"}
        assert all_of(incentives.c.reason) - {None} <= set(load().files["unpaid"])
        assert len(all_of(incentives.c.reason)) >= 7
        assert all_of(courses.c.invented) == {True}
        assert all_of(courses.c.mode) == {"webinar", "spl", "offline"}
        assert all_of(courses.c.topic) == set(load().files["courses"]["topics"])
        assert len(all_of(courses.c.region)) >= 15
        assert all(str(phone).startswith("+62800") for phone in all_of(participants.c.phone))

    await database.read(check)


def test_names_are_spelled_and_numbers_look_false() -> None:
    assert [samples.name(number) for number in (1, 11, 20, 121, 500)] == [
        "Contoh Satu",
        "Contoh Sebelas",
        "Contoh Dua Puluh",
        "Contoh Seratus Dua Puluh Satu",
        "Contoh Lima Ratus",
    ]
    assert samples.phone(25) == samples.phone(24)
    assert len(samples.nik(7)) == 16
    assert samples.nik(7)[4:6] == "00", "no such kecamatan"
