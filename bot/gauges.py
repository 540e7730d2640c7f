"""The gauges of a process: how things stand in the database, and which versions are at work. docs/metrics.md explains each."""

from __future__ import annotations

import os
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from bot.metrics import Gauge
from storage import migrate, standing
from storage.database import is_outage

if TYPE_CHECKING:
    from bot.app import Service

log = structlog.get_logger()

_STARTED = time.time()


async def read(service: Service) -> list[Gauge]:
    """All gauges; while the database is away those of the process alone."""
    gauges = _process(service)
    try:
        found = await service.database.read(standing.look)
    except Exception as error:
        if not is_outage(error):
            log.exception("metrics cannot be read")
        return [*gauges, _one("pandu_database_up", "Whether the database answers", 0)]
    return [*gauges, _one("pandu_database_up", "Whether the database answers", 1), *_work(found), *_around(found)]


def program_version() -> str:
    """The version of the installed program; "source" where it runs from a source tree that was never installed."""
    try:
        return version("pandu")
    except PackageNotFoundError:
        return "source"


def _one(name: str, text: str, value: float) -> Gauge:
    return Gauge(name, text, (), {(): value})


def _process(service: Service) -> list[Gauge]:
    made = service.worker.parts
    used, size = service.database.pool()
    info = (program_version(), service.role, made.engine.version, made.catalogue.version, str(migrate.head()))
    return [
        Gauge(
            "pandu_info",
            "Always 1; what this process runs",
            ("version", "role", "model", "content", "schema"),
            {info: 1},
        ),
        _one("pandu_start_time_seconds", "When the process started, in seconds since 1970", _STARTED),
        _one("pandu_resident_bytes", "Memory of the process", _resident()),
        _one("pandu_database_pool_used", "Connections of this process in use", used),
        _one("pandu_database_pool_size", "Connections of this process at most", size),
    ]


def _resident() -> float:
    """0 where the system does not tell it (no Linux)."""
    try:
        return float(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0.0


def _work(found: standing.Standing) -> list[Gauge]:
    counts: dict[tuple[str, ...], float] = {}
    ages: dict[tuple[str, ...], float] = {}
    for row in found.outbox:
        counts[row.source, row.lane, row.state] = row.count
        ages[row.source, row.lane] = max(row.age, ages.get((row.source, row.lane), 0.0))
    return [
        _one("pandu_inbox_waiting", "Events that wait for a worker", found.inbox_events),
        _one("pandu_inbox_age_seconds", "How long the oldest chat has been waiting", found.inbox_age),
        Gauge(
            "pandu_troubled_events",
            "Events that were given up (dead) or could not be stored (rejected) and that nobody has looked at",
            ("state",),
            {(state,): count for state, count in found.troubled.items()},
        ),
        Gauge("pandu_outbox_waiting", "Messages that are not sent yet", ("source", "lane", "state"), counts),
        Gauge("pandu_outbox_age_seconds", "How long the oldest message might have gone", ("source", "lane"), ages),
        _one("pandu_hooks_waiting", "Notices of preparations that PANDU_HOOK_URL has not taken yet", found.hooks),
        Gauge(
            "pandu_data_requests",
            "What people have asked about their data and waits for the data officer: open, and of these overdue",
            ("state",),
            {(state,): count for state, count in found.data_requests.items()},
        ),
    ]


def _around(found: standing.Standing) -> list[Gauge]:
    gauges = [
        Gauge(
            "pandu_budget_permits",
            "Messages an account may send at once, at its last draw",
            ("source",),
            {(source,): permits for source, permits in found.budgets.items()},
        ),
        Gauge(
            "pandu_budget_blocked_seconds",
            "How long a platform still wants nothing from this account (scope all or broadcasts)",
            ("source", "scope"),
            {(source, scope): seconds for (source, scope), seconds in found.blocked.items()},
        ),
        Gauge(
            "pandu_handoffs",
            "People who wait for an agent or talk to one",
            ("state",),
            {(state,): count for state, count in found.handoffs.items()},
        ),
        _one("pandu_handoff_wait_seconds", "How long the first in line has been waiting", found.handoff_wait),
        _one("pandu_agents_present", "Agents who may be given conversations", found.agents),
        Gauge(
            "pandu_lease_held",
            "Whether a process does this job now",
            ("job",),
            {(name,): float(held) for name, held in found.leases.items()},
        ),
        _one("pandu_schema_current", "Whether the database has this version's schema", found.schema == migrate.head()),
    ]
    if found.backup_age is not None:
        gauges.append(_one("pandu_backup_age_seconds", "Since the last `pandu db backup`", found.backup_age))
    return gauges
