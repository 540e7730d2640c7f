"""POST /telegram/<account>: secret, size, JSON, commit, 200 — in this order. No worker is ever waited for."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from bot import metrics
from bot.channel import Unavailable
from bot.telegram import limits
from bot.telegram.receive import CHANNEL
from bot.web.incoming import RefusedError, json_object, limited_body

log = structlog.get_logger()

Take = Callable[[Sequence[Any]], Awaitable[None]]


def endpoint(secret: str, take: Take) -> Callable[[Request], Awaitable[Response]]:
    """The handler of one bot's webhook. `take` returns once the updates are committed, or raises `Unavailable`."""

    async def receive(request: Request) -> Response:
        try:
            _check_secret(request, secret)
            update = json_object(await limited_body(request, limits.WEBHOOK_BODY_BYTES))
            await take([update])
        except RefusedError as refused:
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
        raise RefusedError(401, "wrong secret")
