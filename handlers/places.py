"""Kabupaten and kota by their code, as they are shown."""

from __future__ import annotations

from nlu.entities.regions import regions

_LABEL = 20  # characters of a button
_SHORTER = (("Kabupaten ", "Kab. "), ("Kota Administrasi ", ""), ("Kepulauan ", "Kep. "))


def name(code: str) -> str:
    """ "Kota Bandung"; a code that is none is shown as it is."""
    return regions()[code].name if code in regions() else code


def province(code: str) -> str:
    """ "Jawa Barat" for "32"; a code that is none is shown as it is."""
    return next((region.province for region in regions().values() if region.code.startswith(code)), code)


def short(code: str) -> str:
    """The name at the length of a button: "Kab. Bandung Barat"."""
    shown = name(code)
    for long, brief in _SHORTER:
        shown = shown.replace(long, brief)
    return shown if len(shown) <= _LABEL else f"{shown[: _LABEL - 1].rstrip()}…"


def zone(code: str) -> str | None:
    """WIB, WITA or WIT; None for a code that is none."""
    return regions()[code].zone if code in regions() else None
