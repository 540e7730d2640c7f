"""GET and POST /whatsapp/<number id>: signature over the raw body, size, JSON, commit, 200 — in this order. No worker is ever waited for."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot import metrics
from bot.channel import Receive, Unavailable
from bot.receiver import Clock
from bot.web.incoming import RefusedError, json_object, limited_body
from bot.whatsapp import limits
from bot.whatsapp.account import Account
from bot.whatsapp.receive import CHANNEL, Ours, parse
from bot.whatsapp.statuses import Failure, Statuses
from storage.database import Database, database_now

log = structlog.get_logger()

Take = Callable[[dict[str, Any]], Awaitable[None]]


class Intake:
    """Everything that comes in for one number: people's messages, statuses of ours, changes of the account."""

    def __init__(
        self,
        database: Database,
        *,
        number_id: str,
        account_id: str,
        app_secret: str,
        verify_token: str,
        on_failed: Failure | None = None,
        clock: Clock = database_now,
    ) -> None:
        """`on_failed`: what follows from a `failed` status, in its transaction."""
        self._ours = Ours(number_id=number_id, account_id=account_id)
        self._secret = app_secret
        self._verify_token = verify_token
        self._statuses = Statuses(database, f"{CHANNEL}:{number_id}", on_failed=on_failed, clock=clock)
        self._account = Account(database, number_id=number_id, account_id=account_id, clock=clock)

    def routes(self, receive: Receive) -> Sequence[BaseRoute]:
        """The webhook: Meta checks the address with GET and delivers with POST."""
        path = f"/whatsapp/{self._ours.number_id}"
        return [
            Route(path, challenge(self._verify_token), methods=["GET"]),
            Route(path, endpoint(self._secret, self._taking(receive)), methods=["POST"]),
        ]

    def _taking(self, receive: Receive) -> Take:
        async def take(body: dict[str, Any]) -> None:
            """Returns when all of a body is committed. A part that was committed before an outage is a repeat next time."""
            found = parse(body, self._ours)
            for reason in found.ignored:
                metrics.ignored.add(1, CHANNEL, reason)
            waits: list[Awaitable[None]] = []
            if found.events:
                waits.append(receive(found.events))
            if found.reports:
                waits.append(self._statuses.take(found.reports))
            if found.changes:
                waits.append(self._account.take(found.changes))
            for result in await asyncio.gather(*waits, return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result

        return take


def challenge(verify_token: str) -> Callable[[Request], Awaitable[Response]]:
    """Meta asks whether the address is ours: the bare `hub.challenge` comes back if the token is (webhooks/create-webhook-endpoint)."""

    async def answer(request: Request) -> Response:
        asked = request.query_params
        given = asked.get("hub.verify_token", "").encode("utf-8", "replace")
        known = hmac.compare_digest(given, verify_token.encode()) and bool(verify_token)
        echoed = asked.get("hub.challenge", "")
        if asked.get("hub.mode") != "subscribe" or not known or len(echoed) > limits.CHALLENGE_CHARACTERS:
            metrics.refused.add(1, CHANNEL, "wrong verify token")
            log.warning("whatsapp webhook not confirmed", mode=asked.get("hub.mode", "")[:20])
            return PlainTextResponse("wrong verify token", 403)
        return PlainTextResponse(echoed)

    return answer


def endpoint(secret: str, take: Take) -> Callable[[Request], Awaitable[Response]]:
    """Takes deliveries. `take` returns once the events are committed, or raises `Unavailable`."""

    async def receive(request: Request) -> Response:
        try:
            body = await limited_body(request, limits.WEBHOOK_BODY_BYTES)
            _check_signature(request, body, secret)
            await take(json_object(body))
        except RefusedError as refused:
            metrics.refused.add(1, CHANNEL, refused.reason)
            log.warning("whatsapp webhook refused", status=refused.status, reason=refused.reason)
            return PlainTextResponse(refused.reason, refused.status)
        except ClientDisconnect:
            return Response(status_code=400)
        except Unavailable:
            return PlainTextResponse("try again", 503, {"Retry-After": str(limits.UNAVAILABLE_RETRY_SECONDS)})
        return Response(status_code=200)

    return receive


def _check_signature(request: Request, body: bytes, secret: str) -> None:
    """HMAC-SHA256 of the raw body with the app secret, in constant time; without a secret nothing is believed."""
    given = request.headers.get(limits.SIGNATURE_HEADER, "").encode("latin-1", "replace")
    expected = limits.SIGNATURE_PREFIX + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given, expected.encode()) or not secret:
        raise RefusedError(401, "wrong signature")
