"""Jobs that make a model: one at a time, each under a lease, so that a job whose process died is run again."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, or_, select, update

from storage.schema import training_jobs as jobs

ATTEMPTS = 3
_GOING = ("waiting", "running")


def waiting(connection: Connection) -> RowMapping | None:
    """The job that waits for a worker; there is one at most."""
    return connection.execute(select(jobs).where(jobs.c.state == "waiting")).mappings().first()


def ask(connection: Connection, *, by: str, now: datetime) -> int:
    """Asks for a model; one that is waiting already is not doubled. Returns the job's number."""
    if (already := waiting(connection)) is not None:
        return int(already["id"])
    row = {"state": "waiting", "asked_by": by, "asked_at": now}
    return int(connection.execute(jobs.insert().values(row)).inserted_primary_key[0])  # type: ignore[index]


def claim(connection: Connection, *, owner: str, now: datetime, lease: timedelta) -> RowMapping | None:
    """The job to do now: the oldest that waits, or one whose owner's lease has run out; None while one is running or there is none.

    A job that was begun too often without an end is marked as failed.
    """
    going = select(jobs).where(jobs.c.state.in_(_GOING)).order_by(jobs.c.id).with_for_update()
    rows = list(connection.execute(going).mappings())
    for row in rows:
        if row["state"] == "running" and row["lease_until"] > now:
            return None
    for row in rows:
        if row["attempts"] >= ATTEMPTS:
            fail(connection, row["id"], owner=row["owner"] or "", error="tiga kali terhenti sebelum selesai", now=now)
            continue
        values = {"state": "running", "owner": owner, "lease_until": now + lease, "attempts": row["attempts"] + 1}
        connection.execute(update(jobs).where(jobs.c.id == row["id"]).values(**values, progress=""))
        return get(connection, row["id"])
    return None


def renew(connection: Connection, key: int, *, owner: str, until: datetime, progress: str) -> bool:
    """Goes on; False where the job has another owner by now."""
    statement = update(jobs).where(jobs.c.id == key, jobs.c.owner == owner, jobs.c.state == "running")
    return bool(connection.execute(statement.values(lease_until=until, progress=progress[:200])).rowcount)


def finish(connection: Connection, key: int, *, owner: str, model_id: int, now: datetime) -> bool:
    """The model is there; False where the job has another owner by now."""
    statement = update(jobs).where(jobs.c.id == key, jobs.c.owner == owner, jobs.c.state == "running")
    return bool(connection.execute(statement.values(state="done", model_id=model_id, finished_at=now)).rowcount)


def fail(connection: Connection, key: int, *, owner: str, error: str, now: datetime) -> None:
    """It came to nothing."""
    mine = or_(jobs.c.owner == owner, jobs.c.owner.is_(None))
    statement = update(jobs).where(jobs.c.id == key, mine, jobs.c.state.in_(_GOING))
    connection.execute(statement.values(state="failed", error=error[:300], finished_at=now))


def cancel(connection: Connection, *, by: str, now: datetime) -> int | None:
    """Ends the job that waits for a worker; returns its number, None where none waits."""
    statement = update(jobs).where(jobs.c.state == "waiting").returning(jobs.c.id)
    values = {"state": "failed", "error": f"dibatalkan oleh {by}"[:300], "finished_at": now}
    found = connection.execute(statement.values(values)).scalar()
    return None if found is None else int(found)


def get(connection: Connection, key: int) -> RowMapping | None:
    """One job."""
    return connection.execute(select(jobs).where(jobs.c.id == key)).mappings().first()


def latest(connection: Connection, *, limit: int = 5) -> list[RowMapping]:
    """The newest jobs."""
    return list(connection.execute(select(jobs).order_by(jobs.c.id.desc()).limit(limit)).mappings())
