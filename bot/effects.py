"""The effects of claimed chats: handlers, new state, log and outbox in the caller's one transaction. Nothing here talks to the outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping

from handlers import dialogue, handoff_owned
from handlers.catalogue import Catalogue
from handlers.messages import Inbound, Kind, Reply, State, inbound_from_json, state_from_json
from handlers.safety import is_danger
from handlers.stopping import says_stop
from handlers.turn import Answer, Policy, Turn
from nlu.understanding import Engine, Understanding
from storage import chats, claims, holding, outbox

BURST = 20  # more unread events than this are stored and answered once
MAX_TEXT = 4_096  # of texts read together, as of a single one
_NOT_HERE = (Kind.STOPPED, Kind.MOVED, Kind.TAKEN_BACK)  # told by the platform; the person did not write
_WORDLESS = (*_NOT_HERE, Kind.REACTION, Kind.RESUMED)  # … or said nothing that overtakes a prompt
END = "end"  # the step behind a journey's last one, in the log
REPLY_LIFE = timedelta(hours=24)  # a retrying reply holds its chat's later replies at most this long


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One turn's worth of a chat's events: a single event, or texts typed in a row and read together."""

    inbound: Inbound
    understanding: Understanding
    events: tuple[RowMapping, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A claimed chat, read and understood outside any transaction."""

    claim: claims.Claim
    units: tuple[Unit, ...]

    @property
    def chat_id(self) -> int:
        """Key of the chat."""
        return int(self.claim.chat["id"])

    @property
    def event_ids(self) -> tuple[int, ...]:
        """Keys of all its events."""
        return tuple(event["id"] for event in self.claim.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What conversations need besides the database."""

    engine: Engine
    catalogue: Catalogue
    policy: Policy
    new_id: Callable[[int], str]

    @property
    def engine_waits(self) -> bool:
        """Whether the engine says (`waits`) that it asks another process; it is then kept off the event loop."""
        return bool(getattr(self.engine, "waits", False))


def prepare(claim: claims.Claim, parts: Parts, now: datetime) -> Prepared:
    """Reads a claim's events and understands them; no transaction is open meanwhile."""
    context = dialogue.context(state_from_json(claim.state), now)
    units = []
    for events in _turns(claim.events):
        inbound = _joined([inbound_from_json(event["payload"]) for event in events])
        units.append(
            Unit(inbound=inbound, understanding=parts.engine.parse(inbound.text, context), events=tuple(events))
        )
    return Prepared(claim=claim, units=tuple(units))


def _turns(events: Sequence[RowMapping]) -> list[list[RowMapping]]:
    """Texts in a row are one turn; everything else is a turn of its own."""
    turns: list[list[RowMapping]] = []
    for event in events:
        if turns and _plain(event) and _plain(turns[-1][-1]):
            turns[-1].append(event)
        else:
            turns.append([event])
    return turns


def _plain(event: RowMapping) -> bool:
    payload = event["payload"]
    return payload["kind"] == Kind.TEXT and not payload["forwarded"] and not payload["text"].startswith("/")


def _joined(inbounds: Sequence[Inbound]) -> Inbound:
    masked = tuple(sorted({kind for inbound in inbounds for kind in inbound.masked}))
    text = "\n".join(inbound.text for inbound in inbounds)[:MAX_TEXT]
    return replace(inbounds[-1], text=text, masked=masked)


def apply(connection: Connection, prepared: Sequence[Prepared], parts: Parts, now: datetime) -> list[str]:
    """Runs the handlers of these chats and writes everything but the completion of the claim; returns the handlers' names."""
    conversations = chats.lock_conversations(connection, [p.chat_id for p in prepared])
    made = Made()
    for chat in prepared:
        _converse(connection, chat, conversations[chat.chat_id], parts, now, made)
    spoken = [chat.chat_id for chat in prepared if any(u.inbound.kind not in _WORDLESS for u in chat.units)]
    outbox.cancel_overtaken(connection, spoken, now)
    if windowed := [chat.chat_id for chat in prepared if chat.claim.chat["window_until"]]:
        holding.let_go(connection, windowed, now)  # before the new replies in the lane: it is older
    outbox.enqueue(connection, made.drafts, now)
    chats.log(connection, made.log)
    chats.save_states(connection, made.states, now)
    last = {chat.chat_id: chat.units[-1].inbound.kind for chat in prepared}
    chats.touch(connection, [chat_id for chat_id, kind in last.items() if kind not in _NOT_HERE], now)
    for chat_id, kind in last.items():
        if kind is Kind.STOPPED:
            outbox.stop_chat(connection, chat_id, now)
    return made.handlers


@dataclass(slots=True)
class Made:
    """What the handlers of a batch have produced."""

    log: list[Mapping[str, Any]] = field(default_factory=list)
    drafts: list[outbox.Draft] = field(default_factory=list)
    states: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    handlers: list[str] = field(default_factory=list)


def _converse(
    connection: Connection, chat: Prepared, conversation: RowMapping, parts: Parts, now: datetime, made: Made
) -> None:
    """One chat's turns, one after the other. In a burst plain texts are answered once; taps, numbers and forms still count."""
    state = state_from_json(conversation["state"])
    burst = len(chat.claim.events) > BURST and conversation["owner"] == "bot"
    told = False
    for unit in chat.units:
        turn = _turn(connection, chat, unit, conversation, state, parts, now)
        plain = unit.inbound.kind is Kind.TEXT and not unit.inbound.forwarded
        if burst and plain and not _at_once(unit.inbound.text, parts.catalogue):
            if told:
                made.log.append(_heard(chat, unit, now))
                continue
            found, told = _burst(turn), True
        else:
            found = dialogue.respond(turn)
        before, state = state, found.state
        if found.handler == handoff_owned.LEFT:  # the chat is the bot's again, for what was read with this message too
            conversation = chats.lock_conversations(connection, [chat.chat_id])[chat.chat_id]
        made.handlers.append(found.handler)
        step = _step(before, found)
        made.log.append({**_heard(chat, unit, now), **_understood(unit, found, parts), "step": step})
        for reply in found.replies:
            made.log.append(_said(chat, unit, reply, found, parts, now))
            made.drafts.append(_draft(chat, reply, conversation["owner_version"], now))
    made.states[chat.chat_id] = state.to_json()


def _at_once(text: str, content: Catalogue) -> bool:
    """Whether a text counts in a burst as well: a life in danger, or STOP."""
    return is_danger(text, content) or says_stop(text, content)


def apologise(connection: Connection, chat: Prepared, parts: Parts, now: datetime) -> None:
    """One kind sentence for an event that became a dead letter."""
    conversation = chats.lock_conversations(connection, [chat.chat_id])[chat.chat_id]
    if conversation["owner"] == "bot":
        reply = Reply(text=parts.catalogue.text("dead_letter"))
        outbox.enqueue(connection, [_draft(chat, reply, conversation["owner_version"], now)], now)
        chats.log(
            connection,
            [{"chat_id": chat.chat_id, "author": "bot", "text": reply.text, "handler": "dead_letter", "at": now}],
        )


def _turn(
    connection: Connection,
    chat: Prepared,
    unit: Unit,
    conversation: RowMapping,
    state: State,
    parts: Parts,
    now: datetime,
) -> Turn:
    return Turn(
        connection=connection,
        now=now,
        chat=chat.claim.chat,
        owner=conversation["owner"],
        inbound=unit.inbound,
        understanding=unit.understanding,
        state=state,
        content=parts.catalogue,
        policy=parts.policy.without_links() if unit.inbound.channel == "sms" else parts.policy,
        new_id=parts.new_id,
    )


def _burst(turn: Turn) -> Answer:
    return Answer(replies=(turn.say("burst"),), state=turn.state, handler="burst")


def _heard(chat: Prepared, unit: Unit, now: datetime) -> dict[str, Any]:
    text = unit.inbound.text or f"[{unit.inbound.kind}]"
    media = unit.inbound.media.to_json() if unit.inbound.media else None
    heard = {"chat_id": chat.chat_id, "author": "person", "text": text, "media": media, "at": now}
    return {**heard, "inbox_id": unit.events[-1]["id"]}


def _understood(unit: Unit, found: Answer, parts: Parts) -> dict[str, Any]:
    return {
        "intent": unit.understanding.intent,
        "second": unit.understanding.second,
        "confidence": unit.understanding.confidence,
        "handler": found.handler,
        "model": unit.understanding.model or parts.engine.version,  # the message's own: Rasa may have been away for it
        "content": parts.catalogue.version,
    }


def _step(before: State, found: Answer) -> str | None:
    """Where in a journey the message has led; a form that closes itself was walked to its end, one that something else closes was left."""
    if found.state.form:
        return f"{found.state.form}/{found.state.step}"
    return f"{before.form}/{END}" if before.form and found.handler == f"form:{before.form}" else None


def _said(chat: Prepared, unit: Unit, reply: Reply, found: Answer, parts: Parts, now: datetime) -> dict[str, Any]:
    return {
        "chat_id": chat.chat_id,
        "author": "bot",
        "text": reply.text,
        "inbox_id": unit.events[-1]["id"],
        "handler": found.handler,
        "content": parts.catalogue.version,
        "at": now,
    }


def _draft(chat: Prepared, reply: Reply, owner_version: int, now: datetime) -> outbox.Draft:
    row = chat.claim.chat
    return outbox.Draft(
        chat_id=chat.chat_id,
        source=f"{row['channel']}:{row['account']}",
        payload=reply.to_json(),
        owner_version=owner_version,
        expires_at=now + REPLY_LIFE,
        cancellable=reply.cancellable,
        passes_agent=reply.passes_agent,
    )
