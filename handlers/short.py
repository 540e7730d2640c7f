"""A reply as one SMS: plain letters, no link, at most two parts; what does not fit is had by LANJUT (docs/sms.md).

Pure and repeatable: the channel sends the first page of a stored reply, and the dialogue finds the rest by shaping the
same reply again, so nothing has to be remembered between the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from handlers import gsm7, links
from handlers.catalogue import Catalogue
from handlers.messages import Reply

MOST_PARTS = 2

_ABBREVIATED = "".join(rf"(?<!\b{word})" for word in ("Jl", "No", "Ds", "Kab", "Kec", "Kep", "Kel", "Tgl", r"\d"))
_SENTENCES = re.compile(rf"[\s\S]+?(?:\n+|{_ABBREVIATED}[.!?][\"')\]]*\s+|$)")
_GAPS = (re.compile(r"[ ]{2,}"), re.compile(r" *\n *"), re.compile(r"\n{2,}"))
_BARE_WWW = re.compile(r"\bwww\.(?=\w)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The few words that every SMS may need, from the catalogue."""

    more: str  # how to get the rest
    menu: str  # before the numbered options
    dot: str  # instead of the full stop in an address
    places: Mapping[str, str]  # addresses that have a name


def words(content: Catalogue) -> Words:
    """The words of `content/sms.yml`."""
    own = content.files["sms"]
    return Words(more=own["more"], menu=own["menu"], dot=own["dot"], places=own["places"])


def shaped(reply: Reply, said: Words) -> tuple[str, Reply | None]:
    """The text to send, "" where there is nothing to say, and the reply that holds the rest, None where all is said."""
    body, menu = as_letters(reply.short, said), as_letters(_menu(reply, said), said)
    whole = "\n".join(part for part in (body, menu) if part)
    if _fits(whole):
        return whole, None
    page, rest = _first_page(_units(body, menu), "\n" + said.more)
    return page, replace(reply, text=rest, sms=None, options=(), first=1, form=None, ask_contact=False)


def _menu(reply: Reply, said: Words) -> str:
    """ "Balas 1 Ya; 2 Tidak": the numbers are the options' places, which is what a typed number means to the dialogue."""
    shown = "; ".join(f"{place} {option.label.strip()}" for place, option in enumerate(reply.options, 1))
    return f"{said.menu} {shown}" if shown else ""


def as_letters(text: str, said: Words) -> str:
    """The text as it may leave: letters of the alphabet, addresses told in words, no needless blanks."""
    found = gsm7.plain(text.replace("(.)", ".").replace(":(//)", "://"))  # as the sender may have broken them up
    in_words = partial(links.told, name=lambda host: said.places.get(host, said.dot.join(host.split("."))))
    found = in_words(_BARE_WWW.sub(f"www{said.dot}", in_words(found))).replace(
        "://", ": "
    )  # what a "www." hid shows after it is told
    for gap, one in zip(_GAPS, (" ", "\n", "\n"), strict=True):
        found = gap.sub(one, found)
    return found.strip()


def _fits(text: str) -> bool:
    return gsm7.parts(text) <= MOST_PARTS


def _units(body: str, menu: str) -> list[str]:
    """Sentences and lines with what parts them; the last one, usually the question, stays with its options."""
    units = _SENTENCES.findall(body)
    if not menu:
        return units
    return [*units[:-1], f"{units[-1]}\n{menu}"] if units else [menu]


def _first_page(units: list[str], more: str) -> tuple[str, str]:
    """As many units as fit before the word for the rest; one that is too long for a page of its own is cut where it must be."""
    count = 0
    while count < len(units) and _fits("".join(units[: count + 1]).rstrip() + more):
        count += 1
    if count:
        return "".join(units[:count]).rstrip() + more, "".join(units[count:]).strip()
    head, tail = _cut(units[0], more)
    return head.rstrip() + more, (tail + "".join(units[1:])).strip()


def _cut(unit: str, more: str) -> tuple[str, str]:
    """At the last blank or comma that fits, else anywhere, but never so that the piece before the cut reads as an address."""
    low, high = 1, len(unit)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fits(unit[:middle].rstrip() + more) else (low, middle - 1)
    pause = max(unit.rfind(sign, low // 3, low + 1) for sign in (" ", "\n"))
    room = pause if pause > 0 else low
    while room > 1 and pause <= 0 and links.hosts(unit[:room]):
        room -= 1
    return unit[:room], unit[room:].lstrip()
