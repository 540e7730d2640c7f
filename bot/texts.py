"""Texts for messengers: cleaned, measured as they measure, and cut where a reader would pause."""

from __future__ import annotations

import re
import unicodedata

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")  # U+0000 breaks PostgreSQL, a lone surrogate breaks UTF-8
_INVISIBLE = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufffc"  # printable by category, empty on the screen
_PAUSES = (
    re.compile(r"\n[ \t]*\n\s*"),  # paragraph
    re.compile(r"\n\s*"),  # line
    re.compile(r"(?<=[.!?…;:])[\"”’)\]]*\s+"),  # sentence
    re.compile(r"\s+"),  # word
)


def clean(text: str) -> str:
    """The text without what neither a database nor the platform can take."""
    return _UNSTORABLE.sub("", text)


def visible(text: str) -> bool:
    """Whether anything can be seen; platforms refuse a text of spaces and format marks ("text must be non-empty")."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _INVISIBLE for char in text)


def length(text: str) -> int:
    """Length in UTF-16 units, as Telegram counts entities. Never less than in code points, so right whichever is meant."""
    return len(text) + sum(char > "\uffff" for char in text)


def split(text: str, limit: int) -> list[str]:
    """Visible parts of at most `limit`, cut at a paragraph, else a line, a sentence, a word, else anywhere."""
    parts, rest = [], text.strip()
    while length(rest) > limit:
        head, rest = _cut(rest, limit)
        parts.append(head)
    return [part for part in (*parts, rest) if visible(part)]


def _cut(text: str, limit: int) -> tuple[str, str]:
    room = _fitting(text, limit)
    window = text[: room + 1]  # one more, so that a pause just behind the limit counts
    for pause in _PAUSES:
        found = [match for match in pause.finditer(window) if room // 3 <= match.start() <= room]
        if found:
            return text[: found[-1].start()].rstrip() or text[:room], text[found[-1].end() :].lstrip()
    return text[:room], text[room:]


def shortened(text: str, limit: int) -> str:
    """The text in one line of at most `limit`, cut off with "…" where it is longer."""
    line = " ".join(text.split())
    return line if length(line) <= limit else line[: _fitting(line, limit - 1)].rstrip() + "…"


def _fitting(text: str, limit: int) -> int:
    """How many leading characters fit into `limit` UTF-16 units."""
    used = 0
    for place, char in enumerate(text):
        used += 2 if char > "\uffff" else 1
        if used > limit:
            return place
    return len(text)
