"""What machines ask a process: whether it lives, whether it is ready for its role, and its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from bot import gauges, metrics
from storage import migrate

if TYPE_CHECKING:
    from bot.app import Service


def probe_routes(service: Service, *, with_metrics: bool) -> list[BaseRoute]:
    """/healthz, /readyz and, if wanted here, /metrics."""

    async def health(_request: Request) -> Response:
        """Alive: the process answers. Says nothing of the database: a restart would not bring it back."""
        return PlainTextResponse("ok")

    async def ready(_request: Request) -> Response:
        """Ready: not stopping, its loops run, the database answers and has this version's schema or a newer one."""
        if reason := service.unready:
            return _not_ready(service.role, reason)
        try:
            revision = await service.database.read(migrate.current)
        except Exception as error:
            return _not_ready(service.role, f"database: {type(error).__name__}")
        if not migrate.serves(revision):
            return _not_ready(service.role, "schema: run `pandu db upgrade`", schema=revision)
        return JSONResponse({"ready": True, "role": service.role, "schema": revision})

    async def show_metrics(_request: Request) -> Response:
        """Prometheus metrics of this process and of the queues."""
        shown = metrics.render(await gauges.read(service))
        return PlainTextResponse(shown, media_type="text/plain; version=0.0.4")

    routes: list[BaseRoute] = [Route("/healthz", health), Route("/readyz", ready)]
    return [*routes, Route("/metrics", show_metrics)] if with_metrics else routes


def _not_ready(role: str, reason: str, **more: str | None) -> Response:
    return JSONResponse({"ready": False, "role": role, "reason": reason, **more}, status_code=503)
