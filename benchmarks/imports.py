"""`pandu bench imports`: a million rows from a file into the records, while people go on chatting.

Each import is the command in a process of its own; beside it another process stores a message every 50 ms as the way in does, and says how long each took, with
and without the import. PANDU_BENCH_ROWS (1,000,000), PANDU_BENCH_SHEET_ROWS (100,000) and PANDU_BENCH_SYSTEMS (sqlite,postgres) change the size.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json as js
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from benchmarks import options
from benchmarks.databases import postgres_server
from benchmarks.processes import ROOT, sqlite_url
from bot.exchange.xlsx_write import XlsxWriter
from storage import chats, imports, inbox, migrate
from storage.database import Database, database_now
from storage.schema import metadata

CHATS = 200
EVERY = 0.05
QUIET = 10.0  # seconds of chatting without an import
STAGED = 50_000
SECRET = "a benchmark's secret of at least 32 characters"
HEADINGS = (
    "Kunci", "Nama", "No HP", "Tanggal Lahir", "NIK", "Nomor Kartu", "Gelombang", "Kabupaten/Kota", "Status", "Saldo", "Batas Beli", "Video",
    "E-Wallet", "No Rekening", "Status E-Wallet",
)  # fmt: skip
_PLACES = ("3171", "3273", "3374", "Kota Surabaya", "Kab. Bandung", "7371", "Kota Medan")


# -- the files ----------------------------------------------------------------------------------------------------


def people(count: int) -> Iterator[list[str]]:
    """Invented people; one row in a thousand is wrong."""
    chance = random.Random(1)
    for number in range(1, count + 1):
        born = date(1968, 1, 1) + timedelta(days=chance.randrange(13_700))
        state = "entah" if number % 1_000 == 0 else chance.choice(("aktif", "selesai", "diterima"))
        nik = f"327300{born:%d%m%y}{number % 9_999 + 1:04d}"
        balance = f"Rp{chance.randint(1, 3)}.{chance.randrange(40) * 25:03d}.000"
        yield [
            f"ukur-{number:07d}", f"Contoh Peserta {number}", f"0800{number:08d}", f"{born:%d/%m/%Y}", nik, f"{number % 10_000:04d}",
            str(chance.randint(48, 71)), chance.choice(_PLACES), state, balance, "31/12/2026", "3", chance.choice(("OVO", "DANA", "BNI")),
            f"0800{number:08d}", "tersambung",
        ]  # fmt: skip


def write_csv(path: Path, count: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, delimiter=";")
        out.writerow(HEADINGS)
        out.writerows(people(count))
    return path


def write_xlsx(path: Path, count: int) -> Path:
    with XlsxWriter(path) as file:
        file.writerow(HEADINGS)
        for row in people(count):
            file.writerow(row)
    return path


# -- the children: an import, and people who chat -------------------------------------------------------------------


def import_child(kind: str, file: str) -> None:
    """The command, and on the last line its peak memory in MiB."""
    from bot.commands import importing

    app = typer.Typer()
    app.command()(importing.import_file)
    try:
        app([kind, file, "--json"], standalone_mode=False)
    finally:
        typer.echo(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


async def chat_child(url: str) -> None:
    """Stores messages until standard input closes; then prints what each took in milliseconds."""
    database = Database(url)
    took: list[float] = []
    ended = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    number = 0
    while not ended.done():
        number += 1
        began = time.perf_counter()
        await database.write(partial(_message, number))
        took.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(max(0.0, EVERY - (time.perf_counter() - began)))
    await database.close()
    typer.echo(js.dumps(took))


def _message(number: int, connection: Connection) -> None:
    now = database_now(connection)
    event = inbox.Event(
        channel="telegram",
        account="ukur",
        address=str(number % CHATS),
        event_id=f"{time.time_ns()}",
        payload={"text": "kapan cair"},
        sent_at=now,
    )
    inbox.insert(connection, [event], now)
    chat = chats.find(connection, "telegram", "ukur", event.address)
    if chat:
        chats.log(connection, [{"chat_id": chat["id"], "author": "person", "text": "kapan cair", "at": now}])


@contextlib.contextmanager
def chatting(url: str, into: dict[str, float]) -> Iterator[None]:
    """People chat while this is open."""
    child = subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "benchmarks.imports", "chat", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    try:
        yield
    finally:
        out, _ = child.communicate("")
    took = sorted(js.loads(out))
    into.update(
        chat_p50_ms=round(statistics.median(took), 1),
        chat_p95_ms=round(took[int(len(took) * 0.95)], 1),
        chat_max_ms=round(took[-1], 1),
    )


def importing(url: str, kind: str, file: Path) -> dict[str, Any]:
    """Runs the command; its outcome, time and memory."""
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "benchmarks.imports", "import", kind, str(file)],
        cwd=ROOT, capture_output=True, text=True, check=False, env={"PANDU_DATABASE_URL": url, "PANDU_SECRET_KEY": SECRET, "PATH": ""},
    )  # fmt: skip
    lines = done.stdout.strip().splitlines()
    if len(lines) != 2:
        raise RuntimeError(done.stderr[-2_000:])
    told = js.loads(lines[0])
    keys = ("rows", "refused", "inserted", "changed", "same", "longest_write_ms")
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "rss_mb": int(lines[1]),
        **{key: told[key] for key in keys},
    }


# -- one database -------------------------------------------------------------------------------------------------


async def _prepare(url: str) -> None:
    database = Database(url)
    await database.write(migrate.upgrade)
    await database.write(metadata.create_all)  # what this version's migration may not have yet
    for number in range(CHATS):
        await database.write(partial(_message, number))
    await database.close()


async def staging(url: str) -> dict[str, float]:
    """Rows a second into the staging table: as the import does it (COPY on PostgreSQL), and by INSERT of many rows."""
    database = Database(url)
    rows = [
        imports.Row(line=at, key=f"k{at}", second="", data=[f"Contoh {at}", "active", "x" * 64, 600_000], problems=None)
        for at in range(STAGED)
    ]
    found = {}
    for name, put in (("stage", imports.stage), ("insert", _insert)):
        began = time.perf_counter()
        for at in range(0, STAGED, 2_000):
            await database.write(partial(_staged, put, rows[at : at + 2_000]))
        found[f"{name}_rows_per_s"] = round(STAGED / (time.perf_counter() - began))
        await database.write(lambda connection: connection.execute(imports.import_rows.delete()))
    await database.close()
    return found


def _staged(put: Any, rows: Sequence[imports.Row], connection: Connection) -> None:
    imports.progress(connection, 0, database_now(connection), staged_line=rows[-1].line)
    put(connection, 0, rows)


def _insert(connection: Connection, import_id: int, rows: Sequence[imports.Row]) -> None:
    values = [
        {"import_id": import_id, "line": row.line, "key": row.key, "second": row.second, "data": row.data}
        for row in rows
    ]
    connection.execute(imports.import_rows.insert(), values)


def measure(url: str, folder: Path) -> dict[str, dict[str, Any]]:
    """All figures of one database."""
    asyncio.run(_prepare(url))
    found: dict[str, dict[str, Any]] = {"staging": asyncio.run(staging(url)), "quiet": {}}
    with chatting(url, found["quiet"]):
        time.sleep(QUIET)
    rows, sheet = options.count("ROWS", 1_000_000), options.count("SHEET_ROWS", 100_000)
    big = write_csv(folder / "people.csv", rows)
    small = write_xlsx(folder / "people.xlsx", sheet)
    for name, file in ((f"xlsx {sheet:,}", small), (f"csv {rows:,}", big), (f"csv {rows:,} again", big)):
        beside: dict[str, float] = {}
        with chatting(url, beside):
            found[name] = importing(url, "participants", file)
        found[name] |= {**beside, "load": options.machine()["load"]}
    return found


def run(*, json: bool = False) -> None:
    """Prints the table, or one JSON object."""
    result: dict[str, Any] = {"machine": options.machine()}
    with tempfile.TemporaryDirectory(prefix="pandu-bench-imports-") as folder:
        for name in sorted(options.wanted("SYSTEMS", "sqlite,postgres")):
            with sqlite_url() if name == "sqlite" else _postgres() as url:
                result[name] = measure(url, Path(folder))
    if json:
        typer.echo(js.dumps(result))
        return
    table = Table("database", "what", "figures", title=f"imports, {result['machine']}")
    for name, found in result.items():
        for what, figures in found.items() if name != "machine" else ():
            table.add_row(name, what, "  ".join(f"{key} {value}" for key, value in figures.items()))
    Console().print(table)


@contextlib.contextmanager
def _postgres() -> Iterator[str]:
    with postgres_server() as server:
        yield server.database("imports")


if __name__ == "__main__":
    if sys.argv[1] == "import":
        import_child(sys.argv[2], sys.argv[3])
    elif sys.argv[1] == "chat":
        asyncio.run(chat_child(sys.argv[2]))
    else:
        run(json="--json" in sys.argv)
