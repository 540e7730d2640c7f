"""A conversation for unit tests: one chat on a SQLite in memory, understood by what the test says it means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Connection, StaticPool, create_engine, event, insert

from handlers import catalogue, dialogue
from handlers.messages import Inbound, Kind, Reply, State, option_reference
from handlers.turn import Answer, Policy, Turn
from nlu.understanding import OUT_OF_SCOPE, Entity, Outcome, Subject, Understanding
from storage import chats
from storage.schema import chats as chat_rows
from storage.schema import conversations, metadata
from tests.engine_cache import shared_engine

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # 10.00 WIB
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@contextmanager
def memory(fill: Callable[[Connection], None] | None = None) -> Iterator[Connection]:
    """A fresh database with what `fill` writes and one chat, number 1."""
    engine = shared_engine("sqlite://")

    def copy(dbapi: Any, _: object) -> None:
        dbapi.deserialize(_image(fill))
        dbapi.execute("PRAGMA foreign_keys = ON")

    event.listen(engine, "connect", copy)
    with engine.begin() as connection:
        add_chat(connection, "one")
        yield connection
    engine.dispose()


@cache
def _image(fill: Callable[[Connection], None] | None) -> bytes:
    """A database with all tables and what `fill` writes: making it takes 40 ms, with the samples 80."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    if fill:
        with engine.begin() as connection:
            fill(connection)
    raw = engine.raw_connection()
    made: bytes = raw.driver_connection.serialize()  # type: ignore[union-attr]
    raw.close()
    engine.dispose()
    return made


def add_chat(connection: Connection, address: str) -> int:
    """One more chat; returns its key."""
    row = {"channel": "telegram", "account": "bot", "address": address, "created_at": NOW, "seen_at": NOW}
    key = connection.execute(insert(chat_rows).values(row)).inserted_primary_key[0]
    connection.execute(insert(conversations).values(chat_id=key, updated_at=NOW))
    return int(key)


def region(code: str, name: str, text: str, *candidates: str) -> Entity:
    """A region as the understanding layer finds it at the beginning of the text."""
    detail: dict[str, str | int | bool] = {"name": name}
    if candidates:
        detail["candidates"] = "|".join(candidates)
    return Entity(kind="region", value=code, text=text, start=0, end=len(text), detail=detail)


def born(value: str, text: str) -> Entity:
    """A date at the beginning of the text."""
    return Entity(kind="date", value=value, text=text, start=0, end=len(text))


class Talk:
    """Says things to the dialogue and remembers its state."""

    def __init__(self, connection: Connection, *, programme: str = "closed", policy: Policy | None = None) -> None:
        """`programme`: the state of the programme, closed or open."""
        self.connection = connection
        self.content = replace(catalogue.load(), state=programme)
        self.policy = policy or Policy()
        self.state = State(greeted=True)
        self.now = NOW
        self.chat_id = 1
        self.last: Answer | None = None
        self._ids = 0
        self._events = 0

    def new_id(self, length: int) -> str:
        """Counts, in Crockford's alphabet."""
        self._ids += 1
        return ALPHABET[self._ids].rjust(length, "0")

    def turn(self, text: str = "", intent: str = OUT_OF_SCOPE, *, kind: Kind = Kind.TEXT, **more: Any) -> Turn:
        """A turn as the worker would make it; `more`: entities, subject, forwarded, choice, form."""
        self._events += 1
        entities: Sequence[Entity] = more.get("entities", ())
        subject: Subject = more.get("subject", "self")
        clear = intent != OUT_OF_SCOPE
        understanding = Understanding(
            intent=intent,
            confidence=0.9 if clear else 0.2,
            outcome=Outcome.ANSWER if clear else Outcome.REFUSE,
            ranking=((intent if clear else "greet", 0.9), ("help_menu", 0.05), ("thanks", 0.01)),
            entities=tuple(entities),
            subject=subject,
        )
        inbound = Inbound(
            channel="telegram",
            account="bot",
            event_id=f"{self._events}",
            chat="one",
            sender="one",
            kind=kind,
            sent_at=self.now,
            text=text,
            choice=more.get("choice"),
            form=more.get("form"),
            forwarded=more.get("forwarded", False),
        )
        chat = chats.get(self.connection, self.chat_id)
        assert chat is not None
        return Turn(
            connection=self.connection,
            now=self.now,
            chat=chat,
            owner="bot",
            inbound=inbound,
            understanding=understanding,
            state=self.state,
            content=self.content,
            policy=self.policy,
            new_id=self.new_id,
        )

    def take(self, found: Answer) -> str:
        """Keeps the state of an answer; returns its texts."""
        self.last, self.state = found, found.state
        return "\n".join(reply.text for reply in found.replies)

    def say(self, text: str, intent: str = OUT_OF_SCOPE, **more: Any) -> str:
        """A typed message."""
        return self.take(dialogue.respond(self.turn(text, intent, **more)))

    def tap(self, label: str) -> str:
        """A tap on the option of that label."""
        labels = [option.label for option in self.state.options]
        reference = option_reference(self.state.version, labels.index(label) + 1)
        return self.take(dialogue.respond(self.turn(kind=Kind.CHOICE, choice=reference)))

    @property
    def labels(self) -> list[str]:
        """Labels of the options shown last."""
        return [option.label for option in self.state.options]

    @property
    def replies(self) -> tuple[Reply, ...]:
        """The last replies."""
        assert self.last is not None
        return self.last.replies

    def later(self, **span: int) -> None:
        """Time passes."""
        self.now += timedelta(**span)
