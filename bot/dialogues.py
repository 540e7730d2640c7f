"""Conversations in YAML, run through the whole path on a temporary database. Format: docs/dialogues.md.

- name: menyapa lalu bertanya
  channels: [terminal, web]        # default terminal
  now: 2026-11-24T10:00+07:00      # default; `later: 2 hours` moves it
  samples: true                    # the demo's invented records
  phone: "+62…"                    # the platform vouches for this number
  turns:
    - say: halo
      expect: {text: [Pandu], handler: greet}
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from bot import background, samples
from bot.desk_script import Desk
from bot.effects import Parts
from bot.expected import differences
from bot.similar import SimilarPeople
from bot.terminal.session import Session
from handlers.catalogue import LOADER
from handlers.messages import Kind, Reply, State
from handlers.secure import hash_identity
from storage import migrate
from storage.database import Database

CHANNELS = ("terminal", "web", "telegram", "whatsapp", "sms")
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
_ACTS = ("say", "choose", "contact", "form", "send", "forward", "tap_old", "import", "agent", "wait")
_UNITS = {"minute": "minutes", "minutes": "minutes", "hour": "hours", "hours": "hours", "day": "days", "days": "days"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One dialogue on one channel; `problem` says at which turn what differed, None when all was as expected."""

    file: str
    name: str
    channel: str
    problem: str | None


def read(path: Path) -> list[dict[str, Any]]:
    """The dialogues of a file; raises ValueError with the file and what is wrong."""
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise ValueError(
            f"{path}:{mark.line + 1 if mark else 0}:{mark.column + 1 if mark else 0}: {error.problem}"
        ) from None
    except (UnicodeDecodeError, yaml.YAMLError):
        raise ValueError(f"{path}: no YAML in UTF-8") from None
    if not isinstance(loaded, list) or not all(
        isinstance(one, dict) and "name" in one and "turns" in one for one in loaded
    ):
        raise ValueError(f"{path}: a list of dialogues, each with name and turns")
    return loaded


async def run_file(path: Path, parts: Parts, *, only_channel: str | None = None) -> list[Outcome]:
    """Runs every dialogue of a file on each of its channels."""
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="pandu-dialogues-") as folder:
        template = Path(folder) / "template.db"
        await _migrate(template)
        for script in read(path):
            for channel in channels_of(script):
                if only_channel in (None, channel):
                    problem = await run(script, channel, parts, template=template)
                    outcomes.append(Outcome(file=str(path), name=script["name"], channel=channel, problem=problem))
    return outcomes


async def _migrate(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    await database.write(migrate.upgrade)
    await database.close()


async def _with_samples(template: Path, parts: Parts, start: datetime) -> Path:
    """The template with the invented people as they are at that moment, made once and kept beside it."""
    key, similar = parts.policy.lookup_key, parts.policy.similar
    mark = hashlib.sha256(f"{start.isoformat()} {similar} ".encode() + key).hexdigest()[:16]
    path = template.with_name(f"{template.stem}-{mark}.db")
    if not path.exists():
        making = path.with_suffix(".new")
        shutil.copy(template, making)
        database = Database(f"sqlite:///{making}")
        await database.write(partial(samples.fill, now=start, hash_nik=partial(hash_identity, key=key)))
        await SimilarPeople(database, wanted=similar, clock=lambda _: start).run_once()
        await database.close()
        with closing(sqlite3.connect(making)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what stands in the log beside the file goes into it
        making.rename(path)
    return path


def channels_of(script: Mapping[str, Any]) -> list[str]:
    """The channels that a dialogue is played on; ValueError where what it says of them makes no sense."""
    named, without = script.get("channels", ["terminal"]), script.get("not_on") or {}
    listed = list(CHANNELS if named == "all" else named)
    if unknown := {*listed, *without} - set(CHANNELS):
        raise ValueError(f"{script['name']}: no channel {sorted(unknown)[0]!r}")
    if not all(isinstance(reason, str) and reason for reason in without.values()):
        raise ValueError(f"{script['name']}: not_on says for each channel why")
    if named != "all" and (both := set(listed) & set(without)):
        raise ValueError(f"{script['name']}: {sorted(both)[0]} is in channels and in not_on")
    return [channel for channel in listed if channel not in without]


async def run(
    script: Mapping[str, Any],
    channel: str,
    parts: Parts,
    *,
    template: Path | None = None,
    watch: Callable[[State], None] | None = None,
) -> str | None:
    """Plays one dialogue on one channel; returns what differed, None when all was as expected.

    `template`: a migrated SQLite file to copy; `watch` is told the conversation's state after each turn.
    """
    with tempfile.TemporaryDirectory(prefix="pandu-dialogue-") as folder:
        path = Path(folder) / "dialogue.db"
        if template is None:
            template = Path(folder) / "template.db"
            await _migrate(template)
        start = _moment(script)
        parts = _with_policy(parts, script)
        shutil.copy(await _with_samples(template, parts, start) if script.get("samples") else template, path)
        database = Database(f"sqlite:///{path}")
        try:
            desk = Desk(database)
            if script.get("agents"):
                await desk.open(script["agents"], script.get("hours"), start)
            moment, kept = start, ""
            sessions: dict[tuple[str, str], Session] = {}
            for number, written in enumerate(script["turns"], 1):
                turn = {key: value.replace("{kept}", kept) if key == "say" else value for key, value in written.items()}
                moment += _span(turn)
                speaks, name = str(turn.get("channel", channel)), str(turn.get("chat", "saya"))
                if (speaks, name) not in sessions:
                    recorder = next((one.recorder for (on, _), one in sessions.items() if on == speaks), None)
                    made = Session(database, parts, channel=speaks, chat=name, now=moment, recorder=recorder)
                    sessions[speaks, name] = made
                    if speaks == channel and (phone := script.get("phone")):
                        await made.vouch(phone)
                    if speaks == channel and script.get("kiosk"):
                        await made.at_kiosk()
                session = sessions[speaks, name]
                session.now = moment
                await desk.beat(moment)
                replies = await _act(session, turn, parts, desk)
                if watch and speaks == channel:
                    watch((await session.look())[0])
                kept = _kept(turn, replies) or kept
                for problem in await differences(session, replies, turn.get("expect") or {}):
                    said = " | ".join(reply.text for reply in replies)
                    return f"turn {number} ({_shown(turn)}): {problem}\n      got: {said}"
        finally:
            await database.close()
    return None


def _kept(turn: Mapping[str, Any], replies: Sequence[Reply]) -> str:
    """What a turn's pattern finds in its replies."""
    match = re.search(str(turn["keep"]), "\n".join(reply.text for reply in replies)) if "keep" in turn else None
    return match[1] if match else ""


def _with_policy(parts: Parts, script: Mapping[str, Any]) -> Parts:
    changes = {"secure_form_url": "http://localhost/f/", **(script.get("policy") or {})}
    catalogue = replace(parts.catalogue, state=script["state"]) if "state" in script else parts.catalogue
    return replace(parts, policy=replace(parts.policy, **changes), catalogue=catalogue)


def _moment(script: Mapping[str, Any]) -> datetime:
    given = script.get("now", NOW)
    moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _span(turn: Mapping[str, Any]) -> timedelta:
    """How much later than the turn before."""
    if not (later := turn.get("later", turn.get("wait"))):
        return timedelta()
    amount, unit = str(later).split()
    return timedelta(**{_UNITS[unit]: float(amount)})


async def _act(session: Session, turn: Mapping[str, Any], parts: Parts, desk: Desk) -> list[Reply]:
    match next((act for act in _ACTS if act in turn), None):
        case "say":
            return await session.say(str(turn["say"]))
        case "forward":
            return await session.say(str(turn["forward"]), forwarded=True)
        case "choose":
            return await session.choose(int(turn["choose"]))
        case "tap_old":
            return await session.choose(int(turn["tap_old"]), version=max(0, session.version - 1))
        case "contact":
            return await session.share_contact(str(turn["contact"]), own=not turn.get("foreign"))
        case "form":
            return await session.submit_form({key: str(value) for key, value in turn["form"].items()})
        case "send":
            forwarded = bool(turn.get("forwarded"))
            return await session.event(Kind(turn["send"]), text=str(turn.get("caption", "")), forwarded=forwarded)
        case "import":
            await background.imported(session, parts, str(turn["import"]), turn["rows"])
            return await background.by_itself(session, parts)
        case "agent":
            return await desk.act(session, turn, parts, session.now or _moment({}))
        case "wait":
            return await background.by_itself(session, parts)
    if "later" in turn:
        return []
    raise ValueError(f"a turn needs one of {', '.join(_ACTS)}: {turn}")


def _shown(turn: Mapping[str, Any]) -> str:
    return next((f"{act}: {turn[act]}" for act in _ACTS if act in turn), "later")
