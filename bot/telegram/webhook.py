"""POST /telegram/<account>: secret, size, JSON, commit, 200 — in this order. No worker is ever waited for."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from bot import metrics
from bot.channel import Unavailable
from bot.telegram import limits
from bot.telegram.receive import CHANNEL

log = structlog.get_logger()

Take = Callable[[Sequence[Any]], Awaitable[None]]


class _RefusedError(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def endpoint(secret: str, take: Take) -> Callable[[Request], Awaitable[Response]]:
    """The handler of one bot's webhook. `take` returns once the updates are committed, or raises `Unavailable`."""

    async def receive(request: Request) -> Response:
        try:
            _check_secret(request, secret)
            update = _parsed(await _body(request))
            await take([update])
        except _RefusedError as refused:
            metrics.refused.add(1, CHANNEL, refused.reason)
            log.warning("telegram webhook refused", status=refused.status, reason=refused.reason)
            return PlainTextResponse(refused.reason, refused.status)
        except ClientDisconnect:
            return Response(status_code=400)
        except Unavailable:
            return PlainTextResponse("try again", 503, {"Retry-After": str(limits.UNAVAILABLE_RETRY_SECONDS)})
        return Response(status_code=200)

    return receive


def _check_secret(request: Request, secret: str) -> None:
    """Constant time; without a configured secret nothing is believed (https://core.telegram.org/bots/api#setwebhook)."""
    given = request.headers.get(limits.SECRET_HEADER, "").encode("latin-1", "replace")
    if not hmac.compare_digest(given, secret.encode()) or not secret:
        raise _RefusedError(401, "wrong secret")


async def _body(request: Request) -> bytes:
    """The body, refused as soon as it is known to be too large."""
    body = bytearray()
    declared = request.headers.get("content-length", "0")
    if declared.isdigit() and int(declared[:20]) > limits.WEBHOOK_BODY_BYTES:
        raise _RefusedError(413, "too large")
    async for chunk in request.stream():
        body += chunk
        if len(body) > limits.WEBHOOK_BODY_BYTES:
            raise _RefusedError(413, "too large")
    return bytes(body)


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):  # not UTF-8, not JSON, numbers or nesting without end
        raise _RefusedError(400, "not JSON") from None
    if not isinstance(update, dict):
        raise _RefusedError(400, "not an object")
    return update
