"""Reading what a platform posts: the raw body within a limit, then one JSON object; refusals with their reason."""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request

_UNWANTED = re.compile("[\x00\ud800-\udfff]")  # no database keeps them as text
_MAY_HOLD = re.compile(
    rb"\\u0000|\\u[dD][89a-fA-F]|\xed|\x00|%00"
)  # escapes and bytes out of which one may come; emoji too


class RefusedError(Exception):
    """The request is answered with `status` and counted by its reason (a small fixed set of words)."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


async def limited_body(request: Request, most: int) -> bytes:
    """The raw body, refused as soon as it is known to be larger than `most` bytes."""
    body = bytearray()
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared[:20]) > most:
        raise RefusedError(413, "too large")
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise RefusedError(413, "too large")
    return bytes(body)


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; whatever else it is, is refused with 400."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):  # not UTF-8, not JSON, numbers or nesting without end
        raise RefusedError(400, "not JSON") from None
    if not isinstance(found, dict):
        raise RefusedError(400, "not an object")
    return storable(found, body)  # type: ignore[no-any-return]


def storable(found: Any, body: bytes) -> Any:
    """What was read out of `body`, without U+0000 and lone surrogates in any of its texts (design, path of a message)."""
    return _cleaned(found) if _MAY_HOLD.search(body) else found


def _cleaned(found: Any) -> Any:
    match found:
        case str():
            return _UNWANTED.sub("", found)
        case dict():
            return {_cleaned(key): _cleaned(value) for key, value in found.items()}
        case list():
            return [_cleaned(value) for value in found]
    return found
