"""Links and host names in a message, judged: official, other government, recorded as false, imitating, unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import yaml

from nlu.normalise import LEXICON, distance, plain
from nlu.programme import HOST_NAME
from nlu.understanding import Entity

_URL = re.compile(r"(?:https?://|hxxps?://|www\.)[^\s<>\"']+", re.I)
_DOTTED = re.compile(
    r"(?<![\w@.\-/])(?:[a-z\d](?:[a-z\d\-]{0,61}[a-z\d])?\s?(?:\.|\[\.\]|\(dot\)|\bdot\b|\btitik\b)\s?)+"
    r"(?:go\.id|co\.id|web\.id|my\.id|or\.id|ac\.id|sch\.id|com|net|org|info|xyz|site|online|vip|club|top|live|link|click|shop|"
    r"store|app|icu|cc|me|id|co|io|ly|gl|tk|ml|ga|cf|blogspot|today|world|pro|biz|page|dev)"
    r"(?![\w\-]|\.\w)(?:/[^\s<>\"']*)?",
    re.I,
)
_CONFUSABLE = str.maketrans(
    {
        "0": "o",
        "1": "i",
        "l": "i",
        "3": "e",
        "4": "a",
        "5": "s",
        "@": "a",
        "$": "s",
        "і": "i",
        "а": "a",
        "е": "e",
        "о": "o",
        "р": "p",
        "к": "k",
        "ј": "j",
        "г": "r",
    }
)


_HOST = re.compile(r"(?:[a-z0-9_-]{1,63}\.){1,8}[a-z0-9-]{2,63}|xn--\S+")


@cache
def _list() -> dict[str, Any]:
    """The dated list of known hosts."""
    found: dict[str, Any] = yaml.safe_load((LEXICON / "urls.yml").read_text(encoding="utf-8"))
    return found


def host_of(link: str) -> str:
    """The host of a link as typed: "https://user@WWW.Prakerja.go.id:443/x" → "prakerja.go.id"."""
    link = re.sub(r"\s?(?:\[\.\]|\(dot\)|\bdot\b|\btitik\b)\s?", ".", link, flags=re.I)
    link = re.sub(r"^hxxp", "http", re.sub(r"\s", "", link), flags=re.I)
    link = link.replace("\\", "/")  # browsers read a backslash as a slash
    try:
        host = urlsplit(link if "://" in link else f"//{link}").hostname or ""
    except ValueError:
        host = ""
    return host.rstrip(".,;:!?)").removeprefix("www.")


def _under(host: str, parent: str) -> bool:
    return host == parent or host.endswith(f".{parent}")


def judge(link: str) -> dict[str, str | int | bool]:
    """What is known of a link: verdict (official, government, recorded_false, look_alike, unknown), host, and the record's date."""
    host = host_of(link)
    known = _list()
    found: dict[str, str | int | bool] = {"host": host, "verdict": "unknown"}
    for entry in known["recorded_false"]:
        if _under(host, entry["host"]):
            return found | {"verdict": "recorded_false", "since": entry["since"].isoformat(), "source": entry["source"]}
    if not _HOST.fullmatch(host):
        return found | {"verdict": "look_alike"}
    if any(_under(host, entry["host"]) for entry in known["official"]):
        return found | {"verdict": "official"}
    if any(_under(host, end) for end in known["government"]):
        return found | {"verdict": "look_alike" if _misspells(host.removesuffix(".go.id")) else "government"}
    if _imitates(host) or not host.isascii() or "xn--" in host:
        return found | {"verdict": "look_alike"}
    return found


def _imitates(host: str) -> bool:
    """Whether a host outside .go.id bears one of the names, or one that looks like it."""
    joined = host.replace("-", "").replace(".", "")
    return any(name in joined for name in _list()["imitated"]) or any(
        _resembles(part, name) for name in _list()["imitated"] for part in re.split(r"[.\-_]", host)
    )


def _misspells(name: str) -> bool:
    """Whether a name under .go.id is the programme's with a slip ("pakerja")."""
    return any(part != HOST_NAME and _resembles(part, HOST_NAME) for part in re.split(r"[.\-_]", name))


def _resembles(part: str, name: str) -> bool:
    folded, wanted = plain(part).translate(_CONFUSABLE), name.translate(_CONFUSABLE)
    return wanted in folded or (abs(len(folded) - len(wanted)) <= 2 and distance(folded, wanted, 2) <= 2)


def find_urls(text: str) -> Iterator[Entity]:
    """Links and bare host names with their verdict."""
    taken: list[tuple[int, int]] = []
    for pattern in (_URL, _DOTTED) if "." in text or "dot" in text or "titik" in text else ():
        for match in pattern.finditer(text):
            typed = match[0].rstrip(".,;:!?)]}'\"")
            start, end = match.start(), match.start() + len(typed)
            if any(start < e and end > s for s, e in taken):
                continue
            taken.append((start, end))
            detail = judge(typed)
            yield Entity(kind="url", value=str(detail["host"]), text=typed, start=start, end=end, detail=detail)
