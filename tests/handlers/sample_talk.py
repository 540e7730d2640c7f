"""A conversation among the demo's invented people, with what unit tests of the journeys need."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, select

from bot import samples
from handlers import dialogue
from handlers.messages import Kind
from nlu.understanding import Entity
from storage import chats, people
from storage.schema import participants
from tests.handlers.talking import NOW, Talk, born, memory

__all__ = ["NOW", "SampleTalk", "born", "entity", "sampled"]


def entity(kind: str, value: str | int, text: str = "", **detail: str) -> Entity:
    """An entity at the beginning of the text."""
    return Entity(kind=kind, value=value, text=text or str(value), start=0, end=len(text or str(value)), detail=detail)


def _samples(connection: Connection) -> None:
    samples.fill(connection, NOW)


def sampled() -> AbstractContextManager[Connection]:
    """A fresh database with the samples and one chat, number 1."""
    return memory(_samples)


class SampleTalk(Talk):
    """Talks on a database filled with the samples."""

    def __init__(self, connection: Connection, **options: Any) -> None:
        """`connection`: of `sampled()`."""
        super().__init__(connection, **options)
        self.channel = "telegram"

    def turn(self, text: str = "", intent: str = "out_of_scope", **more: Any) -> Any:
        """A turn on the chosen channel, with a shared number where `phone` is given."""
        phone, own = more.pop("phone", None), more.pop("own", True)
        made = super().turn(text, intent, **more)
        return replace(
            made,
            inbound=replace(made.inbound, channel=self.channel, contact_phone=phone, contact_own=own and bool(phone)),
        )

    def share(self, phone: str, *, own: bool = True) -> str:
        """Shares a contact."""
        return self.take(dialogue.respond(self.turn(kind=Kind.CONTACT, phone=phone, own=own)))

    def person(self, number: int) -> int:
        """The key of an invented person."""
        return int(
            self.connection.execute(
                select(participants.c.id).where(participants.c.record_key == samples.record_key(number))
            ).scalar_one()
        )

    def link(self, number: int, level: str = "2") -> None:
        """Links the chat to an invented person by their number."""
        self.later(seconds=1)
        chats.note_identity(self.connection, 1, kind="phone", value=samples.phone(number), vouched=True, now=self.now)
        people.link(
            self.connection,
            chat_id=1,
            participant_id=self.person(number),
            level=level,
            method="birth_card",
            now=self.now,
        )

    def number_with(self, **wanted: Any) -> int:
        """The first invented person whose story is such."""
        return next(
            i
            for i, story in enumerate(samples.STORIES, 1)
            if all(getattr(story, key) == value for key, value in wanted.items())
        )

    @property
    def step(self) -> str:
        """Where the conversation stands: "form/step"."""
        return f"{self.state.form}/{self.state.step}" if self.state.form else ""
