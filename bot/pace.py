"""How fast an announcement may go now, and when it has to stop by itself. Pure; `bot.broadcast` brings the row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

FIRST_SHARE: Final = 0.05  # of the pace, at the beginning of the ramp
UNLIMITED: Final = 1000.0  # messages a second that a ramp grows to where the channel sets no limit
FEWEST: Final = 50  # outcomes before a rate means anything
_MEMORY: Final = 1000.0  # outcomes; then older ones weigh half
_SAVED_SECONDS: Final = 5.0  # of the pace that may be caught up: nights and outages are not


def credit(campaign: Mapping[Any, Any], rate: float, ramp_minutes: float, now: datetime) -> float | None:
    """Messages that may go now, of what the ramp and the spreading allow; None where neither holds it back.

    `rate`: of all its channels together, 0 = no limit.
    """
    wanted = [found for found in (_ramp(campaign, rate, ramp_minutes, now), _spread(campaign)) if found is not None]
    if not wanted:
        return None
    allowed = min(wanted)
    passed = max(0.0, (now - (campaign["paced_at"] or now)).total_seconds())
    return float(min(campaign["credit"] + passed * allowed, max(1.0, allowed * _SAVED_SECONDS)))


def _ramp(campaign: Mapping[Any, Any], rate: float, minutes: float, now: datetime) -> float | None:
    passed = (now - campaign["ramp_from"]).total_seconds() / 60 if campaign["ramp_from"] else 0.0
    if not minutes or passed >= minutes:
        return None
    return (rate or UNLIMITED) * max(FIRST_SHARE, passed / minutes)


def _spread(campaign: Mapping[Any, Any]) -> float | None:
    if not campaign["spread_hours"] or not campaign["frozen_size"]:
        return None
    return float(campaign["frozen_size"] / (campaign["spread_hours"] * 3600))


def faded(campaign: Mapping[Any, Any], told: Mapping[str, int]) -> dict[str, float]:
    """Recent outcomes with these added: tried, failed (or cut), gone.

    `late_failed`, `late_gone`: what the platform had taken and said afterwards that it failed; that was tried before.
    """
    failed, gone = told["failed"] + told["unknown"], told["gone"]
    found = {
        "tried": campaign["tried"] + told["accepted"] + failed + gone,
        "failed": campaign["failed"] + failed + told.get("late_failed", 0),
        "gone": campaign["gone"] + gone + told.get("late_gone", 0),
    }
    return {key: value / 2 for key, value in found.items()} if found["tried"] > _MEMORY else found


def alarm(recent: Mapping[str, float], *, failure_rate: float, block_rate: float) -> str:
    """Why it has to pause; "" where it may go on."""
    if recent["tried"] < FEWEST:
        return ""
    for name, most, what in (
        ("failed", failure_rate, "failed or were cut"),
        ("gone", block_rate, "went to people who had left"),
    ):
        share = min(1.0, recent[name] / recent["tried"])  # late failures may be of sends that have faded
        if share >= most and most < 1:
            return f"{share:.0%} of the last sends {what} (limit {most:.0%})"
    return ""
