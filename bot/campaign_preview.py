"""What an operator sees before anything is sent: how many, where, who is left out and why, ten examples, how long, what it costs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import Connection

from bot.whatsapp import prices, tier
from handlers import announcement
from handlers.announcement import Frame
from handlers.catalogue import Catalogue
from handlers.templates import Wanted
from storage import audience, campaign_numbers, campaign_people, campaigns, pictures

Shown = Callable[[Mapping[str, str]], dict[str, str]]
DAY_SECONDS: Final = 12 * 3600  # 08–20
SAMPLE: Final = {**announcement.SAMPLE, **announcement.SAMPLE_FACTS}
_LIMITLESS: Final = 1000.0  # messages a second, where a channel sets no limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the estimate rests on."""

    rates: Mapping[str, float]  # messages a second, by channel account
    wanted: Mapping[str, Wanted]  # templates
    account_id: str  # WhatsApp business account
    sms_price: Decimal  # rupiah a part
    star_price: Decimal = Decimal(0)  # Stars a message on Telegram, where announcements are paid for


def look(
    connection: Connection,
    campaign: Mapping[Any, Any],
    means: Means,
    content: Catalogue,
    now: datetime,
    *,
    shown: Shown = dict,
) -> dict[str, Any]:
    """All of it, as JSON. `shown`: what the examples show of a person's values."""
    needs = announcement.needs(campaign["content"])
    chosen = campaigns.selection(campaign, needs)
    found = audience.counts(connection, chosen, now)
    going: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    for source, _zone, reason, count in found:
        if reason is None:
            going[source] += count
        else:
            left_out[reason] += count
    new, why = campaign_numbers.newcomers(connection, campaign, needs)
    if new and why:
        left_out[why] += new
    elif new:
        going[campaign["audience"]["numbers_by"]] += new
    if (listed := campaign["audience"].get("numbers_of")) is not None:
        left_out.update(audience.left_out_numbers(connection, listed))
    frame = announcement.framed(campaign, content)
    channels = _channels(campaign, going)
    return {
        "name": campaign["name"],
        "recipients": sum(going.values()),
        "by_channel": dict(going),
        "left_out": dict(sorted(left_out.items())),
        "duration_hours": round(_hours(connection, campaign, going, means), 2),
        "cost": _cost(campaign, going, means, frame),
        "image": _image(connection, campaign, channels),
        "channels": _shown(campaign, channels, frame),
        "cases": _cases(campaign, channels, frame),
        "sample": _sample(connection, campaign, chosen, frame, now, shown),
    }


def _hours(connection: Connection, campaign: Mapping[Any, Any], going: Mapping[str, int], means: Means) -> float:
    """From now to the last message: pace, WhatsApp's daily people, the spreading, nights."""
    longest: float = float(campaign["spread_hours"]) * 3600
    for source, count in going.items():
        seconds = count / (means.rates.get(source) or _LIMITLESS)
        if source.startswith("whatsapp:") and count:
            people = tier.limit(connection, means.account_id)
            seconds = max(seconds, (math.ceil(count / people) - 1) * DAY_SECONDS)
        longest = max(longest, seconds)
    nights = int(longest // DAY_SECONDS)
    return (longest + nights * DAY_SECONDS) / 3600


def _cost(campaign: Mapping[Any, Any], going: Mapping[str, int], means: Means, frame: Frame) -> dict[str, Any]:
    """By list prices: WhatsApp as though every window were closed, SMS by its parts, Telegram as though nothing were free."""
    telegram = sum(count for source, count in going.items() if source.startswith("telegram:"))
    whatsapp = sum(count for source, count in going.items() if source.startswith("whatsapp:"))
    sms = sum(count for source, count in going.items() if source.startswith("sms:"))
    listed = prices.load()
    template = campaign["content"].get("template")
    want = means.wanted.get(template["name"]) if template else None
    price = listed.by_category[want.category if want else "service"]
    content = campaign["content"]
    parts = max(announcement.shown(content, frame, "sms", SAMPLE, case)[1] for case in announcement.cases(content))
    return {
        "whatsapp": f"{whatsapp * price:.2f}",
        "currency": listed.currency,
        "prices_of": str(listed.as_of),
        "sms_rupiah": int(sms * parts * means.sms_price),
        "sms_parts": parts,
        "telegram_stars": math.ceil(telegram * means.star_price),
    }


def _image(connection: Connection, campaign: Mapping[Any, Any], channels: Sequence[str]) -> dict[str, Any] | None:
    """Its picture: how large, and by which of its channels it goes; None where it has none."""
    if not (sha256 := campaign["content"].get("image")):
        return None
    facts = dict(pictures.facts(connection, sha256) or {})
    return {"sha256": sha256, **facts, "channels": [name for name in channels if name in announcement.WITH_IMAGE]}


def _channels(campaign: Mapping[Any, Any], going: Mapping[str, int]) -> list[str]:
    return list(dict.fromkeys(source.partition(":")[0] for source in (*campaign["sources"], *going)))


def _shown(campaign: Mapping[Any, Any], channels: Sequence[str], frame: Frame) -> dict[str, str]:
    """How each of its channels renders it, with example values."""
    return {name: announcement.shown(campaign["content"], frame, name, SAMPLE)[0] for name in channels}


def _cases(campaign: Mapping[Any, Any], channels: Sequence[str], frame: Frame) -> list[dict[str, Any]]:
    """The same for every way in which its conditions can come out; [] where it has none."""
    content = campaign["content"]
    return [
        {"when": dict(case)}
        | {"channels": {name: announcement.shown(content, frame, name, SAMPLE, case)[0] for name in channels}}
        for case in announcement.cases(content)
        if case
    ]


def _sample(
    connection: Connection,
    campaign: Mapping[Any, Any],
    chosen: audience.Selection,
    frame: Frame,
    now: datetime,
    shown: Shown,
) -> list[dict[str, str]]:
    """Ten at random, each with their own values."""
    keys = audience.sample(connection, chosen, now)
    people = campaign_people.facts(connection, keys, campaign["topic"])
    return [_example(campaign, frame, people[key], now, shown) for key in keys if key in people]


def _example(
    campaign: Mapping[Any, Any], frame: Frame, person: Mapping[str, Any], now: datetime, shown: Shown
) -> dict[str, str]:
    values = shown(announcement.values(person, now, frame.catalogue))
    lacking = announcement.missing(campaign["content"], values)
    text = "" if lacking else announcement.shown(campaign["content"], frame, person["channel"], values)[0]
    left_out = {"left_out": f"no_value: {lacking}"} if lacking else {}
    return {"chat": str(person["id"]), "channel": person["channel"], "zone": person["zone"], "text": text, **left_out}
