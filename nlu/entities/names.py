"""Platforms, wallets and banks, training topics: by the names people give them, with slips."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

import yaml

from nlu.normalise import LEXICON, distance, everyday, lower, word_list
from nlu.understanding import Entity

_WORD = re.compile(r"[a-z\d]+(?:[.\-][a-z\d]+)*", re.I)
_LONGEST = 3
_SLIP_FROM = 6
_ORDINARY_TOPICS = word_list("topic_ordinary")
_TOPIC = re.compile(
    r"(?:pelatihan|platihan|pltihan|kursus|belajar|blajar|bidang|jurusan|tentang|ttg|kelas|materi|topik|webinar|ambil|cari|minat|"
    r"keahlian|jadi|tukang|juru|course|"
    r"skill|kompetensi|teknisi|ajar|pilih|training|latihan)(?:\W+(?:yg|yang|soal|ttg|buat|untuk|di|bidang|kursus|pelatihan))?\W{1,3}$",
    re.I,
)
_DANA = re.compile(  # "dana" is money in general unless the words around it say that it is the wallet
    r"(?:akun|e-?wallet|dompet|rekening|rek|ke|pakai|pake|lewat|pk|via|nomor|no|aplikasi|apk|upgrade|ganti|sambung\w*|nyambung\w*|"
    r"hubung\w*|ovo|gopay|atau|dan|saldo|premium|di)\W{1,3}$",
    re.I,
)


@cache
def _names() -> tuple[dict[str, tuple[str, str]], dict[str, list[str]]]:
    """Joined names → (kind, canonical), and those that may be written with a slip by their first letter."""
    names: dict[str, tuple[str, str]] = {}
    slips: dict[str, list[str]] = {}
    content = yaml.safe_load((LEXICON / "names.yml").read_text(encoding="utf-8"))
    for kind, entries in content.items():
        for canonical, ways in entries.items():
            for way in ways:
                key = _joined(way.lstrip("~"))
                names[key] = (kind, canonical)
                if not way.startswith("~") and len(key) >= _SLIP_FROM and kind != "topic":
                    slips.setdefault(key[0], []).append(key)
    return names, slips


def _joined(name: str) -> str:
    return re.sub(r"[^a-z\d]", "", name.lower())


@lru_cache(maxsize=5000)
def _meant(word: str) -> str:
    """The name one slip away, or ""."""
    if word in everyday() and word not in _names()[0]:
        return ""
    for key in _names()[1].get(word[0], ()):
        if abs(len(key) - len(word)) <= 1 and distance(word, key, 1) <= 1:
            return key
    return ""


def find_names(text: str) -> Iterator[Entity]:
    """Platforms, wallets and topics in the order of the text."""
    names, _ = _names()
    words = [
        (word if word.isalnum() else _joined(word), match.start(), match.end())
        for match in _WORD.finditer(lower(text[:2000]))
        if (word := match[0])
    ]
    few = len(words) <= 3
    at = 0
    while at < len(words):
        size, key = _longest(words, at)
        if not size:
            at += 1
            continue
        start, end = words[at][1], words[at + size - 1][2]
        kind, canonical = names[key]
        if _is_name(key, text[max(0, start - 40) : start], text[end : end + 12], few):
            yield Entity(kind=kind, value=canonical, text=text[start:end], start=start, end=end)
        at += size


@cache
def _beginnings() -> frozenset[str]:
    """The first three letters of every name; a word that begins otherwise needs no look-up."""
    return frozenset(name[:3] for name in _names()[0])


def _longest(words: list[tuple[str, int, int]], at: int) -> tuple[int, str]:
    """How many words from `at` on are a name, and its key; (0, "") if none."""
    names, _ = _names()
    word = words[at][0]
    if len(word) < 3 or word[:3] in _beginnings():
        for size in range(min(_LONGEST, len(words) - at), 0, -1):
            joined = "".join(part for part, _, _ in words[at : at + size])
            if joined in names:
                return size, joined
        if word.endswith("nya") and word[:-3] in names:
            return 1, word[:-3]
    if len(word) >= _SLIP_FROM - 1 and word[0] in _names()[1] and (meant := _meant(word)):
        return 1, meant
    return 0, ""


def _is_name(key: str, before: str, after: str, few: bool) -> bool:
    """Whether a name that is an ordinary word as well is meant as a name. `few`: the message is hardly more than it."""
    if key in _ORDINARY_TOPICS:
        return few or _TOPIC.search(before) is not None
    if key in ("mandiri", "jago"):
        return re.search(r"(?:bank|rek\w*|rekening|atm|ke|bni|bri|bca)\W{1,3}$", before, re.I) is not None
    if key == "dana":
        return (
            few
            or _DANA.search(before) is not None
            or re.match(r"\W{1,3}(?:premium|saya|sy|atau|,|ovo|gopay)", after, re.I) is not None
        )
    return True
