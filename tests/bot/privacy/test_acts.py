"""Erasing with a receipt, erasing again after a restore, the copy of one person, the breach pack."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select

from bot.ids import new_id
from bot.privacy import breach, export, keeping, ledger, whose
from bot.privacy import erase as erasing
from handlers import catalogue, register
from handlers.turn import Keys, Policy
from storage import chats, data_requests, desk_view, people, retention
from storage import erasing as stored
from storage.database import Database
from storage.privacy_rules import RULES
from storage.schema import access_log, messages, metadata, participants
from tests.storage.desk import add_chat

POLICY = Policy(lookup_key=b"k" * 32)
PHONE = "+6281234567890"
OTHER = "081298765432"


def people_in(connection: Connection, now: datetime) -> None:
    """A record, a chat on its number with a word about somebody else, and a neighbour."""
    record = {"record_key": "A-1", "name": "Contoh Satu", "phone": PHONE, "membership": "active", "as_of": now}
    connection.execute(insert(participants).values(**record, imported_at=now))
    for address in ("satu", "dua"):
        chat = add_chat(connection, address, now, "telegram")
        chats.log(
            connection, [{"chat_id": chat, "author": "person", "text": f"nomor ibu {OTHER}, aku {PHONE}", "at": now}]
        )
        chats.log(connection, [{"chat_id": chat, "author": "agent:7", "text": "Halo", "at": now}])
    chats.note_identity(connection, 1, kind="phone", value=PHONE, vouched=True, now=now)
    people.link(connection, chat_id=1, participant_id=1, level="2", method="card", now=now)


async def made(database: Database, now: datetime) -> None:
    await database.write(lambda c: people_in(c, now))


def rows(connection: Connection, name: str) -> int:
    return int(connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one())


async def test_a_number_names_its_chats_and_only_mentions_the_records_on_it(database: Database, now: datetime) -> None:
    await made(database, now)
    found = await database.read(lambda c: whose.find(c, phone="0812 3456 7890"))
    assert (found.chat_ids, found.record, found.also) == ([1], None, ("A-1",))
    for wrong in (
        {},
        {"chat": "99"},
        {"record": "x"},
        {"phone": "halo"},
        {"chat": "1", "record": "A-1"},
        {"chat": "9" * 30},
    ):
        with pytest.raises(ValueError, match=r"no |say whose"):
            await database.read(lambda c, wrong=wrong: whose.find(c, **wrong))


async def test_erasing_gives_a_receipt_and_a_dry_run_only_counts(database: Database, now: datetime) -> None:
    await made(database, now)

    def would(connection: Connection) -> list[erasing.Receipt]:
        return erasing.would_erase(connection, whose.find(connection, chat="1"), now)

    def do(connection: Connection) -> list[erasing.Receipt]:
        return erasing.erase(connection, POLICY, whose.find(connection, chat="1"), by="operator:x", now=now)

    (planned,) = await database.write(would)
    assert await database.read(lambda c: rows(c, "data_requests")) == 0
    (done,) = await database.write(do)
    assert dict(planned.counts) == dict(done.counts)
    request = await database.read(lambda c: data_requests.by_number(c, done.number))
    assert request is not None
    assert (request["state"], request["kind"], request["proof_hash"]) == ("done", "erasure", done.proof)
    assert request["proof"]["counts"]["messages"] == 2
    assert await database.read(lambda c: (rows(c, "chats"), rows(c, "messages"))) == (1, 2)


async def test_a_restored_backup_is_erased_again_from_the_file(
    database: Database, now: datetime, tmp_path: Path
) -> None:
    path = tmp_path / "deep" / "erasures.jsonl"
    await made(database, now)
    for named in ({"chat": "1"}, {"record": "A-1"}):
        await database.write(
            lambda c, named=named: erasing.erase(c, POLICY, whose.find(c, **named), by="operator:x", now=now)
        )
    assert await ledger.file_new(database, path) == 2
    assert await ledger.file_new(database, path) == 0
    assert path.stat().st_mode & 0o077 == 0
    text = path.read_text()
    assert not [word for word in ("satu", "A-1", PHONE[-8:], "Contoh") if word in text]

    def restored(connection: Connection) -> None:  # as the backup had it: the people are there, the ledger is not
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        for address in ("satu", "dua"):
            add_chat(connection, address, now, "telegram")
        record = {"record_key": "A-1", "name": "Contoh Satu", "membership": "active", "as_of": now}
        connection.execute(insert(participants).values(**record, imported_at=now))

    await database.write(restored)
    later = Policy(lookup_key=b"n" * 32, formers=(Keys(lookup=b"k" * 32, sealing=b"", signing=b""),))
    lines = ledger.read(path)
    keyless = await database.write(lambda c: erasing.reapply(c, lines, Policy(lookup_key=b"z" * 32), now))
    assert (keyless.erased, keyless.keyless) == (0, 2)
    dry = await database.write(lambda c: erasing.reapply(c, lines, later, now, dry_run=True))
    assert await database.read(lambda c: rows(c, "chats")) == 2
    again = await database.write(lambda c: erasing.reapply(c, lines, later, now))
    assert (dry, again.erased, again.absent) == (again, 2, 0)
    assert await database.read(lambda c: (rows(c, "chats"), rows(c, "participants"))) == (1, 0)
    assert (await database.write(lambda c: erasing.reapply(c, lines, later, now))).known == 2


def test_a_torn_last_line_is_left_out_and_another_is_told(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    assert ledger.read(path) == []
    path.write_text('{"id": "1"}\n{"id": "2')
    assert ledger.read(path) == [{"id": "1"}]
    path.write_text('{"id": "1\n{"id": "2"}\n')
    with pytest.raises(ValueError, match="line 1"):
        ledger.read(path)


def test_what_was_torn_is_written_again_below_and_the_file_stays_readable(tmp_path: Path, now: datetime) -> None:
    path = tmp_path / "e.jsonl"
    whole = {"kind": "chat", "digest": "d", "key_id": "k", "whole": True, "number": "D-1", "at": now}
    ledger.append(path, [{"id": "1", **whole}, {"id": "2", **whole}])
    path.write_bytes(path.read_bytes()[:-30])  # the machine died while the second line was written
    assert [line["id"] for line in ledger.read(path)] == ["1"]
    ledger.append(path, [{"id": "2", **whole}, {"id": "3", **whole}])
    assert [line["id"] for line in ledger.read(path)] == ["1", "2", "3"]


async def test_who_came_back_is_not_erased_again_when_the_ledger_has_forgotten(
    database: Database, now: datetime, tmp_path: Path
) -> None:
    path = tmp_path / "e.jsonl"
    await made(database, now)
    await database.write(lambda c: erasing.erase(c, POLICY, whose.find(c, chat="1"), by="cli", now=now))
    await ledger.file_new(database, path)
    later = now + timedelta(days=800)

    def lived(connection: Connection) -> None:
        retention.delete(connection, "erasures", now=later, limit=10)
        add_chat(connection, "satu", later - timedelta(days=30), "telegram")

    await database.write(lived)
    again = await database.write(lambda c: erasing.reapply(c, ledger.read(path), POLICY, later))
    assert (again.erased, await database.read(lambda c: rows(c, "chats"))) == (0, 2)


async def test_the_copy_shows_the_person_and_masks_the_others(database: Database, now: datetime) -> None:
    await made(database, now)

    def work(connection: Connection) -> dict[str, object]:
        found = whose.find(connection, chat="1")
        return export.export(connection, found, by="agent:3", reason="permintaan orangnya", now=now)

    copy = await database.write(work)
    text = export.as_json(copy)
    assert PHONE in text
    assert OTHER not in text
    assert "agent:7" not in text
    content = catalogue.load()
    page = export.page(copy, register.tables(content), register.columns(content), "Dinas <b>")
    assert "Isi percakapan" in page
    assert "Dinas &lt;b&gt;" in page
    assert not re.search(r"(?:src|href)=", page)
    looks = await database.read(lambda c: c.execute(select(access_log.c.actor, access_log.c.reason)).all())
    assert [tuple(row) for row in looks] == [("agent:3", "permintaan orangnya")]
    with pytest.raises(ValueError, match="reason"):
        await database.write(lambda c: export.export(c, whose.find(c, chat="1"), by="x", reason=" ", now=now))


async def test_a_records_copy_has_no_hash_and_is_logged(database: Database, now: datetime) -> None:
    await made(database, now)

    def work(connection: Connection) -> dict[str, object]:
        return export.export(connection, whose.find(connection, record="A-1"), by="cli", reason="diminta", now=now)

    text = export.as_json(await database.write(work))
    assert "Contoh Satu" in text
    assert "nik_hash" not in text
    assert [row["what"] for row in await database.read(lambda c: desk_view.looks(c, limit=9, record="A-1"))] == [
        export.WHAT
    ]


async def test_the_breach_pack_counts_and_names_nobody(database: Database, now: datetime) -> None:
    await made(database, now)
    content = catalogue.load()
    await database.write(lambda c: people.log_access(c, actor="agent:7", participant_id=1, what="data", now=now))
    span = breach.Span(since=now - timedelta(hours=1), until=now + timedelta(hours=1), noticed=now)
    pack = await database.read(lambda c: breach.collect(c, content, span))
    assert (pack["people"]["chats"], pack["people"]["records"], pack["people"]["records_looked_at"]) == (2, 1, 1)
    assert {row["table"]: row["written"] for row in pack["tables"]}["messages"] == 4
    assert [row["actor"] for row in pack["timeline"]] == ["agent:7"]
    text = json.dumps(pack) + "".join(breach.letters(content, pack, "Dinas Contoh").values())
    assert "27 Nov 2026, 10.00 WIB" in text
    assert not [word for word in ("Contoh Satu", PHONE, "satu") if f'"{word}"' in text]


async def test_retention_deletes_what_is_over_in_batches(database: Database, now: datetime) -> None:
    await made(database, now)
    old = now - timedelta(days=5000)
    rows_of_old = [{"chat_id": 1, "author": "bot", "text": "x", "at": old} for _ in range(1_100)]
    await database.write(lambda c: c.execute(insert(messages), rows_of_old))
    assert (await keeping.enforce(database))["messages"] == 1_100
    assert await database.read(lambda c: rows(c, "messages")) == 4


def test_every_table_with_personal_data_is_named_and_stands_in_the_register() -> None:
    content = catalogue.load()
    personal = {name for name, rule in RULES.items() if rule.erasure != "none"}
    assert set(register.tables(content)) == personal
    assert {name for row in register.processing(content) for name in row["tables"]} == personal
    page = (Path(__file__).parents[3] / "docs" / "processing.md").read_text(encoding="utf-8")
    assert page == register.page(content)


def test_an_id_has_no_look_alikes() -> None:
    assert not set(new_id(400)) & set("ILOU")


async def test_an_erased_chat_is_known_by_its_address_alone(database: Database, now: datetime) -> None:
    await made(database, now)
    await database.write(lambda c: erasing.erase(c, POLICY, whose.find(c, chat="1"), by="cli", now=now))
    assert len(await database.read(stored.known)) == 1
