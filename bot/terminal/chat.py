"""`pandu chat`: a conversation in the terminal, for people (`run`) and for programs (`--jsonl`)."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from bot import app, logs, pack, refresh, settings
from bot.models import with_published
from bot.policy import policy
from bot.similar import SimilarPeople
from bot.terminal.session import Session
from handlers.messages import Reply
from handlers.secure import hash_identity
from storage import migrate
from storage.database import Database


async def run(*, jsonl: bool, url: str, phone: str, channel: str, samples: bool) -> None:
    """Chats until the input ends. An empty `url` means a temporary database."""
    with tempfile.TemporaryDirectory(prefix="pandu-chat-") as folder:
        loaded = settings.load(
            {"PANDU_DATABASE_URL": url or f"sqlite:///{Path(folder) / 'chat.db'}", "PANDU_SECRET_KEY": "x" * 32}
            if not url
            else None
        )
        loaded = replace(loaded, content=os.environ.get("PANDU_CONTENT", ""))
        if url:
            loaded = replace(loaded, database_url=url)
        logs.configure(level=40)
        database = Database(loaded.database_url)
        try:
            await database.write(migrate.upgrade)
            if samples:
                from bot import samples as invented

                hashed = partial(hash_identity, key=policy(loaded).lookup_key)
                await database.write(partial(invented.fill, now=datetime.now(UTC), hash_nik=hashed))
                await SimilarPeople(database, wanted=loaded.similar).run_once()
            chosen = pack.of(loaded)
            made = await with_published(database, app.parts(loaded), chosen, partial(app.wrapped, loaded))
            made = await refresh.as_now(database, made)
            made = replace(
                made, policy=replace(made.policy, secure_form_url=made.policy.secure_form_url or "http://localhost/f/")
            )
            session = Session(database, made, channel=channel)
            if phone:
                await session.vouch(phone)
            await (_programs(session) if jsonl else _people(session))
        finally:
            await database.close()


# -- for programs -------------------------------------------------------------------------------------------------


async def _programs(session: Session) -> None:
    while line := await asyncio.to_thread(
        sys.stdin.readline
    ):  # one at a time: the program may wait for our answer first
        if not line.strip():
            continue
        try:
            given = json.loads(line)
            replies = await _give(session, given)
        except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            print(json.dumps({"error": f"not understood: {error}"}, ensure_ascii=False), flush=True)
            continue
        print(json.dumps(await _told(session, replies), ensure_ascii=False), flush=True)


async def _give(session: Session, given: dict[str, Any]) -> list[Reply]:
    match given:
        case {"text": str(text)}:
            return await session.say(text)
        case {"choose": int(number)}:
            return await session.choose(number)
        case {"contact": str(phone)}:
            return await session.share_contact(phone)
        case {"form": dict(values)}:
            return await session.submit_form({str(key): str(value) for key, value in values.items()})
    raise ValueError('give {"text": …}, {"choose": n}, {"contact": "+62…"} or {"form": {…}}')


async def _told(session: Session, replies: Sequence[Reply]) -> dict[str, Any]:
    state, owner, last = await session.look()
    asked = [name for name in (last["intent"], last["second"]) if name] if last else []
    return {
        "replies": [
            {
                "text": reply.text,
                "options": [{"label": option.label} for option in reply.options],
                "form": {"fields": list(reply.form.fields)} if reply.form else None,
            }
            for reply in replies
        ],
        "intent": last["intent"] if last else None,
        "confidence": round(last["confidence"], 4) if last and last["confidence"] is not None else None,
        "intents": asked,
        "handler": last["handler"] if last else None,
        "owner": "bot" if owner == "bot" else "agent",
        "state": f"{state.form}/{state.step}" if state.form else None,
    }


# -- for people ---------------------------------------------------------------------------------------------------

_HELP = "Tulis pertanyaan, atau angka untuk memilih. Ctrl+D untuk keluar. /nomor +62… pura-pura membagikan nomor."


async def _people(session: Session) -> None:
    console = Console(highlight=False)
    console.print(f"[dim]{_HELP}[/dim]")
    _show(console, await session.say("/start"))
    while True:
        try:
            text = await asyncio.to_thread(console.input, "[bold cyan]Kakak:[/] ")
        except (EOFError, KeyboardInterrupt):
            console.print()
            return
        if text.startswith("/nomor "):
            replies = await session.share_contact(text.removeprefix("/nomor ").strip())
        else:
            replies = await session.say(text)
        _show(console, replies)
        if replies and replies[-1].form and session.form:
            values = {
                name: await asyncio.to_thread(
                    console.input, f"[bold yellow]formulir aman · {name}:[/] ", password=name == "nik"
                )
                for name in session.form.fields
            }
            _show(console, await session.submit_form(values))


def _show(console: Console, replies: Sequence[Reply]) -> None:
    for reply in replies:
        console.print(Padding(f"[bold green]Pandu:[/] {escape(reply.text)}", (0, 0, 0, 0)), soft_wrap=False)
        for number, option in enumerate(reply.options, 1):
            described = f" [dim]· {escape(option.description)}[/]" if option.description else ""
            console.print(f"   [bold]{number}[/] {escape(option.label)}{described}")
        if reply.ask_contact:
            console.print("   [dim](di Telegram muncul tombol bagikan nomor; di sini: /nomor +62…)[/]")
