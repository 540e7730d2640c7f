"""The staging table and what is made of its rows, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, insert

from storage import imports
from storage.database import Database
from storage.import_apply import Application, last_line
from storage.import_statements import Plan
from storage.imports import Row
from storage.schema import changes, import_rows, participants
from tests.storage.test_people import add_person

COLUMNS = ("name", "membership", "balance", "birth_date")


def row(line: int, key: str, *data: object) -> Row:
    return Row(line=line, key=key, second="", data=list(data), problems=None)


def begin(connection: Connection, now: datetime, *rows: Row, file_hash: str = "1") -> int:
    made = imports.begin(
        connection, kind="participants", file_name="p.csv", file_hash=file_hash, columns=COLUMNS, as_of=now, now=now
    )
    imports.stage(connection, made["id"], rows)
    return int(made["id"])


async def test_the_same_file_with_the_same_columns_goes_on(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        key = begin(connection, now)
        found = imports.unfinished(connection, "participants", "1", COLUMNS)
        assert found is not None
        assert (found["id"], found["state"], found["as_of"]) == (key, "staging", now)
        for other in (("courses", "1", COLUMNS), ("participants", "2", COLUMNS), ("participants", "1", COLUMNS[:2])):
            assert imports.unfinished(connection, *other) is None
        imports.progress(connection, key, now, state="done", finished_at=now)
        assert imports.unfinished(connection, "participants", "1", COLUMNS) is None

    await database.write(work)


async def test_only_rows_of_ended_imports_are_left_over(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        rows = [row(line, f"k{line}", "A", "active", None, None) for line in range(2, 7)]
        begin(connection, now, *rows)
        alive = begin(connection, now, *rows, file_hash="2")
        assert [imports.leftover(connection, 2) for _ in range(4)] == [2, 2, 1, 0]
        assert imports.count(connection, alive) == (5, 0)
        assert imports.last_staged(connection, alive) == 6
        assert imports.last_staged(connection, alive + 1) == 0

    await database.write(work)


async def test_rows_with_the_key_of_an_earlier_good_row_are_found(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        rows = [row(line, key, "A", "active", None, None) for line, key in enumerate("abacab", 2)]
        key = begin(connection, now, *rows)
        imports.refuse(connection, key, {2: [("name", "•", "empty", "fill it")]})
        assert imports.repeated(connection, key).tolist() == [6, 4, 7, 3]
        assert [found["line"] for found in imports.good(connection, key, 4, 2)] == [5, 6]
        assert [dict(found) for found in imports.refused(connection, key, 0, 9)] == [
            {"line": 2, "problems": [["name", "•", "empty", "fill it"]]}
        ]
        assert imports.count(connection, key) == (6, 1)

    await database.write(work)


async def test_given_rows_compare_like_staged_ones(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        for key in ("same", "changed", "newer"):
            add_person(connection, key, now if key != "newer" else now + timedelta(days=1))
        rows = [
            row(2, "same", "same", "active", None, None),
            row(3, "changed", "changed", "active", 5, None),
            row(4, "newer", "x", "active", None, None),
            row(5, "new", "new", "active", 10**12, "1999-12-31"),
        ]
        key = begin(connection, now, *rows)
        plan = Plan(kind="participants", columns=COLUMNS, as_of=now)
        dialect = connection.dialect.name
        lines = {"import_id": key, "after": 0, "last": 5}
        wanted = {"inserted": 1, "changed": 1, "same": 1, "newer": 1, "missing": 0}
        assert Application(plan, dialect).foresee(connection, **lines) == wanted
        given = [dict(found) for found in imports.good(connection, key, 0, 9)]
        assert Application(plan, dialect, from_staging=False).foresee(connection, rows=given) == wanted
        assert last_line(connection, key, 0, 3) == 4
        assert last_line(connection, key, 5, 3) is None
        counts = Application(plan, dialect).apply(connection, key, 0, 5, now)
        assert {name: counts[name] for name in wanted} == wanted
        assert imports.count(connection, key) == (0, 0)

    await database.write(work)


async def test_people_and_courses_that_are_not_there(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        add_person(connection, "a", now)
        given = [{"line": line, "key": key, "second": "none", "data": ["bought"]} for line, key in ((2, "a"), (3, "b"))]
        plan = Plan(kind="enrolments", columns=("state",), as_of=now)
        application = Application(plan, connection.dialect.name, from_staging=False)
        assert sorted(application.unknown(connection, rows=given)) == [
            (2, "course_key"),
            (3, "course_key"),
            (3, "record_key"),
        ]
        assert application.foresee(connection, rows=given)["missing"] == 2

    await database.write(work)


async def test_changes_are_read_in_order_and_deleted_when_old(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        person = add_person(connection, "a", now)
        for days in (9, 5, 1):
            at = now - timedelta(days=days)
            connection.execute(
                insert(changes).values(participant_id=person, what=f"incentive:{days}", after={"state": "paid"}, at=at)
            )
        first = imports.changes_after(connection, 0, 2)
        assert [found["what"] for found in first] == ["incentive:9", "incentive:5"]
        assert [found["what"] for found in imports.changes_after(connection, first[-1]["id"], 2)] == ["incentive:1"]
        assert imports.delete_changes(connection, before=now - timedelta(days=4), limit=1) == 1
        assert imports.delete_changes(connection, before=now - timedelta(days=4), limit=5) == 1
        connection.execute(participants.delete())
        assert imports.changes_after(connection, 0, 9) == [], "who is erased leaves no changes"
        assert connection.execute(import_rows.select()).all() == []

    await database.write(work)
