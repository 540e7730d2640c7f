"""Marked personal data goes through the front door in every step of every conversation; then every column and every log line is read.

Each message of the dialogues in tests/dialogues carries one more thing that must not be kept. What is answered does not matter here.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import date, datetime
from itertools import count
from pathlib import Path
from typing import Any, Never

import pytest
import structlog
from sqlalchemy import Connection, select

from bot import app, dialogues, logs, settings
from bot.effects import Parts
from nlu.digits import BULLET
from storage.database import Database
from storage.schema import chats, messages, metadata
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("in_one_thread")

FOLDER = Path(__file__).parents[1] / "dialogues"
MEMORY = "/dev/shm"  # noqa: S108 - used only where it exists

MARKS: Mapping[str, tuple[str, str]] = {  # kind: (how it is typed, what must not be found)
    "nik": ("nik saya 3273014507990001", "3273014507990001"),
    "nik, dotted": ("NIK: 3273.0145.0799.0001 ya kak", "3273014507990001"),
    "kk": ("no kk 3273 0112 0315 0007", "3273011203150007"),
    "card": ("nomor kartu prakerja 6019 0012 3456 7890", "6019001234567890"),
    "account": ("rekening bni 0123456789012", "0123456789012"),
    "otp": ("kode otp nya 482913", "482913"),
    "pin": ("pin atm 774411", "774411"),
    "password": ("kata sandi saya: kucing77biru", "kucing77biru"),
    "phone": ("nomor hp 081277712345", "81277712345"),
    "e-mail": ("email rahasia.banget@contoh.id", "rahasia.banget@contoh.id"),
}
WORDS_OF_PEOPLE = (
    "a number or address in a person's own words stays: an agent may have to call; masking hides what opens something"
)
HELD: Mapping[tuple[str, str], str] = {
    ("messages", "text"): WORDS_OF_PEOPLE,
    ("inbox", "payload"): WORDS_OF_PEOPLE,
    ("outbox", "payload"): WORDS_OF_PEOPLE,
    ("cases", "story"): WORDS_OF_PEOPLE,
    ("conversations", "state"): WORDS_OF_PEOPLE,
    ("drafts", "data"): WORDS_OF_PEOPLE,
    ("registrations", "data"): WORDS_OF_PEOPLE,
    ("handoffs", "rating_note"): WORDS_OF_PEOPLE,
    ("misunderstood", "text"): WORDS_OF_PEOPLE,
    ("data_requests", "wish"): WORDS_OF_PEOPLE,
    ("identities", "value"): "the number by which the person is reached, vouched for or typed as theirs",
}
_MILD = ("phone", "e-mail")
EVERY = (
    3  # of so many dialogues one is also played as it is, with the secrets in messages between: it costs twice the time
)


def found_in(text: str) -> list[str]:
    """The kinds of marks that stand in a text, also with spaces or dots between the digits."""
    close = re.sub(r"(?<=\d)[\s.,\-_/]+(?=\d)", "", text)
    return [kind for kind, (_, secret) in MARKS.items() if secret in text or secret in close]


async def test_a_mark_in_a_column_is_found_and_none_between_two_rows(sqlite: Database) -> None:
    def work(connection: Connection) -> list[str]:
        for name in ("32730145", "07990001", "kode 482913"):
            row = {"channel": "web", "account": "w", "address": name, "name": name, "created_at": NOW, "seen_at": NOW}
            connection.execute(chats.insert().values(row))
        return unmasked(connection, frozenset({"07990001"}))

    assert await sqlite.write(work) == [
        *("chats.address: a secure form's number", "chats.address: otp"),
        *("chats.name: a secure form's number", "chats.name: otp"),
    ]


def test_a_mark_would_be_found() -> None:
    assert found_in("nik 3273.0145-0799 0001") == ["nik", "nik, dotted"]
    assert found_in('{"a": "rahasia.banget@contoh.id"}') == ["e-mail"]
    assert found_in("kode ••••••") == []


def unmasked(connection: Connection, secrets: frozenset[str]) -> list[str]:
    """Where a mark stands that may not stand there; whole numbers of secure forms nowhere at all."""
    wrong = []
    for table in metadata.sorted_tables:
        rows = connection.execute(select(table)).all()
        for column, values in zip(table.columns, zip(*rows, strict=True), strict=False):
            text = "\0".join(
                _written(value) for value in values
            )  # a column at once: no mark reaches over its values' ends
            allowed = _MILD if (table.name, column.name) in HELD else ()
            wrong += [f"{table.name}.{column.name}: {kind}" for kind in found_in(text) if kind not in allowed]
            wrong += [f"{table.name}.{column.name}: a secure form's number" for one in secrets if one in text]
    return sorted(set(wrong))


def _written(value: object) -> str:
    """What can hold a mark."""
    if value is None or isinstance(value, bool | int | float | datetime | date):
        return ""
    plain = value.decode("latin-1") if isinstance(value, bytes) else value
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def marked(script: Mapping[str, Any], numbers: Iterator[int]) -> dict[str, Any]:
    """The dialogue with one more secret in each message, and without its expectations."""
    typed = [phrase for phrase, _ in MARKS.values()]
    turns = []
    for turn in script["turns"]:
        made = {key: value for key, value in turn.items() if key not in ("expect", "keep")}
        for act in ("say", "forward", "caption"):
            if act in made:
                made[act] = f"{made[act]} {typed[next(numbers) % len(typed)]}"
        turns.append(made)
    return {**script, "turns": turns}


def plain(script: Mapping[str, Any]) -> dict[str, Any]:
    """The dialogue as it is, with each secret in a message of its own in between."""
    turns = []
    numbers = count()
    typed = [phrase for phrase, _ in MARKS.values()]
    for turn in script["turns"]:
        made = {key: value for key, value in turn.items() if key != "expect"}
        turns += [made, {"say": typed[next(numbers) % len(typed)]}] if "say" in made else [made]
    return {**script, "turns": turns}


def numbers_of_forms(script: Mapping[str, Any]) -> frozenset[str]:
    """What is typed into the secure form."""
    forms = [turn["form"] for turn in script["turns"] if "form" in turn]
    return frozenset(str(form[name]) for form in forms for name in ("nik", "kk") if len(str(form.get(name, ""))) == 16)


@pytest.fixture(scope="module")
def parts() -> Parts:
    """Understanding and content, loaded once."""
    return app.parts(settings.load({"PANDU_SECRET_KEY": "masking test"}))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the process would have logged."""
    kept: list[str] = []

    def keep(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Never:
        kept.append(json.dumps(event, ensure_ascii=False, default=str))
        raise structlog.DropEvent

    structlog.configure(processors=[structlog.processors.format_exc_info, logs.redacted, keep])
    if os.access(MEMORY, os.W_OK):
        monkeypatch.setattr(tempfile, "tempdir", MEMORY)
    return kept


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yml")), ids=lambda path: path.stem)
async def test_no_secret_is_kept_or_logged_whatever_is_talked_about(
    path: Path, parts: Parts, lines: list[str], sqlite_template: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    wrong: list[str] = []
    heard: list[str] = []
    secrets: frozenset[str] = frozenset()

    class Read(Database):
        async def close(self) -> None:
            wrong.extend(await self.read(lambda c: unmasked(c, secrets)))
            heard.extend(await self.read(lambda c: c.execute(select(messages.c.text)).scalars().all()))
            await super().close()

    monkeypatch.setattr(dialogues, "Database", Read)
    numbers, played = count(), 0
    with caplog.at_level(logging.DEBUG):
        for script in dialogues.read(path):
            secrets = numbers_of_forms(script)
            ways = [marked(script, numbers), *([plain(script)] if played % EVERY == 0 else [])]
            for made in ways:
                # another way through the dialogue may end it: no form was offered, nobody waits for an agent
                with contextlib.suppress(ValueError, AssertionError, LookupError):
                    await dialogues.run(made, dialogues.channels_of(script)[0], parts, template=sqlite_template)
                played += 1
            assert wrong == [], script["name"]
    assert played >= 2
    assert BULLET in "".join(heard)  # the secrets did come in, and were hidden
    told = [*lines, *(record.getMessage() for record in caplog.records)]
    assert [line for line in told if found_in(line)] == []
