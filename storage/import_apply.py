"""Staged rows into the records: compared and written by the database, a small batch a transaction.

Rows whose record is newer than the import stay out. A changed payment or enrolment is kept in `changes`, from which messages can be made; of
new ones only those of people who are linked to a chat, since nobody else can be told. The statements: `storage.import_statements`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text, update

from storage.import_statements import ENDED_WHY, LAST, WATCHED, Plan, Statements
from storage.schema import changes, links

COUNTED = ("inserted", "changed", "same", "newer", "missing", "links_ended", "changes")


def last_line(connection: Connection, import_id: int, after: int, limit: int) -> int | None:
    """The line that ends the next batch; None when nothing is left."""
    return connection.execute(LAST, {"import_id": import_id, "after": after, "limit": limit}).scalar()


class Application:
    """One plan, applied batch by batch."""

    def __init__(self, plan: Plan, dialect: str, *, from_staging: bool = True) -> None:
        """`dialect`: sqlite or postgresql; without `from_staging` rows are given as a parameter."""
        self._plan = plan
        self._on_sqlite = dialect == "sqlite"
        self._statements = Statements(plan, on_sqlite=self._on_sqlite, from_staging=from_staging)

    def foresee(self, connection: Connection, **source: Any) -> dict[str, int]:
        """What applying these rows would come to: how many are inserted, changed, the same, newer in the database, missing."""
        row = connection.execute(self._statements.foresee, source).mappings().one()
        counts = {name: int(value) for name, value in row.items() if name != "all"}
        return {**counts, "same": int(row["all"]) - sum(counts.values())}

    def unknown(self, connection: Connection, **source: Any) -> list[tuple[int, str]]:
        """Lines whose participant or course is not there, and which of the two: record_key, course_key."""
        return [
            (line, name)
            for name, lines in self._statements.unknown.items()
            for line in connection.execute(lines, source).scalars()
        ]

    def apply(self, connection: Connection, import_id: int, after: int, last: int, now: datetime) -> dict[str, int]:
        """Writes the rows of these lines and takes them out of the staging table; returns the counts."""
        if not self._on_sqlite:
            # a batch is small against its tables: reading a whole table to join it would cost more than the batch
            connection.execute(text("SET LOCAL enable_hashjoin = off"))
            connection.execute(text("SET LOCAL enable_mergejoin = off"))
        lines = {"import_id": import_id, "after": after, "last": last}
        counts = dict.fromkeys(COUNTED, 0) | self.foresee(connection, **lines)
        if self._statements.changed is not None:
            counts["changes"] = self._note_changes(connection, lines, now)
        connection.execute(self._statements.upsert, {**lines, "now": now})
        if self._statements.ended is not None:
            counts["links_ended"] = self._end_links(connection, lines, now)
        connection.execute(self._statements.taken, lines)
        return counts

    def _note_changes(self, connection: Connection, lines: Mapping[str, int], now: datetime) -> int:
        """Keeps what has changed of payments and enrolments, before it is written."""
        kept = []
        for row in connection.execute(self._statements.changed, lines).mappings():  # type: ignore[arg-type]
            before = {name: _plain(row[name]) for name in WATCHED[self._plan.kind]}
            imported = dict(zip(self._plan.columns, row["data"], strict=True))
            after = {name: imported.get(name, value) for name, value in before.items()}
            what = f"{self._plan.kind[:-1]}:{row['second']}"
            known = before if row["record"] is not None else None
            kept.append({"participant_id": row["id"], "what": what, "before": known, "after": after, "at": now})
        if kept:
            connection.execute(changes.insert(), kept)
        return len(kept)

    def _end_links(self, connection: Connection, lines: Mapping[str, int], now: datetime) -> int:
        """Ends links by number whose chat's vouched number is no longer the record's, and those that rest on them."""
        ended = list(connection.execute(self._statements.ended, {**lines, "now": now}).scalars())  # type: ignore[arg-type]
        if not ended:
            return 0
        resting = update(links).where(links.c.parent_id.in_(ended), links.c.ended_at.is_(None))
        return len(ended) + connection.execute(resting.values(ended_at=now, ended_why=ENDED_WHY)).rowcount


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
