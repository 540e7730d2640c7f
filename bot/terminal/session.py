"""A conversation in this process, through inbox, worker and outbox like any other: for the terminal, YAML dialogues and tests."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping, select
from starlette.routing import BaseRoute

from bot import pack
from bot.channel import Accepted, Outcome, Receive
from bot.effects import Parts
from bot.receiver import Receiver
from bot.sender import Sender
from bot.wake import Wake
from bot.web.secure_form import submit
from bot.worker import Worker
from handlers import short
from handlers.kiosk import LASTS
from handlers.messages import Inbound, Kind, Option, Reply, SecureForm, State, option_reference, state_from_json
from storage import chats, inbox, kiosk, schema
from storage.database import Database


class Recorder:
    """A channel that keeps what it is given to send; it may pretend to be any messenger."""

    rate = 0.0

    def __init__(self, name: str = "terminal", account: str = "local") -> None:
        self.name = name
        self.account = account
        self.sent: list[tuple[str, Reply]] = []

    def routes(self, receive: Receive) -> Sequence[BaseRoute]:
        """No web routes."""
        return ()

    async def poll(self, receive: Receive) -> None:
        """Nothing to fetch."""

    async def send(self, address: str, reply: Reply, *, lane: int, key: int) -> Outcome:
        """Keeps the reply; one by SMS as the letters that would leave."""
        if self.name == "sms":
            reply = replace(reply, text=short.shaped(reply, short.words(pack.content()))[0])
        self.sent.append((address, reply))
        return Accepted(str(key))

    def stop(self) -> None:
        """Nothing waits."""

    async def close(self) -> None:
        """Nothing to free."""


class Session:
    """One person's side of a conversation. `say`, `choose`, `share_contact` and `event` return the replies of that turn."""

    def __init__(
        self,
        database: Database,
        parts: Parts,
        *,
        channel: str = "terminal",
        chat: str = "saya",
        now: datetime | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        """`now` fixes the clock (set `session.now` to move it); default is the real one. Several chats share one `recorder`."""
        self.now = now
        self.database = database
        self.parts = parts
        self.chat = chat
        self.recorder = recorder or Recorder(channel)
        self._heard = 0
        wake = Wake(database)
        self._receiver = Receiver(database, wake, clock=self._clock)
        self._worker = Worker(database, parts, wake, clock=self._clock)
        self._sender = Sender(database, self.recorder, wake, clock=self._clock)
        self._numbers = itertools.count(1)
        self._run = format(int(datetime.now(UTC).timestamp() * 1000), "x")
        self.options: tuple[Option, ...] = ()
        self.version = 0
        self.form: SecureForm | None = None

    async def say(self, text: str, **extra: Any) -> list[Reply]:
        """Types a text."""
        return await self.event(Kind.TEXT, text=text, **extra)

    async def choose(self, number: int, *, version: int | None = None) -> list[Reply]:
        """Taps the n-th option shown last (from 1)."""
        return await self.event(
            Kind.CHOICE, choice=option_reference(self.version if version is None else version, number)
        )

    async def share_contact(self, phone: str, *, own: bool = True) -> list[Reply]:
        """Shares a telephone number with the platform's own button."""
        return await self.event(Kind.CONTACT, contact_phone=phone, contact_own=own)

    async def submit_form(self, values: Mapping[str, str]) -> list[Reply]:
        """Sends the secure form that was offered last, as its page would; raises ValueError where none is open or the values do not fit."""
        if self.form is None:
            raise ValueError("no secure form was offered")
        await submit(self.database, self.parts, self.form.key, values, now=self.now or datetime.now(UTC))
        return await self.event(Kind.FORM, form=self.form.key)

    async def vouch(self, phone: str) -> None:
        """Lets the platform vouch for the person's number, as WhatsApp does."""
        now = self.now or datetime.now(UTC)
        place = (self.recorder.name, self.recorder.account, self.chat)

        def work(connection: Connection) -> None:
            chat_id = inbox.chat_at(connection, place, now)
            chats.note_identity(connection, chat_id, kind="phone", value=phone, vouched=True, now=now)

        await self.database.write(work)

    async def at_kiosk(self) -> None:
        """Makes the chat one of a shared screen."""
        now = self.now or datetime.now(UTC)
        place = (self.recorder.name, self.recorder.account, self.chat)
        await self.database.write(partial(kiosk.begin, place=place, now=now, until=now + LASTS))

    async def event(self, kind: Kind, **values: Any) -> list[Reply]:
        """Sends any event and returns what comes back."""
        now = self.now or datetime.now(UTC)
        made: dict[str, Any] = {"event_id": f"{self._run}-{next(self._numbers)}", "sent_at": now, **values}
        inbound = Inbound(
            channel=self.recorder.name,
            account=self.recorder.account,
            chat=self.chat,
            sender=self.chat,
            kind=kind,
            **made,
        )
        return await self.deliver(inbound)

    async def deliver(self, inbound: Inbound) -> list[Reply]:
        """Puts an event through the whole path; what came unasked since the last one is told first."""
        await self._receiver.receive([inbound])
        await self.settle()
        return self.heard()

    def heard(self) -> list[Reply]:
        """What this chat was sent since the last look, in order."""
        replies = [reply for address, reply in self.recorder.sent[self._heard :] if address == self.chat]
        self._heard = len(self.recorder.sent)
        for reply in replies:
            if reply.options:
                self.options, self.version = reply.options, reply.version
            if reply.form:
                self.form = reply.form
        return replies

    async def settle(self) -> None:
        """Works until nothing waits."""
        while await self._worker.run_once() or await self._sender.drain():
            pass

    async def look(self) -> tuple[State, str, RowMapping | None]:
        """(state, owner, the last understood message of the log) as the database has them."""
        return await self.database.read(
            partial(_look, channel=self.recorder.name, account=self.recorder.account, chat=self.chat)
        )

    def _clock(self, connection: Connection) -> datetime:
        return self.now or datetime.now(UTC)


def _look(connection: Connection, *, channel: str, account: str, chat: str) -> tuple[State, str, RowMapping | None]:
    row = chats.find(connection, channel, account, chat)
    if row is None:
        return State(), "bot", None
    conversation = (
        connection.execute(select(schema.conversations).where(schema.conversations.c.chat_id == row["id"]))
        .mappings()
        .one()
    )
    last = connection.execute(
        select(schema.messages)
        .where(schema.messages.c.chat_id == row["id"], schema.messages.c.author == "person")
        .order_by(schema.messages.c.id.desc())
        .limit(1)
    )
    return state_from_json(conversation["state"]), conversation["owner"], last.mappings().first()
