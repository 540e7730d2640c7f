"""The form of an announcement: what stands in its fields, and the wish that they make (bot/campaign_draft.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final, TypeVar

import yaml

from bot import campaign_files
from bot.campaign_draft import Wish
from bot.desk import announcement_audience
from handlers import announcement, announcement_paragraphs
from handlers.turn import ZONES
from storage.refusal import Refusal

FORM, YAML, SEGMENT, NUMBERS = "form", "yaml", "segment", "numbers"  # by what the audience is said
_TEXTS: Final = ("text", *announcement.CHANNELS, "link")
_PLAIN: Final = ("name", "image", "topic", "source", "until", "at", "repeat", "spread", "segment", "filter", "numbers")
_EMPTY: Final = dict.fromkeys(
    (*_PLAIN, *_TEXTS, "words", "template", "values", "wave", "once", "numbers_by", "keeps"), ""
)
_ORDER: Final = ("channel1", "channel2", "channel3")
_WIB: Final = ZONES["WIB"]
_NO_NUMBER: Final = -1.0  # of hours: what campaign_draft refuses
Choices = Mapping[str, Mapping[str, str]]
T = TypeVar("T")


def blank(channels: tuple[str, ...]) -> dict[str, str]:
    """A new form: everybody, on every channel that there is."""
    ordered = [name for name in announcement.CHANNELS if name in channels]
    return {**_EMPTY, "who": FORM, "spread": "0", **_ordered(ordered)}


def _ordered(channels: Sequence[str]) -> dict[str, str]:
    return {field: channels[place] if place < len(channels) else "" for place, field in enumerate(_ORDER)}


def typed(sent: Mapping[str, str]) -> dict[str, str]:
    """The form as it was sent, with every field."""
    return {**_EMPTY, "who": FORM, **dict.fromkeys(_ORDER, ""), **sent}


def fields_of(campaign: Mapping[Any, Any], choices: Choices) -> dict[str, str]:
    """The fields filled with a draft. Numbers of a file are not shown again."""
    content, template = campaign["content"], campaign["content"].get("template")
    found = {
        **_EMPTY,
        **{key: _shown(content.get(key, "")) for key in _TEXTS},
        **_ordered([source.partition(":")[0] for source in campaign["sources"]]),
        **_audience(campaign["audience"], choices),
        "name": campaign["name"],
        "words": ", ".join(content["words"]),
        "image": content.get("image", ""),
        "topic": campaign["topic"] or "",
        "wave": "1" if campaign["kind"] == "wave" else "",
        "source": campaign["official_source"] or "",
        "until": _local(campaign["valid_until"]),
        "at": _local(campaign["starts_at"]),
        "repeat": campaign["repeat"] or "",
        "once": "1" if campaign["once"] else "",
        "spread": f"{campaign['spread_hours']:g}",
    }
    if template:
        found["template"] = template["name"]
        found["values"] = "\n".join(f"{name} = {value}" for name, value in template["values"].items())
    return found


def _shown(wording: Any) -> str:
    """A wording as it is typed: one text, or paragraphs as YAML."""
    found = announcement_paragraphs.typed(wording)
    return found if isinstance(found, str) else yaml.safe_dump(found, allow_unicode=True, sort_keys=False)


def _audience(chosen: Mapping[str, Any], choices: Choices) -> dict[str, str]:
    if chosen.get("numbers_of") is not None:
        by = (chosen.get("numbers_by") or "").partition(":")[0]
        return {"who": NUMBERS, "keeps": "1", "numbers_by": by}
    tree = chosen.get("filter") or {}
    fields = announcement_audience.fields_of(tree, choices)
    if fields is not None:
        return {"who": FORM, **fields}
    return {"who": YAML, "filter": as_yaml(announcement_audience.named(tree, choices))}


def as_yaml(tree: Mapping[str, Any]) -> str:
    """A filter as it is typed."""
    return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False) if tree else ""


def _local(moment: datetime | None) -> str:
    return moment.astimezone(_WIB).strftime("%Y-%m-%dT%H:%M") if moment else ""


def wish_of(sent: Mapping[str, str], choices: Choices, now: datetime) -> Wish:
    """What the fields wish for; what of them cannot be read stands in `unread`."""
    unread: list[Refusal] = []

    def tried(read: Callable[[], T]) -> T | None:
        try:
            return read()
        except Refusal as error:
            unread.append(error)
            return None

    def get(name: str) -> str:
        return sent.get(name, "").strip()

    who = sent.get("who", FORM)
    keeps = who == NUMBERS and bool(get("keeps")) and not get("numbers")
    content: dict[str, Any] = {key: tried(partial(_wording, key, sent.get(key, ""))) or "" for key in _TEXTS}
    content["words"] = [word.strip() for word in sent.get("words", "").split(",") if word.strip()]
    content["image"] = get("image")
    content["template"] = tried(lambda: _template(get("template"), sent.get("values", "")))
    tree = tried(lambda: _tree(who, sent, choices, now))
    listed = (
        tried(lambda: campaign_files.typed_numbers(sent.get("numbers", ""))) if who == NUMBERS and not keeps else None
    )
    return Wish(
        name=sent.get("name", ""),
        content=content,
        tree=tree,
        segment=get("segment") if who == SEGMENT else "",
        numbers=listed,
        keeps_numbers=keeps,
        numbers_by=get("numbers_by") if who == NUMBERS and (keeps or listed is not None) else "",
        channels=[sent[field] for field in _ORDER if sent.get(field)],
        topic=get("topic"),
        wave=bool(get("wave")),
        source=get("source"),
        until=get("until"),
        at=get("at"),
        repeat=get("repeat"),
        once=bool(get("once")),
        spread=_hours(get("spread")),
        unread=unread,
    )


def _wording(key: str, text: str) -> Any:
    text = text.replace("\r", "")
    return campaign_files.typed_paragraphs(key, text) if text.startswith("- ") else text


def _tree(who: str, sent: Mapping[str, str], choices: Choices, now: datetime) -> Any:
    if who == YAML:
        return campaign_files.typed_filter(sent.get("filter", ""), announcement_audience.known(choices), now)
    if who == SEGMENT and not sent.get("segment"):
        raise Refusal("no_segment", "no segment", field="segment", name="")
    return announcement_audience.tree_of(sent, choices) if who == FORM else None


def _hours(text: str) -> float:
    try:
        return float(text.replace(",", ".")) if text else 0.0
    except ValueError:
        return _NO_NUMBER


def _template(name: str, lines: str) -> dict[str, Any] | None:
    values: dict[str, str] = {}
    for line in filter(None, (line.strip() for line in lines.splitlines())):
        variable, sign, text = line.partition("=")
        if not sign:
            raise Refusal("template_line", "variable = text", field="template", line=line[:60])
        values[variable.strip()] = text.strip()
    if values and not name:
        raise Refusal("template_nameless", "values without a template", field="template")
    return {"name": name, "values": values} if name else None
