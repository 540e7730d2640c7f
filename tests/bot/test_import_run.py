"""Whole imports on both databases: what is taken, what is refused, and what is left after a crash at any point."""

from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select, update

from bot.exchange import writer as pace
from bot.exchange.columns import KINDS, UnusableError, columns
from bot.exchange.exporter import HEADINGS
from handlers.secure import hash_identity
from storage import chats, people
from storage.database import Database
from storage.schema import (
    changes,
    courses,
    enrolments,
    import_rows,
    imports,
    incentives,
    leases,
    links,
    metadata,
    participants,
)
from tests.bot.exchange import AS_OF, KEY, NIK, PEOPLE, imported, rows_of, write
from tests.storage.test_people import add_chat

DOCS = Path(__file__).parent.parent.parent / "docs"
SAMPLES = DOCS / "samples"


async def load_samples(database: Database, **options: Any) -> None:
    for kind in KINDS:
        outcome = await imported(database, SAMPLES / f"{kind}.csv", kind, **options)
        assert outcome.refused == 0, (kind, outcome.first_refused)


async def test_the_samples_are_taken_whole_and_a_second_time_change_nothing(database: Database) -> None:
    await load_samples(database)
    first = await rows_of(database, participants, participants.c.id)
    assert first[0] | {"id": 1, "imported_at": None} == {
        "id": 1, "record_key": "sampel-0001", "name": "Contoh Satu", "phone": "+6280000090001", "birth_date": date(1982, 2, 16),
        "nik_hash": hash_identity("3273001602820001", KEY), "nik_last4": "0001", "card_last4": "0037", "wave": 71, "region": "3273",
        "membership": "finished", "balance": 3_400_000, "buy_by": None, "videos_watched": 3, "wallet": "dana", "wallet_masked": "••••0001",
        "wallet_state": "linked", "unvouched_locked_until": None, "as_of": AS_OF, "imported_at": None,
    }  # fmt: skip
    assert [row["invented"] for row in await rows_of(database, courses)] == [True, True, True]
    assert [(row["state"], row["position"]) for row in await rows_of(database, enrolments, enrolments.c.id)] == [
        ("certified", 1),
        ("finished", 1),
        ("running", 1),
        ("certified", 1),
    ]
    assert len(await rows_of(database, incentives)) == 5
    for kind in KINDS:
        again = await imported(database, SAMPLES / f"{kind}.csv", kind, as_of=AS_OF + timedelta(days=1))
        assert (again.counts["same"], again.counts["inserted"], again.counts["changed"]) == (again.rows, 0, 0)
    second = await rows_of(database, participants, participants.c.id)
    assert [row["id"] for row in second] == [row["id"] for row in first]
    assert {row["as_of"] for row in second} == {AS_OF + timedelta(days=1)}
    assert await rows_of(database, import_rows) == []
    assert {row["state"] for row in await rows_of(database, imports)} == {"done"}


async def test_bad_rows_stop_no_others_and_stand_in_the_report(database: Database, tmp_path: Path) -> None:
    lines = [
        "kunci;nama;status;hp;saldo;catatan",
        "a;Contoh A;aktif;0800 0000 0001;Rp600.000;x",
        "b;Contoh B;entah;0800 0000 0002;;x",
        'c;"Contoh C;aktif;;;x',
        f"d;Contoh {NIK};aktif;;;x",
        "a;Contoh A lagi;aktif;;;x",
        ";;;;;",
        "e;Contoh E;aktif;12;enam;x",
        "f;Contoh F;lulus;;-;=1+1",
    ]
    path = write(tmp_path / "p.csv", "\n".join(lines))
    (tmp_path / "r.csv").touch(mode=0o644)
    outcome = await imported(database, path, report=tmp_path / "r.csv")
    assert (tmp_path / "r.csv").stat().st_mode & 0o077 == 0, "refused rows are people's"
    assert (outcome.rows, outcome.refused, outcome.counts["inserted"]) == (7, 5, 2)
    assert outcome.unknown_columns == ["catatan"]
    with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
        told = list(csv.DictReader(file))
    assert [(row["line"], row["column"], row["reason"]) for row in told] == [
        ("1", "catatan", "unknown column: not read"),
        ("3", "membership", "not an allowed value"),
        ("4", "", "a quote that is never closed"),
        ("5", "nama", "a NIK or KK number outside the column nik"),
        ("6", "record_key", "the same record_key as in line 2"),
        ("8", "phone", "not an Indonesian mobile number"),
        ("8", "balance", "not a sum in whole rupiah"),
    ]
    assert all(row["mend"] for row in told)
    assert NIK not in (tmp_path / "r.csv").read_text()
    rows = await rows_of(database, participants, participants.c.record_key)
    assert [(row["record_key"], row["phone"], row["balance"]) for row in rows] == [
        ("a", "+6280000000001", 600_000),
        ("f", None, None),
    ]
    clean = write(tmp_path / "p.csv", "\n".join([lines[0].replace(";catatan", ""), lines[1].replace(";x", "")]))
    await imported(database, clean, report=tmp_path / "r.csv")
    assert (tmp_path / "r.csv").read_text(encoding="utf-8-sig") == "line,column,value,reason,mend\n", (
        "an old report would mislead"
    )


async def test_a_column_that_is_missing_leaves_values_and_an_empty_cell_clears_them(
    database: Database, tmp_path: Path
) -> None:
    await imported(
        database, write(tmp_path / "a.csv", f"{PEOPLE}a,Contoh,aktif,080000000001\nb,Contoh,aktif,080000000002\n")
    )
    await imported(database, write(tmp_path / "b.csv", "record_key,name,membership,balance\na,Contoh,lulus,5\n"))
    await imported(database, write(tmp_path / "c.csv", f"{PEOPLE}b,Contoh,aktif,\n"))
    rows = await rows_of(database, participants, participants.c.record_key)
    assert [(row["phone"], row["membership"], row["balance"]) for row in rows] == [
        ("+6280000000001", "finished", 5),
        (None, "active", None),
    ]


async def test_older_data_never_writes_over_newer(database: Database, tmp_path: Path) -> None:
    await imported(database, write(tmp_path / "new.csv", f"{PEOPLE}a,Baru,lulus,\n"))
    before = AS_OF - timedelta(hours=1)
    outcome = await imported(
        database, write(tmp_path / "old.csv", f"{PEOPLE}a,Lama,aktif,\nb,Lama,aktif,\n"), as_of=before
    )
    assert (outcome.counts["newer"], outcome.counts["inserted"]) == (1, 1)
    rows = await rows_of(database, participants, participants.c.record_key)
    assert [(row["name"], row["as_of"]) for row in rows] == [("Baru", AS_OF), ("Lama", before)]


async def test_rows_that_name_nobody_are_refused_and_named(database: Database, tmp_path: Path) -> None:
    await load_samples(database)
    path = write(
        tmp_path / "e.csv",
        "record_key,course_key,state\nsampel-0004,sampel-kursus-01,dibeli\nx,sampel-kursus-01,dibeli\nsampel-0004,y,dibeli\nx,y,dibeli\n",
    )
    for dry in (True, False):
        outcome = await imported(database, path, "enrolments", report=tmp_path / "r.csv", dry=dry)
        assert (outcome.rows, outcome.refused, outcome.counts["inserted"]) == (4, 3, 1)
        with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
            told = [(row["line"], row["column"]) for row in csv.DictReader(file)]
        assert told == [("3", "record_key"), ("4", "course_key"), ("5", "record_key"), ("5", "course_key")]


async def test_a_dry_run_foresees_exactly_and_writes_nothing(database: Database, tmp_path: Path) -> None:
    await load_samples(database)

    async def everything() -> str:
        tables = [await rows_of(database, table) for table in metadata.sorted_tables if table.name != "leases"]
        return json.dumps(tables, default=str, sort_keys=True)

    before = await everything()
    path = write(
        tmp_path / "i.csv",
        "record_key,kind,amount,state\nsampel-0001,training,600000,cair\nsampel-0002,training,600000,terjadwal\n"
        "sampel-0002,survey_1,50000,menunggu\nsampel-0002,survey_1,1,menunggu\nnobody,training,1,cair\nsampel-0003,x,1,cair\n",
    )
    later = AS_OF + timedelta(hours=6)
    foreseen = await imported(database, path, "incentives", as_of=later, dry=True)
    assert await everything() == before
    assert foreseen.report is None
    assert not path.with_suffix(".report.csv").exists()
    done = await imported(database, path, "incentives", as_of=later)
    assert (foreseen.rows, foreseen.refused) == (done.rows, done.refused) == (6, 3)
    for name in ("inserted", "changed", "same", "newer"):
        assert foreseen.counts[name] == done.counts[name], name
    assert (done.counts["inserted"], done.counts["changed"], done.counts["same"]) == (1, 1, 1)


# -- what hangs on a record ---------------------------------------------------------------------------------------


async def test_a_link_by_number_ends_when_the_imported_number_is_another(database: Database, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        f"{PEOPLE}" + "".join(f"{key},Contoh,aktif,08000000000{n}\n" for n, key in enumerate("abcd", 1)),
    )
    await imported(database, path)

    def link(connection: Connection) -> None:
        ids = {
            row.record_key: row.id for row in connection.execute(select(participants.c.record_key, participants.c.id))
        }
        for number, (key, method) in enumerate(
            (("a", "birth_card"), ("b", "birth_nik"), ("c", "agent"), ("d", "secure_form")), 1
        ):
            chat = add_chat(connection, key, AS_OF)
            chats.note_identity(connection, chat, kind="phone", value=f"+628000000000{number}", vouched=True, now=AS_OF)
            people.link(connection, chat_id=chat, participant_id=ids[key], level="2", method=method, now=AS_OF)
        web = add_chat(connection, "web", AS_OF)
        parent = connection.execute(select(links.c.id).where(links.c.participant_id == ids["a"])).scalar_one()
        people.link(
            connection, chat_id=web, participant_id=ids["a"], level="2", method="code", now=AS_OF, parent_id=parent
        )

    await database.write(link)
    same = await imported(database, path, as_of=AS_OF + timedelta(hours=1))
    assert same.counts["links_ended"] == 0
    moved = f"{PEOPLE}a,Contoh,aktif,080000000009\nb,Contoh,aktif,080000000002\nc,Contoh,aktif,080000000008\nd,Contoh,aktif,\n"
    outcome = await imported(database, write(tmp_path / "b.csv", moved), as_of=AS_OF + timedelta(hours=2))
    assert outcome.counts["links_ended"] == 3
    found = await rows_of(database, links, links.c.id)
    assert [(row["ended_at"] is None, row["ended_why"]) for row in found] == [
        (False, "number_changed"),
        (True, None),
        (True, None),  # an agent has checked the person, not the number
        (False, "number_changed"),
        (False, "number_changed"),  # a web chat that was opened from the first
    ]


async def test_changes_are_kept_for_messages(database: Database, tmp_path: Path) -> None:
    await imported(database, write(tmp_path / "p.csv", f"{PEOPLE}a,Contoh,aktif,\nb,Contoh,aktif,\n"))

    def link(connection: Connection) -> None:
        people.link(
            connection, chat_id=add_chat(connection, "a", AS_OF), participant_id=1, level="2", method="agent", now=AS_OF
        )

    await database.write(link)
    head = "record_key,kind,amount,state,scheduled_on\n"
    first = write(tmp_path / "1.csv", f"{head}a,training,600000,menunggu,\nb,training,600000,menunggu,\n")
    assert (await imported(database, first, "incentives")).counts["changes"] == 1, (
        "a new payment is told to whoever is linked"
    )
    assert (await imported(database, first, "incentives")).counts["changes"] == 0
    second = write(
        tmp_path / "2.csv", f"{head}a,training,600000,terjadwal,2026-12-01\nb,training,600000,terjadwal,2026-12-01\n"
    )
    assert (await imported(database, second, "incentives", as_of=AS_OF + timedelta(days=1))).counts["changes"] == 2
    kept = await rows_of(database, changes, changes.c.id)
    after = {"state": "scheduled", "amount": 600_000, "reason": None, "scheduled_on": "2026-12-01", "paid_on": None}
    before = {**after, "state": "waiting", "scheduled_on": None}
    assert [(row["participant_id"], row["what"], row["before"], row["after"]) for row in kept] == [
        (1, "incentive:training", None, before),
        (1, "incentive:training", before, after),
        (2, "incentive:training", before, after),
    ]


# -- killed and resumed -------------------------------------------------------------------------------------------


class PowerCutError(Exception):
    """The process is gone."""


class Failing:
    """A database that dies at the n-th write; what was committed stays."""

    def __init__(self, database: Database, writes: int, *, after: bool) -> None:
        self._database, self._left, self._after = database, writes, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, work: Any) -> Any:
        self._left -= 1
        if self._left < 0 or (self._left == 0 and not self._after):
            raise PowerCutError
        result = await self._database.write(work)
        if self._left == 0:
            raise PowerCutError
        return result


def _forget_lease(connection: Connection) -> None:
    connection.execute(update(leases).values(until=AS_OF - timedelta(days=365)))


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_write_is_made_good_by_giving_the_file_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    monkeypatch.setattr(pace, "_SMALLEST", 3)
    monkeypatch.setattr(pace, "_LARGEST", 3)
    monkeypatch.setattr(pace.Writer.__init__, "__kwdefaults__", {"alone": False, "size": 3})
    good = [f"k{number},Contoh {number},aktif,08000000{number:04d}" for number in range(10)]
    lines = [*good[:4], "bad,Contoh,entah,", good[0], *good[4:]]
    path = write(tmp_path / "p.csv", PEOPLE + "\n".join(lines))
    finished = False
    writes = 0
    while not finished:
        writes += 1
        await database.write(
            lambda c: [c.execute(table.delete()) for table in (participants, imports, import_rows, leases)]
        )
        try:
            await imported(Failing(database, writes, after=after), path, report=tmp_path / "r.csv")  # type: ignore[arg-type]
            finished = True
        except PowerCutError:
            await database.write(_forget_lease)
        outcome = await imported(database, path, report=tmp_path / "r.csv")
        assert (outcome.rows, outcome.refused) == (12, 2), writes
        assert sum(outcome.counts[name] for name in ("inserted", "same")) == 10, writes
        rows = await rows_of(database, participants, participants.c.record_key)
        assert [row["record_key"] for row in rows] == [f"k{number}" for number in range(10)]
        assert await rows_of(database, import_rows) == []
        with (tmp_path / "r.csv").open(encoding="utf-8-sig", newline="") as file:
            assert [row["line"] for row in csv.DictReader(file)] == ["6", "7"]
    assert writes > 12


async def test_another_file_gives_an_unfinished_import_up(database: Database, tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", f"{PEOPLE}a,Contoh,aktif,\n")
    with pytest.raises(PowerCutError):
        await imported(Failing(database, 4, after=True), first)  # type: ignore[arg-type]
    await database.write(_forget_lease)
    assert len(await rows_of(database, import_rows)) == 1
    outcome = await imported(database, write(tmp_path / "b.csv", f"{PEOPLE}b,Contoh,aktif,\n"))
    assert not outcome.resumed
    assert [row["record_key"] for row in await rows_of(database, participants)] == ["b"]
    assert await rows_of(database, import_rows) == []
    assert [row["state"] for row in await rows_of(database, imports, imports.c.id)] == ["abandoned", "done"]


async def test_two_imports_never_run_at_once(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LEASE", timedelta(seconds=0.3))
    other = pace.Writer(database)
    await other.take_place()
    await database.write(lambda c: c.execute(update(leases).values(until=AS_OF + timedelta(days=3650))))
    with pytest.raises(UnusableError, match="another import is running"):
        await imported(database, write(tmp_path / "a.csv", f"{PEOPLE}a,Contoh,aktif,\n"))
    await other.leave_place()
    thief = pace.Writer(database)
    await thief.take_place()
    with pytest.raises(UnusableError, match="taken the place"):
        await other.write(lambda connection: None)


# -- wild files ---------------------------------------------------------------------------------------------------

_CELL = st.one_of(
    st.text(alphabet=st.characters(exclude_characters="\r\n"), max_size=20),
    st.sampled_from(
        [
            "a",
            "b",
            "aktif",
            "lulus",
            "080000000001",
            "\0",
            "\ufffe",
            "𝒳",
            "Rp600.000",
            NIK,
            "2026-01-01",
            "3273",
            "",
            "-",
            "😀" * 70,
        ]
    ),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(_CELL, max_size=9), min_size=1, max_size=12), st.sampled_from([",", ";"]))
async def test_wild_files_are_taken_or_refused_and_keep_no_identity(
    database: Database, tmp_path: Path, table: list[list[str]], separator: str
) -> None:
    path = tmp_path / "wild.csv"
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="") as file:
        out = csv.writer(file, delimiter=separator)
        out.writerow(["kunci", "nama", "status", "hp", "saldo", "tgl lahir", "nik", "kota", "x" * 5_000])
        out.writerows(table)
    outcome = await imported(database, path)
    counts = outcome.counts
    assert outcome.rows == outcome.refused + sum(counts[name] for name in ("inserted", "changed", "same", "newer"))
    tables = [await rows_of(database, one) for one in (participants, imports, import_rows)]
    assert NIK not in json.dumps(tables, default=str)
    report = path.with_suffix(".report.csv")
    assert not report.exists() or NIK not in report.read_text(encoding="utf-8-sig")


# -- the page -----------------------------------------------------------------------------------------------------


def test_the_page_names_every_column_heading_and_allowed_value() -> None:
    page = (DOCS / "data.md").read_text(encoding="utf-8")
    for kind in KINDS:
        for column in columns(kind):
            assert f"| `{column.name}`" in page, column.name
            for heading in column.headings[1:]:
                assert heading in page, (kind, column.name, heading)
            for code in column.allowed:
                assert f"`{code}`" in page, (kind, column.name, code)
    for names in HEADINGS.values():
        assert all(f"`{name}`" in page for name in names)
