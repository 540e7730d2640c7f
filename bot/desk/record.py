"""The participant's record as an agent sees it: no more than the chat's proof allows to be told (design: People and proof)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping, select

from bot.desk.look import day
from handlers.catalogue import rupiah
from handlers.record import NOT_BY_NUMBER
from storage import chats, people
from storage.schema import courses, enrolments, incentives

_MEANING = {
    "1": "Nomornya cocok, tetapi orangnya belum terbukti: belum ada yang boleh diceritakan.",
    "2a": "Boleh diceritakan: status dan langkah berikutnya, tanpa jumlah uang dan rekening.",
    "2": "Boleh diceritakan: status, pelatihan, saldo, insentif dengan jumlah dan tanggal.",
    "3": "Diperiksa petugas: semua boleh diceritakan, termasuk koreksi.",
}
_MEMBERSHIP = {
    "applied": "mendaftar",
    "selected": "lolos seleksi",
    "active": "aktif",
    "finished": "selesai",
    "failed": "tidak lolos",
    "revoked": "dicabut",
}
_COURSE = {"bought": "dibeli", "running": "berjalan", "finished": "selesai", "certified": "bersertifikat"}
_MONEY = {
    "waiting": "menunggu",
    "scheduled": "dijadwalkan",
    "sent": "dikirim",
    "paid": "dibayar",
    "failed": "gagal",
}
_WALLET = {
    "linked": "tersambung",
    "unlinked": "belum tersambung",
    "not_upgraded": "belum ditingkatkan",
    "failed": "gagal",
}
STALE = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the page has of a record."""

    participant_id: int
    level: str
    meaning: str
    rows: tuple[tuple[str, str], ...]
    as_of: datetime
    stale: bool
    shown: bool  # the values themselves, or masked


def of_chat(connection: Connection, chat_id: int, now: datetime, *, shown: bool) -> Shown | None:
    """The record that a chat is linked to; None where it is not, or no longer."""
    link = chats.active_link(connection, chat_id)
    row = people.get(connection, link["participant_id"]) if link else None
    if link is None or row is None or _broken(connection, link, row, now):
        return None
    level = link["level"]
    return Shown(
        participant_id=row["id"],
        level=level,
        meaning=_MEANING[level],
        rows=tuple(_rows(connection, row, level)),
        as_of=row["as_of"],
        stale=row["as_of"] < now - STALE,
        shown=shown,
    )


def _broken(connection: Connection, link: RowMapping, row: RowMapping, now: datetime) -> bool:
    if link["expires_at"] and link["expires_at"] <= now:
        return True
    by_number = link["method"] not in NOT_BY_NUMBER
    return by_number and row["phone"] != chats.vouched_phone(connection, link["chat_id"])


def _rows(connection: Connection, row: RowMapping, level: str) -> list[tuple[str, str]]:
    if level == "1":
        return []
    found = [
        ("Nama", row["name"]),
        ("Gelombang", str(row["wave"] or "–")),
        ("Status", _MEMBERSHIP.get(row["membership"], row["membership"])),
    ]
    if level == "2a":
        return found
    if row["balance"] is not None:
        found.append(("Saldo pelatihan", rupiah(row["balance"])))
    if row["buy_by"]:
        found.append(("Beli paling lambat", day(row["buy_by"])))
    if row["wallet"]:
        state = _WALLET.get(row["wallet_state"] or "", row["wallet_state"] or "–")
        found.append(("Rekening", f"{row['wallet'].upper()} {row['wallet_masked'] or ''} ({state})"))
    return [*found, *_courses(connection, row["id"]), *_incentives(connection, row["id"])]


def _courses(connection: Connection, participant_id: int) -> list[tuple[str, str]]:
    statement = (
        select(courses.c.title, enrolments.c.state, enrolments.c.finished_on, enrolments.c.position)
        .join(courses, courses.c.id == enrolments.c.course_id)
        .where(enrolments.c.participant_id == participant_id)
        .order_by(enrolments.c.position)
    )
    return [
        (
            f"Pelatihan {row.position}",
            f"{row.title}: {_COURSE.get(row.state, row.state)}"
            + (f" {day(row.finished_on)}" if row.finished_on else ""),
        )
        for row in connection.execute(statement)
    ]


def _incentives(connection: Connection, participant_id: int) -> list[tuple[str, str]]:
    statement = select(incentives).where(incentives.c.participant_id == participant_id).order_by(incentives.c.kind)
    found = []
    for row in connection.execute(statement):
        when = row.paid_on or row.scheduled_on
        kind = row.kind.replace("training", "pelatihan").replace("survey_", "survei ").replace("_", " ")
        told = f"{rupiah(row.amount)}, {_MONEY.get(row.state, row.state)}"
        found.append((f"Insentif {kind}", told + (f" {day(when)}" if when else "")))
    return found
