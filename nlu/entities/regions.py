"""Finds the 514 regencies and cities (kabupaten/kota): by name, nickname, abbreviation or a slip of the finger."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from nlu.normalise import everyday, lower, word_list
from nlu.understanding import Entity

FOLDER = Path(__file__).parent.parent / "regions"
_WORD = re.compile(r"[a-z]+", re.I)
_REGENCY = frozenset(("kab", "kabupaten", "kbupaten", "kabupatn", "kabupten"))
_CITY = frozenset(("kota", "kotamadya", "kodya", "kotmad", "kotif"))
_JOINED = re.compile(r"(kota|kabupaten|kab)([a-z]{4,})")
_AT = word_list("place_before")
_ORDINARY = word_list("place_ordinary")
_LONGEST = 5  # words of a name
_TYPO_FROM = 6  # letters from which a slip is forgiven


@dataclass(frozen=True, slots=True)
class Region:
    """A kabupaten or kota."""

    code: str
    name: str  # "Kota Bandung"
    province: str
    zone: str  # WIB, WITA or WIT

    @property
    def city(self) -> bool:
        """Whether it is a kota."""
        return self.name.startswith("Kota ")


def _lines(name: str) -> Iterator[list[str]]:
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


@cache
def regions() -> dict[str, Region]:
    """All regions by code ("3273")."""
    provinces = {code: (name, zone) for code, name, zone in _lines("provinces.tsv")}
    return {code: Region(code, name, *provinces[code[:2]]) for code, name in _lines("regions.tsv")}


def _key(name: str) -> str:
    """A name without its kind, joined: "Kota Administrasi Jakarta Selatan" → "jakartaselatan"."""
    words = re.sub(r"^(?:Kabupaten|Kota)(?: Administrasi)? ", "", name).lower()
    return re.sub(r"[^a-z]", "", words)


@cache
def _gazetteer() -> dict[str, tuple[str, ...]]:
    """Codes by joined name or nickname; cities before regencies of the same name."""
    found: dict[str, list[str]] = {}
    for region in sorted(regions().values(), key=lambda region: (not region.city, region.code)):
        found.setdefault(_key(region.name), []).append(region.code)
    by_name = {region.name: region.code for region in regions().values()}
    for nickname, names in _lines("nicknames.tsv"):
        found[nickname] = [by_name[name] for name in names.split("|")]
    return {key: tuple(codes) for key, codes in found.items()}


@cache
def _slips() -> dict[str, str]:
    """Joined names by what remains of them when one letter is missing."""
    found: dict[str, str] = {}
    for name in _gazetteer():
        if len(name) >= _TYPO_FROM:
            for at in range(len(name)):
                found.setdefault(name[:at] + name[at + 1 :], name)
    return found


@lru_cache(maxsize=5000)
def _meant(word: str) -> str:
    """The name one slip away from the word (a letter too few, too many, changed, or two swapped), or ""."""
    if len(word) < _TYPO_FROM - 1 or word in everyday():
        return ""
    slips, names = _slips(), _gazetteer()
    if word in slips:
        return slips[word]
    for at in range(len(word)):
        shorter = word[:at] + word[at + 1 :]
        if shorter in names and len(shorter) >= _TYPO_FROM:
            return shorter
        if shorter in slips and abs(len(slips[shorter]) - len(word)) <= 1:
            return slips[shorter]
    return ""


def find_regions(text: str) -> list[Entity]:
    """The regions named in a text. An ambiguous name keeps all its codes in detail["candidates"], joined by "|"."""
    words = [part for match in _WORD.finditer(lower(text[:2000])) for part in _split(match[0], match.start())]
    alone = sum(len(word) > 1 and word not in _AT for word, _, _ in words) <= 3
    begins = _beginnings()
    found, at = [], 0
    while at < len(words):
        word = words[at][0]
        if not alone and len(word) >= 3 and word[:3] not in begins and (at == 0 or words[at - 1][0] not in _AT):
            at += 1
            continue
        size, key = _longest(words, at, alone)
        if not size:
            at += 1
            continue
        kind = words[at - 1][0] if at else ""
        if kind.startswith("adm") and at > 1:
            kind = words[at - 2][0]
        after = words[at + size][0] if at + size < len(words) else ""
        codes = _of_kind(_gazetteer()[key], kind, after)
        start = words[at - 1][1] if at and words[at - 1][0] in (_REGENCY | _CITY) else words[at][1]
        found.append(_entity(codes, text, start, words[at + size - 1][2]))
        at += size
    return found


def _split(word: str, start: int) -> list[tuple[str, int, int]]:
    """A word with its place; "kotabatu" and "kabbogor" are two words, "kotabaru" is a name of its own."""
    joined = _JOINED.fullmatch(word)
    if joined and word not in _gazetteer() and word not in everyday():
        city = joined[1] == "kota"
        if any(regions()[code].city is city for code in _gazetteer().get(joined[2], ())):
            middle = start + len(joined[1])
            return [(joined[1], start, middle), (joined[2], middle, start + len(word))]
    return [(word, start, start + len(word))]


@cache
def _beginnings() -> frozenset[str]:
    """The first three letters of every name; a word that begins otherwise needs no look-up."""
    return frozenset(name[:3] for name in _gazetteer())


def _longest(words: list[tuple[str, int, int]], at: int, alone: bool) -> tuple[int, str]:
    """How many words from `at` on are a name, and its key; (0, "") if none."""
    names = _gazetteer()
    first = words[at][0]
    placed = at > 0 and words[at - 1][0] in _AT
    if len(first) < 3 or first[:3] in _beginnings():
        for size in range(min(_LONGEST, len(words) - at), 0, -1):
            joined = "".join(word for word, _, _ in words[at : at + size])
            if joined in names and (size > 1 or placed or alone or not (joined in _ORDINARY or len(joined) <= 3)):
                return size, joined
    if (placed or (alone and at == len(words) - 1)) and (meant := _meant(first)):
        return 1, meant
    if (
        alone
        and at == 0
        and len(words) == 2
        and first not in _AT
        and min(len(word) for word, _, _ in words) >= 3
        and (meant := _meant(first + words[1][0]))
    ):
        return 2, meant
    return 0, ""


def _of_kind(codes: tuple[str, ...], before: str, after: str) -> tuple[str, ...]:
    """The codes of the kind that was said ("kab bdg", "bogor kota"); all of them if none was."""
    if len(codes) > 1:
        for kinds, city in ((_REGENCY, False), (_CITY, True)):
            if before in kinds or after in kinds:
                return tuple(code for code in codes if regions()[code].city is city) or codes
    return codes


def _entity(codes: tuple[str, ...], text: str, start: int, end: int) -> Entity:
    first = regions()[codes[0]]
    detail = {"name": first.name, "province": first.province, "zone": first.zone}
    if len(codes) > 1:
        detail["candidates"] = "|".join(codes)
    return Entity(kind="region", value=first.code, text=text[start:end], start=start, end=end, detail=detail)
