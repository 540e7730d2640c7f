"""What the Bot API server accepts and refuses, in its own words (TDLib's MessageEntity.cpp and misc.cpp)."""

from __future__ import annotations

import json
import math
import re
from collections import deque
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.pictures import Stored

TAGS = {
    **dict.fromkeys(("b", "strong"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underline"),
    **dict.fromkeys(("s", "strike", "del"), "strikethrough"),
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-spoiler": "spoiler",
}
_CHARACTER = re.compile(r"&(?:#(\d+)|#x([0-9a-fA-F]+)|(lt|gt|amp|quot));?")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_SPACES = re.compile("[\x00-\x09\x0b-\x1f\u00a0\u1680\u180e\u2000-\u200a\u202f\u205f\u2800\u3000\ufffc]")
_DROPPED = re.compile("[\r\u2028-\u202e\u030a\u0333\u033f]")
_ZERO_WIDTH = re.compile("[\\s\u200b-\u200f\u2060-\u2064\ufeff]*")


class ApiError(Exception):
    """An answer with ok = false."""

    def __init__(self, status: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters


def bad(description: str) -> ApiError:
    return ApiError(400, f"Bad Request: {description}")


def arguments(query: bytes, content_type: str, body: bytes) -> dict[str, Any]:
    """Arguments from the address and from a JSON, urlencoded or multipart body."""
    try:
        found: dict[str, Any] = dict(parse_qsl(query.decode(), keep_blank_values=True, errors="strict"))
        if content_type.startswith("application/json"):
            given = json.loads(body or b"{}")
            if not isinstance(given, dict):
                raise bad("can't parse JSON object")
            return found | given
        if content_type.startswith("multipart/form-data"):
            parts = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
            for part in parts.iter_parts():
                data = part.get_payload(decode=True)
                assert isinstance(data, bytes)
                name = str(part.get_param("name", header="content-disposition"))
                found[name] = data if part.get_filename() else data.decode()
            return found
        return found | dict(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        raise bad("strings must be encoded in UTF-8") from None
    except ValueError:
        raise bad("can't parse JSON object") from None


def unpacked(value: Any) -> Any:
    """An argument that is JSON inside a string, or already an object."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise bad("can't parse JSON object") from None


def html(source: str) -> tuple[str, list[dict[str, Any]]]:
    """Plain text and entities of HTML, with the server's error for broken markup."""
    plain, units, place = "", 0, 0
    open_tags: list[tuple[str, int]] = []
    entities: list[dict[str, Any]] = []
    while place < len(source):
        if source[place] == "<":
            place, closed = _tag(source, place, open_tags, units)
            if closed and units > closed[1]:
                entities.append({"type": TAGS[closed[0]], "offset": closed[1], "length": units - closed[1]})
            continue
        char, place = _character(source, place)
        plain += char
        units += len(char.encode("utf-16-le")) // 2
    if open_tags:
        raise bad(f"can't parse entities: Can't find end tag corresponding to start tag \"{open_tags[-1][0]}\"")
    return plain, sorted(entities, key=lambda entity: entity["offset"])


def _character(source: str, place: int) -> tuple[str, int]:
    match = _CHARACTER.match(source, place)
    if match is None:
        return source[place], place + 1
    code = int(match[1] or int(match[2] or "0", 16))
    if not match[3] and not 0 < code < 0x110000:
        return source[place], place + 1
    return _NAMED[match[3]] if match[3] else chr(code), match.end()


def _tag(source: str, place: int, open_tags: list[tuple[str, int]], units: int) -> tuple[int, tuple[str, int] | None]:
    at = f"at byte offset {len(source[:place].encode())}"
    if source.startswith("</", place):
        if not open_tags:
            raise bad(f"can't parse entities: Unexpected end tag {at}")
        end = re.compile(r"</([^\s>]*)\s*>").match(source, place)
        if end is None:
            raise bad(f"can't parse entities: Unclosed end tag {at}")
        expected = open_tags[-1][0]
        if end[1] and end[1].lower() != expected:
            raise bad(f'can\'t parse entities: Unmatched end tag {at}, expected "</{expected}>", found "</{end[1]}>"')
        return end.end(), open_tags.pop()
    name = re.compile(r"<([^\s>]*)(?=[\s>])").match(source, place)
    if name is None:
        raise bad(f"can't parse entities: Unclosed start tag {at}")
    if name[1].lower() not in TAGS:
        raise bad(f'can\'t parse entities: Unsupported start tag "{name[1].lower()}" {at}')
    whole = re.compile(r"""<[^\s>]+(?:[^>"']|"[^"]*"|'[^']*')*>""").match(source, place)
    if whole is None:
        raise bad(f"can't parse entities: Unclosed start tag {at}")
    open_tags.append((name[1].lower(), units))
    return whole.end(), None


def text(given: Any, parse_mode: Any, limit: int = 4096) -> tuple[str, list[dict[str, Any]]]:
    """The text as it will be shown; 4,096 characters are counted after parsing."""
    if not isinstance(given, str) or not given:
        raise bad("message text is empty")
    if parse_mode and str(parse_mode).lower() != "html":
        raise bad("unsupported parse_mode")  # the real server knows Markdown too; Pandu uses HTML alone
    plain, entities = html(given) if parse_mode else (given, [])
    shown = _DROPPED.sub("", _SPACES.sub(" ", plain.replace("\r", ""))).strip()
    if _ZERO_WIDTH.fullmatch(shown):
        raise bad("text must be non-empty")
    if len(shown) > limit:
        raise bad("message is too long")
    return shown, entities


def caption(given: Any, parse_mode: Any) -> tuple[str, list[dict[str, Any]]]:
    """The words below a picture; there may be none. 1,024 characters are counted after parsing."""
    if given in (None, ""):
        return "", []
    try:
        return text(given, parse_mode, 1024)
    except ApiError as error:
        raise bad("message caption is too long") if "too long" in error.description else error from None


def photo(data: bytes, found: Stored | None) -> Stored:
    """A picture as https://core.telegram.org/bots/api#sendphoto wants it."""
    if len(data) > 10 * 1_048_576:
        raise ApiError(413, "Request Entity Too Large")
    if found is None:
        raise bad("IMAGE_PROCESS_FAILED")
    sides = found.width, found.height
    if sum(sides) > 10_000 or max(sides) > 20 * min(sides):
        raise bad("PHOTO_INVALID_DIMENSIONS")
    return found


def markup(given: Any) -> dict[str, Any] | None:
    """A keyboard, checked."""
    if given in (None, ""):
        return None
    found = unpacked(given)
    if not isinstance(found, dict):
        raise bad("object expected as reply markup")
    rows = found.get("inline_keyboard", found.get("keyboard", []))
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad("can't parse reply keyboard markup JSON object")
    if sum(map(len, rows)) > 100 or any(len(row) > 8 for row in rows):
        raise bad("reply markup is too long")
    for button in (button for row in rows for button in row):
        _button(button if isinstance(button, dict) else {"text": button}, inline="inline_keyboard" in found)
    return found


def _button(button: dict[str, Any], *, inline: bool) -> None:
    if not isinstance(button.get("text"), str) or not button["text"].strip():
        raise bad("can't parse keyboard button: Text must be non-empty")
    if not inline:
        return
    data, url = button.get("callback_data"), button.get("url")
    if data is None and url is None:
        raise bad("text buttons are unallowed in the inline keyboard")
    if data is not None and not 1 <= len(str(data).encode()) <= 64:
        raise bad("BUTTON_DATA_INVALID")
    if url is not None and (urlsplit(url).scheme not in ("http", "https") or "." not in (urlsplit(url).hostname or "")):
        raise bad(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")


@dataclass
class Flood:
    """Telegram's published speeds: one message a second for a chat, with short bursts, and 30 a second for all; 1,000 with what is paid for."""

    on: bool = False
    burst: float = 3
    chats: dict[int, tuple[float, float]] = field(default_factory=dict)  # chat → (tokens, time)
    recent: deque[float] = field(default_factory=deque)  # without paying
    paid: deque[float] = field(default_factory=deque)
    refused: int = 0

    def check(self, chat: int, now: float, *, paid: bool = False) -> None:
        """Counts one message; raises 429 with retry_after."""
        if not self.on:
            return
        for window in (self.recent, self.paid):
            while window and window[0] <= now - 1:
                window.popleft()
        mine, most = (self.paid, 1000) if paid else (self.recent, 30)
        tokens, at = self.chats.get(chat, (self.burst, now))
        tokens = min(self.burst, tokens + now - at)
        wait = 1 - tokens if tokens < 1 else mine[0] + 1 - now if len(mine) >= most else 0.0
        if wait > 0:
            self.refused += 1
            raise too_many(math.ceil(wait))
        self.chats[chat] = (tokens - 1, now)
        mine.append(now)


def too_many(seconds: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
