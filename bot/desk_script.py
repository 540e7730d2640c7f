"""What agents do in conversations in YAML: who is there, and their side of the desk (docs/dialogues.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, RowMapping

from bot.effects import Parts
from bot.terminal.session import Session
from handlers import case_acts, desk_acts
from handlers.messages import Reply
from storage import agents, calendar, cases, chats, desk_messages, handoffs
from storage.database import Database
from storage.handoffs import RefusedError

OFFICE = tuple((day, 8 * 60, 16 * 60) for day in range(5))  # where the script says nothing else


class Desk:
    """The agents of one script. Who is there has the page open, whatever the clock does, until they vanish."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._keys: dict[str, int] = {}
        self._vanished: set[str] = set()

    async def open(
        self, staff: Sequence[Mapping[str, Any]], hours: Mapping[int, Sequence[str]] | None, now: datetime
    ) -> None:
        """Adds the agents, all available, and the hours: weekday (0 = Monday) → ["08.00-12.00", …]."""

        def work(connection: Connection) -> None:
            for number, one in enumerate(staff, 1):
                name = str(one["name"])
                values = {"name": name, "alias": name, "code": one.get("code", f"P-000{number}")}
                more = {"role": one.get("role", "agent"), "skills": one.get("skills", ()), "cap": one.get("cap", 4)}
                self._keys[name] = agents.add(connection, **values, **more, now=now)
                agents.switch(connection, self._keys[name], one.get("availability", agents.AVAILABLE), now)
            spans = {day: [_span(text) for text in texts] for day, texts in (hours or {}).items()}
            for day, shifts in (spans or {day: [(a, b)] for day, a, b in OFFICE}).items():
                calendar.set_shifts(connection, [day], shifts)

        await self._database.write(work)

    async def beat(self, now: datetime) -> None:
        """The pages of all who have not vanished are open."""
        for name, key in self._keys.items():
            if name not in self._vanished:
                await self._database.write(partial(agents.beat, agent_id=key, now=now))

    async def act(self, session: Session, turn: Mapping[str, Any], parts: Parts, now: datetime) -> list[Reply]:
        """One act of an agent in the session's chat; what the person is sent. Raises ValueError where the act is unknown or is
        refused otherwise than `refused` says."""
        name = str(turn["agent"])
        if turn["does"] == "vanish":
            self._vanished.add(name)
            return []
        refused = ""
        try:
            await self._database.write(lambda connection: self._do(connection, session, name, turn, parts, now))
        except RefusedError as error:
            refused = error.reason
        if refused != turn.get("refused", ""):
            raise ValueError(f"{name} {turn['does']}: refused {refused or 'not at all'}")
        await session.settle()
        return session.heard()

    def _do(
        self, connection: Connection, session: Session, name: str, turn: Mapping[str, Any], parts: Parts, now: datetime
    ) -> None:
        key, content = self._keys[name], parts.catalogue
        chat = chats.find(connection, session.recorder.name, session.recorder.account, session.chat)
        if chat is None:
            raise ValueError("nobody has written in this chat yet")
        row = handoffs.last(connection, chat["id"])
        on = (connection, content, row["id"] if row else 0, key, now)
        match turn["does"]:
            case "say":
                payload = Reply(text=str(turn["text"])).to_json()
                desk_messages.say(connection, chat_id=chat["id"], agent_id=key, payload=payload, now=now)
            case "take" | "seize":
                desk_acts.take(*on, from_another=turn["does"] == "seize")
            case "end":
                desk_acts.end(*on, resolution=str(turn.get("resolution", "answered")), told=str(turn["text"]))
            case "give_back":
                desk_acts.give_back(*on)
            case "transfer":
                to = {"to_agent": self._keys[turn["to"]]} if "to" in turn else {"to_skill": turn["skill"]}
                desk_acts.transfer(*on, note=str(turn.get("text", "")), **to)
            case "warn":
                desk_acts.warn(*on)
            case "pause":
                desk_acts.pause(*on)
            case "away" | "available" | "finishing":
                agents.switch(connection, key, turn["does"], now)
            case "open_case" | "close_case" | "correct_case":
                self._case(connection, cases.latest(connection, chat["id"]), key, turn, parts, now)
            case other:
                raise ValueError(f"an agent does not {other}")

    @staticmethod
    def _case(
        connection: Connection,
        case: RowMapping | None,
        key: int,
        turn: Mapping[str, Any],
        parts: Parts,
        now: datetime,
    ) -> None:
        if case is None:
            raise ValueError("there is no case")
        actor = f"agent:{key}"
        match turn["does"]:
            case "open_case":
                desk_acts.open_case(connection, parts.catalogue, case, key, now)
            case "close_case":
                resolution = str(turn.get("resolution", "answered"))
                told = str(turn["text"])
                case_acts.settle(
                    connection, parts.catalogue, case, actor=actor, resolution=resolution, told=told, now=now
                )
            case _:
                case_acts.correct(connection, parts.catalogue, case, actor=actor, told=str(turn["text"]), now=now)


def _span(text: str) -> tuple[int, int]:
    """ "08.00-12.00" in minutes after midnight."""
    opens, closes = (part.strip().split(".") for part in text.split("-"))
    return int(opens[0]) * 60 + int(opens[1]), int(closes[0]) * 60 + int(closes[1])
