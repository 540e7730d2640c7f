"""Kabupaten and kota by their code."""

from __future__ import annotations


def name(code: str) -> str:
    """Name."""
    return code


def short(code: str) -> str:
    """Short name."""
    return code


def zone(code: str) -> str | None:
    """Zone."""
    return None
