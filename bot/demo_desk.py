"""The demo's desk: invented agents with passwords made at each start, open all day, and a few ready answers."""

from __future__ import annotations

import secrets
from functools import cache

from sqlalchemy import Connection

from bot.desk import passwords
from storage import agents, calendar, desk_texts
from storage.database import Database, database_now

_PEOPLE = (
    ("ani", "Ani", "agent", "P-ANI1"),
    ("budi", "Budi", "agent", "P-BUD1"),
    ("lina", "Lina", "supervisor", "P-LIN1"),
    ("eka", "Eka", "editor", "P-EKA1"),
)
_ADMIN = ("admin", "Admin", "admin", "P-ADM1")
_CANNED = (
    (
        "salam",
        "Salam pembuka",
        "Halo {nama}, saya {petugas} (kode {kode}). Saya sudah membaca ceritanya, jadi tidak perlu diulang.",
    ),
    ("cek", "Sedang dicek", "Saya cek dulu, ya. Mohon tunggu dua menit."),
    ("tutup", "Penutup", "Laporan {nomor} saya tutup, ya. Kalau muncul lagi, tulis saja di sini."),
)


@cache
def accounts() -> tuple[tuple[str, str], ...]:
    """(name, password) of this start's accounts; they are in no other database."""
    return tuple((name, f"demo-{secrets.token_hex(4)}") for name, _, _, _ in (*_PEOPLE, _ADMIN))


async def prepare(database: Database) -> None:
    """Makes the accounts, or gives those of an earlier start their new passwords."""
    stored = {name: await passwords.hashed(password) for name, password in accounts()}

    def work(connection: Connection) -> None:
        now = database_now(connection)
        for name, alias, role, code in (*_PEOPLE, _ADMIN):
            row = agents.by_name(connection, name)
            key = row["id"] if row else agents.add(connection, name=name, alias=alias, code=code, role=role, now=now)
            agents.change(connection, key, password_hash=stored[name])
        for shortcut, title, text in _CANNED:
            desk_texts.keep_canned(connection, shortcut=shortcut, title=title, text=text, author="demo", now=now)
        calendar.set_shifts(connection, range(7), [(0, 24 * 60)])
        for priority, minutes in ((0, 2), (1, 5), (2, 15)):
            calendar.set_rule(
                connection, topic="", priority=priority, first_response_minutes=minutes, working_days=priority + 1
            )

    await database.write(work)
