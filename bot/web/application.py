"""The HTTP application: the channels' routes, the secure form, health, readiness and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot import metrics, pack
from bot.desk.routes import desk_routes
from bot.desk.visit import Desk
from bot.policy import own_hosts
from bot.web.secure_form import secure_form_routes
from storage import inbox, migrate, outbox

if TYPE_CHECKING:
    from bot.app import Service

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)


class SecurityHeaders:
    """Adds the headers that every answer carries, unless a page sets its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in _HEADERS if pair[0] not in present)]
            await send(message)

        await self._app(scope, receive, with_headers)


def application(service: Service, *, demo: bool = False) -> Starlette:
    """All routes of one service."""

    async def health(_request: Request) -> Response:
        """Alive: the process answers."""
        return PlainTextResponse("ok")

    async def ready(_request: Request) -> Response:
        """Ready: the database answers and has this version's schema."""
        try:
            revision = await service.database.read(migrate.current)
        except Exception as error:
            return JSONResponse({"ready": False, "reason": f"database: {type(error).__name__}"}, status_code=503)
        good = revision == migrate.head()
        return JSONResponse({"ready": good, "schema": revision}, status_code=200 if good else 503)

    async def show_metrics(_request: Request) -> Response:
        """Prometheus metrics of this process and of the queues."""
        gauges: dict[str, tuple[str, float]] = {}
        try:
            count, oldest = await service.database.read(inbox.waiting)
            now = await service.database.now()
            age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
            unsent = await service.database.read(outbox.unsent)
            gauges["pandu_inbox_waiting"] = ("Events that wait for a worker", count)
            gauges["pandu_inbox_age_seconds"] = ("How long the oldest chat has been waiting", age)
            gauges["pandu_outbox_waiting"] = ("Messages that wait to be sent", sum(unsent.values()))
            gauges["pandu_database_up"] = ("Whether the database answers", 1)
        except Exception:
            gauges["pandu_database_up"] = ("Whether the database answers", 0)
        return PlainTextResponse(metrics.render(gauges), media_type="text/plain; version=0.0.4")

    routes: list[BaseRoute] = [Route("/healthz", health), Route("/readyz", ready), Route("/metrics", show_metrics)]
    routes += secure_form_routes(service.database, service.receiver.receive, service.worker.parts)
    routes += desk_routes(_desk(service, demo=demo), service.hub)
    if service.settings.kiosk:
        from bot.webchat.kiosk import Kiosk

        routes += Kiosk(service.database, service.worker.parts).routes()
    for channel in service.channels:
        routes += channel.routes(service.receiver.receive)
    if demo:
        from bot.demo import demo_routes

        routes = [*demo_routes(service), *routes]
    return Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)])


def _desk(service: Service, *, demo: bool) -> Desk:
    """What the desk needs of the service."""
    accounts: tuple[tuple[str, str], ...] = ()
    if demo:
        from bot import demo_desk

        accounts = demo_desk.accounts()
    return Desk(
        database=service.database,
        wake=service.wake,
        parts=lambda: service.worker.parts,
        link_hosts=own_hosts(service.settings),
        https=service.settings.public_url.startswith("https://"),
        pack=pack.of(service.settings),
        demo=accounts,
    )
