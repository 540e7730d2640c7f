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


def code_of(text: str, *, province: bool) -> str:
    """ "32" for "Jawa Barat", "3273" for "Kota Bandung"; a code stays. ValueError for what is neither."""
    wanted = " ".join(text.lower().replace("kab. ", "kabupaten ").split())
    for region in regions().values():
        code, name = (region.code[:2], region.province) if province else (region.code, region.name)
        if wanted in (code, name.lower()):
            return code
    kind = "province, as in Jawa Barat or 32" if province else "kabupaten or kota, as in Kota Bandung or 3273"
    raise ValueError(f"{text!r} is no {kind}")
