"""Sizes of the benchmarks, from the environment: the defaults are the issue's, smaller ones are for a quick look."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from typing import Any


def number(name: str, default: float) -> float:
    """`PANDU_BENCH_<NAME>`, or the default."""
    return float(os.environ.get(f"PANDU_BENCH_{name}", default))


def count(name: str, default: int) -> int:
    """A whole number of the environment."""
    return int(number(name, default))


def wanted(name: str, default: str) -> set[str]:
    """A list of the environment, separated by commas."""
    return {part.strip() for part in os.environ.get(f"PANDU_BENCH_{name}", default).split(",") if part.strip()}


def machine() -> dict[str, Any]:
    """Where and when it was measured."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load": [round(value, 1) for value in os.getloadavg()],
    }
