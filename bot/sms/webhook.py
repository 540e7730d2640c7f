"""POST (or GET) /sms/<number>…: proof, size, parse, commit, then the answer that the gateway waits for. No worker is ever waited for."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import structlog
from sqlalchemy import Connection
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot import metrics
from bot.channel import Receive, Unavailable
from bot.receiver import Clock
from bot.sms import limits, proof
from bot.sms.http import at_path
from bot.sms.pieces import Joiner
from bot.sms.receive import CHANNEL, Found, Ignored, Piece, from_android, from_http, report_from_http
from bot.sms.spec import Config, Hook
from bot.web.incoming import RefusedError, json_object, limited_body, storable
from handlers.messages import Inbound
from storage import channel_notes, deliveries
from storage.database import Database, is_outage
from storage.deliveries import Report

log = structlog.get_logger()

Read = Callable[[Request, bytes, datetime], list[Found]]


class Intake:
    """Everything that comes in for one number: people's messages, parts of them, reports about ours."""

    def __init__(self, database: Database, config: Config, joiner: Joiner, *, secret: str, clock: Clock) -> None:
        """`secret`: the shared secret, or the key that signs."""
        self._database, self._config, self._joiner = database, config, joiner
        self._secret, self._clock = secret, clock
        self._source = f"{CHANNEL}:{config.number}"

    def routes(self, receive: Receive) -> Sequence[BaseRoute]:
        """One address for the telephone; two for an HTTP gateway, where it reports."""
        path = path_of(self._config)
        if self._config.android:
            return [Route(path, self._endpoint(self._from_android, "OK", receive), methods=["POST"])]
        inbound, reports = self._config.inbound, self._config.reports
        read = partial(self._from_http, hook=inbound, one=partial(from_http, hook=inbound, config=self._config))
        found = [Route(f"{path}/in", self._endpoint(read, inbound.answer, receive), methods=[inbound.method])]
        if reports:
            told = partial(self._from_http, hook=reports, one=partial(report_from_http, hook=reports))
            answer = self._endpoint(told, reports.answer, receive)
            found.append(Route(f"{path}/report", answer, methods=[reports.method]))
        return found

    def _endpoint(self, read: Read, answer: str, receive: Receive) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                body = await limited_body(request, limits.WEBHOOK_BODY_BYTES)
                now = await self._database.now()
                await self._take(read(request, body, now), receive)
            except RefusedError as refused:
                metrics.refused.add(1, CHANNEL, refused.reason)
                log.warning("sms webhook refused", status=refused.status, reason=refused.reason)
                return PlainTextResponse(refused.reason, refused.status)
            except ClientDisconnect:
                return Response(status_code=400)
            except Exception as error:
                if not (isinstance(error, Unavailable) or is_outage(error)):
                    raise
                return PlainTextResponse("try again", 503, {"Retry-After": str(limits.UNAVAILABLE_RETRY_SECONDS)})
            return PlainTextResponse(answer)

        return handle

    def _from_android(self, request: Request, body: bytes, now: datetime) -> list[Found]:
        proof.check_android(request, body, self._secret, now.timestamp())
        return [from_android(json_object(body), self._config, now)]

    def _from_http(
        self, request: Request, body: bytes, now: datetime, *, hook: Hook, one: Callable[..., Found]
    ) -> list[Found]:
        proof.check_http(request, body, hook, self._secret)
        return [one(item, now=now) for item in items_of(request, body, hook)]

    async def _take(self, found: Sequence[Found], receive: Receive) -> None:
        """Returns when all is committed. What was committed before an outage is a repeat next time."""
        for one in found:
            if isinstance(one, Ignored):
                metrics.ignored.add(1, CHANNEL, one.reason)
        if events := [one for one in found if isinstance(one, Inbound)]:
            await receive(events)
        for one in found:
            if isinstance(one, Piece):
                await self._joiner.take(one, receive)
        if reports := [one for one in found if isinstance(one, Report)]:
            await self._database.write(partial(self._record, reports))

    def _record(self, reports: Sequence[Report], connection: Connection) -> None:
        """Reports are hints: they stand beside the row and never undo that the gateway took it; failures are told to operators."""
        now = self._clock(connection)
        deliveries.record(connection, self._source, reports, now)
        for report in reports:
            metrics.deliveries.add(1, CHANNEL, report.delivery)
            if report.delivery == "failed":
                text = f"an SMS was not delivered: {report.reason or 'no reason given'}"
                channel_notes.add(
                    connection, self._source, kind="error", key=f"{now:%Y-%m-%d} {text}", text=text, at=now
                )


def path_of(config: Config) -> str:
    """Where the gateway comes to, below PANDU_PUBLIC_URL."""
    return f"/sms/{config.number.removeprefix('+')}"


def items_of(request: Request, body: bytes, hook: Hook) -> list[Mapping[str, Any]]:
    """The messages of a request: its parameters, its form, its JSON object, or the objects of a list in it."""
    if request.method == "GET":
        return [dict(request.query_params)]
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return [storable(dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)), body)]
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError(400, "not JSON") from None
    found = storable(found, body)
    listed = at_path(found, hook.items) if hook.items else found
    items = listed if isinstance(listed, list) else [listed]
    return [item for item in items[: limits.WEBHOOK_MESSAGES] if isinstance(item, Mapping)]
