"""The HTTP application: the channels' routes, the secure form, health, readiness and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot import campaign_means, pack
from bot.desk.routes import desk_routes
from bot.desk.visit import Desk
from bot.web.changes import change_routes
from bot.web.probes import probe_routes
from bot.web.secure_form import secure_form_routes

if TYPE_CHECKING:
    from bot.app import Service

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
)
_HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")  # this host alone: others of the domain are not ours


class SecurityHeaders:
    """Adds the headers that every answer carries, unless a page sets its own."""

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        """`https`: people come by https, so they shall never again come without (RFC 6797)."""
        self._app = app
        self._headers = (*_HEADERS, _HTTPS_ONLY) if https else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in self._headers if pair[0] not in present)]
            await send(message)

        await self._app(scope, receive, with_headers)


class WellFormed:
    """Refuses addresses that no browser or platform sends and that would fail deep inside: bytes beyond ASCII, U+0000."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] == "http":
            query: bytes = scope["query_string"]
            if not query.isascii() or b"%00" in query or b"\0" in query or "\0" in scope["path"]:
                await PlainTextResponse("bad address", 400)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def application(service: Service, *, demo: bool = False) -> Starlette:
    """All routes of one service."""
    routes = probe_routes(service, with_metrics=not service.settings.metrics_bind)
    routes += secure_form_routes(service.database, service.receiver.receive, lambda: service.parts)
    routes += change_routes(service.database, lambda: service.parts)
    routes += desk_routes(_desk(service, demo=demo), service.hub)
    if service.settings.kiosk:
        from bot.webchat.kiosk import Kiosk

        routes += Kiosk(service.database, lambda: service.parts).routes()
    for channel in service.channels:
        routes += channel.routes(service.receiver.receive)
    if demo:
        from bot.demo import demo_routes

        routes = [*demo_routes(service), *routes]
    https = service.settings.public_url.startswith("https://")
    return Starlette(routes=routes, middleware=[Middleware(SecurityHeaders, https=https), Middleware(WellFormed)])


def _desk(service: Service, *, demo: bool) -> Desk:
    """What the desk needs of the service."""
    accounts: tuple[tuple[str, str], ...] = ()
    if demo:
        from bot import demo_desk

        accounts = demo_desk.accounts()
    return Desk(
        database=service.database,
        wake=service.wake,
        parts=lambda: service.parts,
        own_host=urlsplit(service.settings.public_url).hostname or "",
        https=service.settings.public_url.startswith("https://"),
        pack=pack.of(service.settings),
        ways=campaign_means.ways(service.settings),
        demo=accounts,
    )
