"""Invented people and courses for the demonstration and the tests: plainly false names and numbers, in every state.

The same on every run but for the dates, which are counted from `now`; filling twice refreshes them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, func, select

from handlers.catalogue import load
from handlers.turn import ZONES
from storage.inbox import insert_for
from storage.schema import courses, enrolments, incentives, participants, providers

PEOPLE, COURSES = 500, 300
POPULAR = 6  # courses that two of three people beyond the first 25 have taken, so that there is something to suggest
LISTED = "ABCDEFGHIJKLMNOPQRST"  # institutions that the invented list names; the last one has ended, the courses' others are not on it
FAMILY = 25  # every so many a person shares the number of the one before

_PATTERNS = (
    "Dasar {}",
    "Pemula: {}",
    "Praktik {}",
    "Lanjutan: {}",
    "Usaha: {}",
    "Siap Kerja: {}",
    "Lewat HP: {}",
    "Intensif: {}",
    "Sehari-hari: {}",
    "Proyek {}",
)
_PLATFORMS = ("tokopedia", "bukalapak", "pijar", "pintaria", "kariermu", "siapkerja")
_MODES = ("webinar", "webinar", "webinar", "spl", "spl", "spl", "offline", "offline")
_CITIES = (
    "3171", "3174", "3671", "3273", "3374", "3372", "3471", "3578", "3573", "1271", "1371", "1471", "1671",
    "1871", "5171", "5271", "5371", "6171", "6371", "6471", "6472", "7171", "7371", "8171", "9171",
)  # fmt: skip
_WALLETS = ("bni", "ovo", "gopay", "linkaja", "dana")
_DIGITS = ("", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan", "sepuluh", "sebelas")


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """How far somebody has come."""

    membership: str
    course: str = ""  # state of the first course; "" = none bought
    rated: bool = False
    reviewed: bool = False
    certificate: bool = False
    wallet: str = "linked"  # state of the account; "" = none
    payment: str = ""  # state of the incentive
    reason: str = ""
    scheduled: int = 0  # days from today
    buy_by: int = 0  # days from today


def _done(payment: str, scheduled: int = 0, reason: str = "", wallet: str = "linked") -> Story:
    return Story(
        membership="finished",
        course="certified",
        rated=True,
        reviewed=True,
        certificate=True,
        wallet=wallet,
        payment=payment,
        reason=reason,
        scheduled=scheduled,
    )


STORIES = (
    _done("scheduled", 2),
    _done("paid", -40),
    Story(membership="finished", course="certified", certificate=True, payment="waiting"),
    Story(membership="finished", course="certified", certificate=True, rated=True, payment="waiting"),
    Story(membership="active", course="running"),
    Story(membership="active", wallet="", buy_by=6),
    Story(membership="selected", wallet="", buy_by=14),
    Story(membership="applied", wallet=""),
    Story(membership="failed", wallet=""),
    Story(membership="revoked", wallet="", buy_by=-30),
    _done("sent", -2),
    _done("scheduled", -20),
    _done("failed", -10, "phone_differs"),
    _done("failed", -12, "wallet_full"),
    _done("failed", -9, "no_kyc", "not_upgraded"),
    _done("failed", -15, "account_inactive", "failed"),
    _done("failed", -8, "name_differs"),
    _done("failed", -11, "nik_differs"),
    _done("waiting", wallet=""),
    _done("waiting", wallet="not_upgraded"),
    _done("waiting"),
    Story(membership="finished", course="finished", payment="waiting"),
    Story(membership="active", course="bought"),
    _done("paid", -90),
    _done("failed", -30, "technical"),
)
"""Person n has story (n - 1) modulo their number: the first 25 show every one."""


def fill(connection: Connection, now: datetime, *, seed: int = 1, hash_nik: Callable[[str], str] | None = None) -> None:
    """Writes 500 people, 300 courses and 20 institutions over an earlier filling. `hash_nik`: so that the secure form knows them too."""
    chance = random.Random(seed)  # noqa: S311 - samples, no secret
    today = now.astimezone(ZONES["WIB"]).date()
    _upsert(connection, courses, [_course(number, chance, now) for number in range(1, COURSES + 1)], ["course_key"])
    _upsert(
        connection,
        participants,
        [_person(number, chance, today, now, hash_nik) for number in range(1, PEOPLE + 1)],
        ["record_key"],
    )
    keys = connection.execute(select(participants.c.record_key, participants.c.id))
    people = {row.record_key: row.id for row in keys}
    offered = list(
        connection.execute(select(courses.c.id).where(courses.c.invented).order_by(courses.c.course_key)).scalars()
    )
    told = [(people[record_key(number)], STORIES[(number - 1) % len(STORIES)]) for number in range(1, PEOPLE + 1)]
    _upsert(
        connection, enrolments, list(_enrolments(told, offered, chance, today, now)), ["participant_id", "course_id"]
    )
    _upsert(connection, incentives, list(_incentives(told, today, now)), ["participant_id", "kind"])
    _upsert(connection, providers, [_provider(letter, now) for letter in LISTED], ["provider_key"])


def filled(connection: Connection) -> int:
    """How many invented people there are."""
    return connection.execute(select(func.count()).where(participants.c.record_key.like("contoh-%"))).scalar_one()


# -- one person -----------------------------------------------------------------------------------------------------


def record_key(number: int) -> str:
    """The record key of person `number` (from 1)."""
    return f"contoh-{number:04d}"


def name(number: int) -> str:
    """ "Contoh Dua Puluh Satu"."""
    return f"Contoh {_spelled(number).title()}"


def phone(number: int) -> str:
    """A number nobody can have (0800…); some share the one of the person before."""
    return f"+62800{number - 1 if number % FAMILY == 0 else number:08d}"


def birth_date(number: int) -> date:
    """Between 1968 and 2005, the same for a number on every run."""
    return date(1968, 1, 1) + timedelta(days=(number * 271) % 13_700)


def nik(number: int) -> str:
    """An invented NIK: right in build, of a kecamatan that does not exist (00)."""
    born = birth_date(number)
    return f"327300{born:%d%m%y}{number:04d}"


def card_last4(number: int) -> str:
    """The last four digits of the invented card."""
    return f"{(number * 37) % 10_000:04d}"


def _person(
    number: int, chance: random.Random, today: date, now: datetime, hash_nik: Callable[[str], str] | None
) -> dict[str, Any]:
    story = STORIES[(number - 1) % len(STORIES)]
    wallet = chance.choice(_WALLETS) if story.wallet else None
    entitled = story.membership not in ("applied", "failed", "revoked")
    return {
        "record_key": record_key(number),
        "name": name(number),
        "phone": phone(number),
        "birth_date": birth_date(number),
        "nik_hash": hash_nik(nik(number)) if hash_nik else None,
        "nik_last4": nik(number)[-4:],
        "card_last4": card_last4(number) if entitled else None,
        "wave": chance.randint(63, 71) if number % 10 else chance.randint(30, 47),
        "region": chance.choice(_CITIES),
        "membership": story.membership,
        "balance": 3_500_000 - (chance.randrange(8, 60) * 25_000 if story.course else 0) if entitled else 0,
        "buy_by": today + timedelta(days=story.buy_by) if story.buy_by else None,
        "videos_watched": 3 if story.course else number % 4 if entitled else 0,
        "wallet": wallet,
        "wallet_masked": f"••••{number:04d}" if wallet else None,
        "wallet_state": story.wallet or "unlinked",
        "as_of": now,
        "imported_at": now,
    }


def _spelled(number: int) -> str:
    if number < 12:
        return _DIGITS[number]
    if number < 20:
        return f"{_DIGITS[number - 10]} belas"
    for size, word in ((100, "ratus"), (10, "puluh")):
        if number >= size:
            many, rest = divmod(number, size)
            head = "seratus" if word == "ratus" and many == 1 else f"{_DIGITS[many]} {word}"
            return f"{head} {_spelled(rest)}".strip()
    return ""


# -- courses and money ----------------------------------------------------------------------------------------------


def _course(number: int, chance: random.Random, now: datetime) -> dict[str, Any]:
    topics = load().files["courses"]["topics"]
    keys = list(topics)
    topic = keys[(number - 1) % len(keys)]
    subject = topics[topic]["name"]
    mode = chance.choice(_MODES)
    return {
        "course_key": f"contoh-kursus-{number:04d}",
        "title": _PATTERNS[(number - 1) // len(keys) % len(_PATTERNS)].format(subject),
        "provider": f"Lembaga Contoh {chr(65 + chance.randrange(26))}",
        "platform": chance.choice(_PLATFORMS),
        "mode": mode,
        "region": chance.choice(_CITIES) if mode == "offline" else None,
        "topic": topic,
        "price": chance.randrange(8, 140) * 25_000,
        "hours": chance.randint(15, 40),
        "starts_on": None,  # no course can be bought, so none begins
        "summary": f"Belajar {subject[0].lower()}{subject[1:]} dari awal, dengan latihan. Pelatihan ini hanya contoh.",
        "invented": True,
        "as_of": now,
        "valid_until": None,
    }


def _provider(letter: str, now: datetime) -> dict[str, Any]:
    state = "ended" if letter == LISTED[-1] else "listed"
    return {
        "provider_key": f"contoh-lembaga-{letter.lower()}",
        "name": f"Lembaga Contoh {letter}",
        "state": state,
        "as_of": now,
    }


def _enrolments(
    told: Sequence[tuple[int, Story]], offered: Sequence[int], chance: random.Random, today: date, now: datetime
) -> Iterator[dict[str, Any]]:
    for number, (participant_id, story) in enumerate(told, 1):
        course_id = chance.choice(offered)
        if number > len(STORIES) and number % 3:
            course_id = offered[number % POPULAR]
        if not story.course:
            continue
        finished = today - timedelta(days=15 - min(0, story.scheduled))
        ended = story.course in ("finished", "certified")
        yield {
            "participant_id": participant_id,
            "course_id": course_id,
            "position": 1,
            "state": story.course,
            "bought_on": finished - timedelta(days=20),
            "finished_on": finished if ended else None,
            "certificate_on": finished + timedelta(days=2) if story.certificate else None,
            "rated_on": finished + timedelta(days=3) if story.rated else None,
            "reviewed_on": finished + timedelta(days=3) if story.reviewed else None,
            "as_of": now,
        }


def _incentives(told: Sequence[tuple[int, Story]], today: date, now: datetime) -> Iterator[dict[str, Any]]:
    for participant_id, story in told:
        if not story.payment:
            continue
        scheduled = today + timedelta(days=story.scheduled) if story.scheduled else None
        yield {
            "participant_id": participant_id,
            "kind": "training",
            "amount": 600_000,
            "state": story.payment,
            "reason": story.reason or None,
            "scheduled_on": scheduled,
            "paid_on": scheduled + timedelta(days=2) if scheduled and story.payment == "paid" else None,
            "as_of": now,
        }


def _upsert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]], key: list[str]) -> None:
    statement = insert_for(connection)(table)
    changed = {column: statement.excluded[column] for column in rows[0] if column not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), rows)
