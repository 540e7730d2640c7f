"""A draft of an announcement from what an operator wants, written by the command or at the desk: all that is wrong with it is found here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, RowMapping

from bot import campaign_files, campaign_start
from bot.campaign_means import Room
from handlers import announcement, announcement_check, templates
from handlers.subscription import TOPICS as ALL_TOPICS
from handlers.turn import ZONES
from storage import campaign_numbers, campaigns, pictures, reached, segments
from storage.refusal import NotReadyError, Refusal

NAME, ADDRESS, SPREAD = 60, 300, 14 * 24  # letters, letters, hours
TOPICS: Final = ALL_TOPICS[:-1]
_YEARS = range(2000, 2101)
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants to announce, as typed: nothing of it is checked yet. Moments are texts, of WIB where they name no zone."""

    name: str
    content: Any  # as handlers/announcement.py reads it
    tree: Any = None  # a filter; none: everybody
    segment: str = ""  # a saved filter instead
    numbers: Sequence[Mapping[str, Any]] | None = None  # an audience of its own: lines of a file
    keeps_numbers: bool = False  # of a draft: the file that it has
    numbers_by: str = ""  # channel by which numbers without a chat are written to
    channels: Sequence[str] = announcement.CHANNELS  # the preferred first
    topic: str = ""
    wave: bool = False
    source: str = ""
    until: str = ""
    spread: float = 0
    at: str = ""
    repeat: str = ""
    once: bool = False  # of all that are repeated a person gets one
    unread: Sequence[Refusal] = ()  # what of it could not even be read


def create(connection: Connection, wish: Wish, room: Room, *, actor: str, now: datetime) -> int:
    """Makes the draft; raises `NotReadyError`."""
    values = read(connection, wish, room, now)
    try:
        key = campaigns.create(connection, values, actor=actor, now=now)
    except Refusal as error:
        raise NotReadyError([error]) from None
    _list_numbers(connection, key, wish, values, now)
    return key


def edit(
    connection: Connection, campaign_id: int, wish: Wish, room: Room, *, seen: int, actor: str, now: datetime
) -> None:
    """Writes the draft anew, over the revision that was `seen`; raises `NotReadyError`, and `Refusal` where it is none any more or another one."""
    held = campaigns.draft(connection, campaign_id, seen)
    values = read(connection, wish, room, now, held=held)
    try:
        campaigns.edit(connection, campaign_id, values, seen=seen, actor=actor, now=now)
    except Refusal as error:
        raise NotReadyError([error]) from None
    if wish.keeps_numbers:
        campaign_numbers.match(connection, values["audience"]["numbers_of"], values["sources"])
    else:
        campaign_numbers.clear(connection, campaign_id)
        _list_numbers(connection, campaign_id, wish, values, now)


def _list_numbers(connection: Connection, key: int, wish: Wish, values: Mapping[str, Any], now: datetime) -> None:
    if wish.numbers is None:
        return
    campaign_numbers.add(connection, key, [_given(row, now.astimezone(ZONES["WIT"]).date()) for row in wish.numbers])
    campaigns.change(connection, key, audience={**values["audience"], "numbers_of": key})
    campaign_numbers.match(connection, key, values["sources"])


def _given(row: Mapping[str, Any], today: date) -> Mapping[str, Any]:
    """A line of a file; a consent of a day that has not come yet is none."""
    early = row["problem"] is None and row["consent_on"] > today
    return {**row, "problem": "no_consent"} if early else row


def read(
    connection: Connection, wish: Wish, room: Room, now: datetime, *, held: RowMapping | None = None
) -> dict[str, Any]:
    """The wish as columns of a campaign; raises `NotReadyError` with everything that is wrong. `held`: the draft that it changes."""
    found = list(wish.unread)
    unread = any(one.field in ("text", *announcement.CHANNELS) for one in found)
    sources = room.ways.sources(wish.channels)
    values: dict[str, Any] = {
        "name": " ".join(wish.name.split()),
        "kind": "wave" if wish.wave else "news",
        "topic": wish.topic or None,
        "sources": sources,
        "official_source": wish.source.strip() or None,
        "valid_until": _tried(found, lambda: moment(wish.until, "until")),
        "spread_hours": max(wish.spread, room.ways.wave_hours) if wish.wave else wish.spread,
        "starts_at": _tried(found, lambda: moment(wish.at, "at")),
        "repeat": wish.repeat or None,
        "once": wish.once,
        "content": None if unread else _tried(found, lambda: _content(connection, wish, now)),
        "audience": _tried(found, lambda: _audience(connection, wish, room, now, held)),
    }
    found += _of_choices(wish, values, now)
    if values["content"] is not None and not any(one.field == "source" for one in found):
        around = announcement.framed(values, room.catalogue)
        wanted = templates.wanted(room.catalogue)
        found += announcement_check.problems(values["content"], around, hosts=room.hosts, wanted=wanted)
    if found:
        raise NotReadyError(found)
    return values


def _tried(found: list[Refusal], work: Callable[[], T]) -> T | None:
    try:
        return work()
    except Refusal as error:
        found.append(error)
        return None


def _content(connection: Connection, wish: Wish, now: datetime) -> dict[str, Any]:
    """What it says; its picture stays in the database from here on."""
    content = announcement.read(wish.content)
    if "image" in content and not pictures.name(connection, content["image"], now):
        raise Refusal("image_unknown", "image: no picture that Pandu has", field="image")
    return content


def _of_choices(wish: Wish, values: Mapping[str, Any], now: datetime) -> list[Refusal]:
    """What is wrong with everything but text and audience."""
    found = []

    def wrong(when: bool, key: str, message: str, field: str, **more: Any) -> None:
        if when:
            found.append(Refusal(key, message, field=field, **more))

    listed, repeats = ", ".join(TOPICS), ", ".join(campaign_start.REPEATS)
    wrong(not 1 <= len(values["name"]) <= NAME, "name_size", f"a name has 1 to {NAME} characters", "name", most=NAME)
    wrong(
        not values["sources"],
        "no_channels",
        f"none of {','.join(wish.channels)} is configured; `pandu doctor`",
        "channels",
    )
    wrong(bool(wish.topic) and wish.topic not in TOPICS, "topic", f"--topic {wish.topic}: one of {listed}", "topic")
    unknown_repeat = bool(wish.repeat) and (wish.repeat not in campaign_start.REPEATS or not wish.at)
    wrong(unknown_repeat, "repeat", f"--repeat is one of {repeats} and needs --at", "repeat")
    wrong(
        wish.once and not wish.repeat, "once", "--once needs --repeat: of all that are repeated each gets one", "once"
    )
    wrong(not 0 <= wish.spread <= SPREAD, "spread", f"--spread: 0 to {SPREAD} hours", "spread", most=SPREAD)
    needs = "--wave needs --source (the official page) and --until (when the wave closes)"
    wrong(wish.wave and not wish.source.strip(), "wave_source", needs, "source")
    wrong(wish.wave and not wish.until.strip(), "wave_until", needs, "until")
    long = len(wish.source.strip()) > ADDRESS
    wrong(long, "source_long", f"--source: at most {ADDRESS} characters", "source", most=ADDRESS)
    until, begins = values["valid_until"], values["starts_at"]
    wrong(bool(until and until <= now), "until_past", "--until has passed", "until")
    wrong(bool(until and begins and until <= begins), "until_early", "--until is before --at", "until")
    return found


def _audience(connection: Connection, wish: Wish, room: Room, now: datetime, held: RowMapping | None) -> dict[str, Any]:
    if wish.numbers is not None or wish.keeps_numbers:
        return _of_numbers(wish, room, held)
    if wish.numbers_by:
        raise Refusal("numbers_wanted_by", "--numbers-by needs --numbers", field="numbers_by")
    if wish.segment:
        saved = {row["name"]: row["filter"] for row in segments.saved(connection)}
        if wish.segment not in saved:
            told = f"no segment {wish.segment!r}; `pandu broadcast segments list`"
            raise Refusal("no_segment", told, field="segment", name=wish.segment)
        return {"filter": dict(saved[wish.segment])}
    if wish.tree is None:
        return {"filter": {}}
    return {"filter": campaign_files.read_filter(wish.tree, reached.names(connection), now)}


def _of_numbers(wish: Wish, room: Room, held: RowMapping | None) -> dict[str, Any]:
    if wish.tree is not None or wish.segment:
        told = "--numbers is an audience of its own; leave --filter and --segment out"
        raise Refusal("numbers_alone", told, field="numbers")
    listed = held["audience"].get("numbers_of") if held and wish.keeps_numbers else None
    if listed is None and not wish.numbers:
        raise Refusal("numbers_empty", "the file has no line with a number", field="numbers")
    by = room.ways.sources([wish.numbers_by]) if wish.numbers_by in wish.channels else []
    if wish.numbers_by and not by:
        told = f"--numbers-by {wish.numbers_by}: not among the channels that are configured"
        raise Refusal("numbers_by", told, field="numbers_by")
    return {"filter": {}, "numbers_of": listed, "numbers_by": by[0] if by else None}


def moment(text: str, field: str) -> datetime | None:
    """A time of WIB, or with a zone of its own; None where nothing is typed. `Refusal` for what is no time."""
    if not text.strip():
        return None
    refused = Refusal("moment", f"{text}: no time, as in 2026-12-01T09:00", field=field)
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise refused from None
    if found.year not in _YEARS:
        raise refused
    return found if found.tzinfo else found.replace(tzinfo=ZONES["WIB"])
