"""How an answer looks before it is published: the reply of the dialogue through each channel's own rendering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.whatsapp import render
from handlers import announcement, answers, bubbles, gsm7, links, short, templates
from handlers.catalogue import Catalogue, Entry
from handlers.messages import Option, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """One message of a channel."""

    text: str
    buttons: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()  # of a list that opens
    note: str = ""  # size, of an SMS
    picture: str = ""  # its key, of an announcement


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One wording of an answer on every channel."""

    title: str
    channels: Mapping[str, Sequence[Bubble]]


def previews(content: Catalogue, entry: Entry, hosts: tuple[str, ...]) -> list[Preview]:
    """The wordings of an answer: at the programme's present state, at the other, by the older rules, and the rest behind "Selengkapnya".

    Raises KeyError or ValueError where the answer cannot be said at all.
    """
    states = content.files["editing"]["states"]
    found: list[tuple[str, Catalogue, str | None]] = [(f"Sekarang: {states[content.state]}", content, None)]
    if entry.text.open != entry.text.closed or entry.sms.open != entry.sms.closed:
        other = "closed" if content.state == "open" else "open"
        found.append((f"Nanti: {states[other]}", replace(content, state=other), None))
    if entry.text_2020_2022:
        found.append(("Aturan 2020–2022", content, content.older_scheme))
    shown = [
        Preview(
            title=title,
            channels=_channels(
                there, answers.led(there, entry.intent, answers.entry_reply(there, entry, scheme=scheme)), hosts
            ),
        )
        for title, there, scheme in found
    ]
    if entry.more:
        rest = Reply(text=content.fill(entry.more), options=(_wrong(content),))
        shown.append(Preview(title="Selengkapnya", channels=_channels(content, rest, hosts)))
    return shown


def announced(
    content: Catalogue,
    written: Mapping[str, Any],
    frame: announcement.Frame,
    names: Sequence[str],
    hosts: tuple[str, ...],
) -> list[Preview]:
    """An announcement on each of its channels, with example values, once for every way in which its conditions can come out."""
    told = content.files["announcing"]["case"]

    def bubbles_of(name: str, case: Mapping[str, bool]) -> list[Bubble]:
        reply = announcement.render(written, frame, name, announcement.SAMPLE, case)
        first, *rest = _channels(content, replace(reply, template=None), hosts)[_TITLES[name]]
        shown = [replace(first, picture=reply.image), *rest]
        return shown + (_template(content, reply) if name == "whatsapp" else [])

    return [
        Preview(
            title=", ".join(told["holds" if holds else "fails"].format(condition=name) for name, holds in case.items())
            or told["none"],
            channels={_TITLES[name]: bubbles_of(name, case) for name in names},
        )
        for case in announcement.cases(written)
    ]


_TITLES = {"telegram": "Telegram", "whatsapp": "WhatsApp", "sms": "SMS"}


def _template(content: Catalogue, reply: Reply) -> list[Bubble]:
    """WhatsApp's template for closed windows, beside what goes into open ones."""
    want = templates.wanted(content).get(reply.template.name) if reply.template else None
    if want is None or reply.template is None:
        return []
    values = {**want.samples, **reply.template.values}
    return [Bubble(text=want.body.format_map(values), note="Templat, kalau sudah lebih dari 24 jam diam")]


def _channels(content: Catalogue, reply: Reply, hosts: tuple[str, ...]) -> dict[str, list[Bubble]]:
    reply = replace(reply, text=links.defanged(reply.text, hosts))
    plain = [
        Bubble(text=one.text, buttons=tuple(option.label for option in one.options))
        for one in bubbles.shown([reply], "telegram")
    ]
    whatsapp = [
        _of_whatsapp(body) for one in bubbles.shown([reply], "whatsapp") for body in render.bodies(one, render.Labels())
    ]
    return {"Telegram": plain, "WhatsApp": whatsapp, "Web": plain, "SMS": _sms(content, reply)}


def _of_whatsapp(body: Mapping[str, Any]) -> Bubble:
    if body["type"] == "text":
        return Bubble(text=body["text"]["body"])
    inside = body["interactive"]
    buttons = tuple(button["reply"]["title"] for button in inside["action"].get("buttons", ()))
    rows = tuple(row["title"] for section in inside["action"].get("sections", ()) for row in section["rows"])
    return Bubble(text=inside["body"]["text"], buttons=buttons, rows=rows)


def _sms(content: Catalogue, reply: Reply) -> list[Bubble]:
    said, found = short.words(content), []
    rest: Reply | None = reply
    while rest is not None:
        text, rest = short.shaped(rest, said)
        if not text:
            break
        found.append(Bubble(text=text, note=f"{len(text)} huruf, {gsm7.parts(text)} bagian SMS"))
    return found


def _wrong(content: Catalogue) -> Option:
    return Option(label=content.text("option_wrong"), action="wrong:")
