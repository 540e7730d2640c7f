"""`pandu demo`: everything on one machine with invented people, and beside the web chat the conversation's inside.

The selector ("chat as …") and the look inside exist only here: a service without the demo has none of these routes, and
its page none of their code (bot/webchat/demo.html).
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, RowMapping, and_, func, select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot import demo_desk, keys, ports, samples
from bot.settings import Settings, SettingsError, load
from bot.webchat import limits
from bot.webchat.page import Page
from bot.webchat.receive import address_of, answered, json_body, new_session, session_address
from bot.webchat.refusals import NO_STORE, RefusedError
from bot.webchat.replies import ACCOUNT, CHANNEL
from handlers.messages import state_from_json
from handlers.secure import hash_identity
from handlers.turn import ZONES
from nlu.understanding import Context, Engine
from storage import chats, migrate, people, schema
from storage.database import Database, database_now

if TYPE_CHECKING:
    from bot.app import Service

DATABASE = "sqlite:///var/demo.db"
TYPICAL = (1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16)  # of bot.samples: one for each state people ask about
_STALE = timedelta(hours=20)  # records older than three days are hidden: each day's first start imports anew
_LEVEL = "2"


# -- starting -----------------------------------------------------------------------------------------------------


def demo_settings(bind: str, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of the demo: its own database, no messenger, the secure form at its own address."""
    host, _, port = bind.rpartition(":")
    reachable = "127.0.0.1" if host in ("", "0.0.0.0", "[::]") else host  # noqa: S104 - compared, not bound
    own = {
        "PANDU_DATABASE_URL": DATABASE,
        "PANDU_BIND": bind,
        "PANDU_PUBLIC_URL": f"http://{reachable}:{port}",
        "PANDU_TELEGRAM_TOKEN": "",
        "PANDU_KIOSK": "true",
    }
    return load({**(os.environ if environment is None else environment), **own})


async def prepare(settings: Settings) -> None:
    """Makes the database with its invented people; quick when it is there already."""
    database = Database(settings.database_url)
    try:
        if await _revision(database) != migrate.head():
            await database.write(migrate.upgrade)
        key = keys.present(settings).lookup
        if await database.read(_is_stale):
            await database.write(partial(_fill, key=key))
        await demo_desk.prepare(database)
    finally:
        await database.close()


async def _revision(database: Database) -> str | None:
    return await database.write(migrate.current)  # a first start has no file yet that could be read


def _is_stale(connection: Connection) -> bool:
    newest = connection.execute(select(func.max(schema.participants.c.as_of))).scalar()
    return newest is None or newest < database_now(connection) - _STALE


def _fill(connection: Connection, *, key: bytes) -> None:
    samples.fill(connection, database_now(connection), hash_nik=partial(hash_identity, key=key))


async def run_demo(bind: str = "127.0.0.1:8080") -> None:
    """Serves the demo until it is stopped; SettingsError where the address cannot be had."""
    from bot.app import Service, parts

    settings = demo_settings(bind)
    if taken := ports.trouble("--bind", settings.bind):
        raise SettingsError(taken)
    await prepare(settings)
    service = Service(settings, parts(settings), demo=True)
    announced = asyncio.create_task(_announce(settings))
    try:
        await service.run()
    finally:
        announced.cancel()


async def _announce(settings: Settings) -> None:
    """Prints the addresses once they answer."""
    address = settings.public_url
    await ports.answering(settings.bind)
    lines = [
        f"Pandu demo: {address}/",
        f"  kiosk     {address}/kiosk",
        f"  desk      {address}/desk/",
        *(f"            {name} · {password}" for name, password in demo_desk.accounts()),
        f"  metrics   {address}/metrics",
        "  stop with Ctrl-C",
    ]
    print("\n".join(lines), file=sys.stderr, flush=True)


# -- the demo's part of the page ----------------------------------------------------------------------------------


def demo_routes(service: Service) -> list[Route]:
    """The page with the demo's part, and what that part asks for."""
    database = service.database

    async def typical(_request: Request) -> Response:
        """Whom one may chat as."""
        return JSONResponse(await database.read(_typical), headers=NO_STORE)

    async def sessions(request: Request) -> Response:
        """A new chat, linked to a participant or to nobody."""
        participant = (await json_body(request, limits.SMALL_BODY_BYTES)).get("participant")
        session = new_session()
        if participant is not None:
            if type(participant) is not int or not 0 < participant < 2**63:
                raise RefusedError("bad_participant")
            await database.write(partial(_open, address=address_of(session), participant_id=participant))
        return JSONResponse({"session": session}, 201, NO_STORE)

    async def inside(request: Request) -> Response:
        """The last turn of the chat as the program sees it."""
        found = await database.read(partial(_inside, address=session_address(request)))
        if found["text"] and not found["text"].startswith("["):
            engine, now = service.worker.parts.engine, await database.now()
            found["ranking"] = await asyncio.to_thread(_ranking, engine, found["text"], now)  # it may ask a Rasa server
        return JSONResponse(found, headers=NO_STORE)

    return [
        *Page(part="demo.html").routes(),
        Route("/demo/people", answered(typical), methods=["GET"]),
        Route("/demo/sessions", answered(sessions), methods=["POST"]),
        Route("/demo/inside", answered(inside), methods=["GET"]),
    ]


def _typical(connection: Connection) -> list[dict[str, Any]]:
    p, e, i = schema.participants, schema.enrolments, schema.incentives
    first_course = and_(e.c.participant_id == p.c.id, e.c.position == 1)
    training = and_(i.c.participant_id == p.c.id, i.c.kind == "training")
    rows = connection.execute(
        select(
            p.c.id,
            p.c.name,
            p.c.wave,
            p.c.membership,
            e.c.state.label("course"),
            e.c.rated_on.is_not(None).label("rated"),
            e.c.reviewed_on.is_not(None).label("reviewed"),
            i.c.state.label("payment"),
            i.c.reason,
            i.c.scheduled_on,
        )
        .select_from(p.outerjoin(e, first_course).outerjoin(i, training))
        .where(p.c.record_key.in_([samples.record_key(number) for number in TYPICAL]))
        .order_by(p.c.record_key)
    ).mappings()
    return [{**row, "scheduled_on": row["scheduled_on"] and row["scheduled_on"].isoformat()} for row in rows]


def _open(connection: Connection, *, address: str, participant_id: int) -> None:
    """A chat of its own, linked as if its proof had been given."""
    if people.get(connection, participant_id) is None:
        raise RefusedError("bad_participant")
    now = database_now(connection)
    place = {"channel": CHANNEL, "account": ACCOUNT, "address": address, "created_at": now, "seen_at": now}
    chat_id = connection.execute(schema.chats.insert().values(place).returning(schema.chats.c.id)).scalar_one()
    connection.execute(schema.conversations.insert().values(chat_id=chat_id, updated_at=now))
    people.link(connection, chat_id=chat_id, participant_id=participant_id, level=_LEVEL, method="demo", now=now)


def _inside(connection: Connection, *, address: str) -> dict[str, Any]:
    chat = chats.find(connection, CHANNEL, ACCOUNT, address)
    if chat is None:
        return {"text": None, "participant": None, "level": None}
    c = schema.conversations
    conversation = connection.execute(select(c).where(c.c.chat_id == chat["id"])).mappings().one()
    state = state_from_json(conversation["state"])
    link = chats.active_link(connection, chat["id"])
    person = people.get(connection, link["participant_id"]) if link else None
    last = _last_turn(connection, chat["id"])
    told = ("text", "intent", "confidence", "handler", "model", "content")
    return {
        **{name: last[name] if last else None for name in told},
        "ranking": None,
        "form": state.form,
        "step": state.step,
        "data": {key: value for key, value in state.data.items() if not key.startswith("_")},
        "options": [f"{number}. {option.label}" for number, option in enumerate(state.options, 1)],
        "version": state.version,
        "owner": conversation["owner"],
        "participant": {"id": person["id"], "name": person["name"]} if person else None,
        "level": link["level"] if link else None,
        "ms": _milliseconds(connection, last) if last else None,
    }


def _last_turn(connection: Connection, chat_id: int) -> RowMapping | None:
    m = schema.messages
    statement = select(m).where(m.c.chat_id == chat_id, m.c.author == "person", m.c.handler.is_not(None))
    return connection.execute(statement.order_by(m.c.id.desc()).limit(1)).mappings().first()


def _milliseconds(connection: Connection, turn: RowMapping) -> float | None:
    """From the event's commit to the mark of its first reply; the turn's transaction gives all its rows one moment."""
    received = connection.execute(
        select(schema.inbox.c.received_at).where(schema.inbox.c.id == turn["inbox_id"])
    ).scalar()
    o = schema.outbox
    replies = and_(o.c.chat_id == turn["chat_id"], o.c.created_at == turn["at"], o.c.state == "accepted")
    sent = connection.execute(select(func.min(o.c.done_at)).where(replies)).scalar()
    return round((sent - received).total_seconds() * 1000, 1) if sent and received else None


def _ranking(engine: Engine, text: str, now: datetime) -> list[tuple[str, float]]:
    """The best three; the log keeps only the decision, so the text is read once more, without its context."""
    found = engine.parse(text, Context(today=now.astimezone(ZONES["WIB"]).date()))
    return [(intent, round(p, 4)) for intent, p in found.ranking[:3]]
