"""Waves, years, money, phones, e-mail addresses and identity numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from nlu.digits import BULLET, ascii_digits, is_identity, is_landline, is_mobile, runs
from nlu.entities.identity import parse_nik, parse_phone
from nlu.masking import mask
from nlu.understanding import Entity

_WAVE = re.compile(
    r"\b(?:gelombang|glombang|gelombng|gelmbang|gelombag|glmbng|gelmbng|gelobang|glb|gel|batch|wave)(?:nya)?\.?\s*(?:ke|yg|yang|"
    r"nomor|no|berapa)?[\s\-.#]*"
    r"(\d{1,3})(?![\d.,]*(?:\d|rb|ribu|jt|juta))",
    re.I,
)
_WAVE_SIGNS = ("gel", "glo", "glm", "glb", "batch", "wave")
_WAVE_WORD = re.compile(r"\b(?:gelombang|gel)\s+(?:ke\s*)?((?:[a-z]+\s?){1,3})", re.I)
_MORE_WAVES = re.compile(
    r"\s*(?:,|dan|atau|sampai|sampe|s/d|-|/|&)\s*(\d{1,2})(?![\d.,]*(?:\d|rb|ribu|jt|juta|thn|tahun))", re.I
)
_UNITS = {"satu": 1, "dua": 2, "tiga": 3, "empat": 4, "lima": 5, "enam": 6, "tujuh": 7, "delapan": 8, "sembilan": 9}
_YEAR = re.compile(
    r"(?<![\d.,/\-])(?:(?:thn|tahun|th|taun)\.?\s*)?((?:19[5-9]|20[0-4])\d)(?![\d]|[.,]\d|\s?(?:rb|ribu|jt|juta|orang))|\b(?:thn|"
    r"tahun|th|taun)\s?'?(2\d)\b",
    re.I,
)
_SCALE = {
    "rb": 1000,
    "ribu": 1000,
    "rebu": 1000,
    "rban": 1000,
    "ribuan": 1000,
    "k": 1000,
    "jt": 10**6,
    "juta": 10**6,
    "jeti": 10**6,
    "jtan": 10**6,
    "m": 10**9,
    "miliar": 10**9,
    "milyar": 10**9,
}
_MONEY = re.compile(
    r"(?<![\w.,])(rp\.?|idr)?\s?(\d{1,3}(?:[.,]\d{3})+|\d{1,12})(?:[.,](\d{1,2}))?(?:,-)?\s?(ribuan|rban|ribu|rebu|rb|juta|jtan|"
    r"jeti|jt|miliar|milyar|k)?\b(?!\s?%)",
    re.I,
)
_MONEY_WORD = re.compile(
    r"\b((?:se|satu|dua|tiga|empat|lima|enam|tujuh|delapan|sembilan|sepuluh|setengah)\s?)((?:ratus\s?)?)(ribu|rebu|juta)\b",
    re.I,
)
_LEAST_PLAIN = 5  # digits a bare number needs to be money
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]+\.)+[a-z]{2,}", re.I)


def find_waves(text: str) -> Iterator[Entity]:
    """Waves: "gelombang 68", "gel. ke-12 dan 13", "gelombang tujuh puluh satu". Numbers above 200 are none."""
    lowered = text.lower()
    if not any(sign in lowered for sign in _WAVE_SIGNS):
        return
    for match in _WAVE.finditer(text):
        yield from _wave(int(match[1]), text, match.start(), match.end())
        at = match.end()
        while more := _MORE_WAVES.match(text, at):
            yield from _wave(int(more[1]), text, more.start(1), more.end(1))
            at = more.end()
    for match in _WAVE_WORD.finditer(text):
        number, used = _spoken(match[1].lower().split())
        if number:
            end = match.start(1) + len(" ".join(match[1].split()[:used]))
            yield from _wave(number, text, match.start(), end)


def _wave(number: int, text: str, start: int, end: int) -> Iterator[Entity]:
    if 1 <= number <= 200:
        yield Entity(kind="wave", value=number, text=text[start:end], start=start, end=end)


def _spoken(words: list[str]) -> tuple[int, int]:
    """A number up to 99 in words, and how many of them it took; (0, 0) if it is none."""
    if not words:
        return 0, 0
    if words[0] in ("pertama", "sepuluh", "sebelas"):
        return {"pertama": 1, "sepuluh": 10, "sebelas": 11}[words[0]], 1
    unit = _UNITS.get(words[0], 0)
    if unit and len(words) > 1 and words[1] == "belas":
        return 10 + unit, 2
    if unit and len(words) > 1 and words[1] == "puluh":
        rest = _UNITS.get(words[2], 0) if len(words) > 2 else 0
        return 10 * unit + rest, 3 if rest else 2
    return unit, 1 if unit else 0


def find_years(text: str) -> Iterator[Entity]:
    """Years from 1950 to 2049; "thn 23" too."""
    for match in _YEAR.finditer(text):
        value = int(match[1]) if match[1] else 2000 + int(match[2])
        yield Entity(kind="year", value=value, text=match[0], start=match.start(), end=match.end())


def find_money(text: str) -> Iterator[Entity]:
    """Sums in whole rupiah: "600rb", "Rp4,2 juta", "Rp 4.200.000,-", "sejuta", "600000"."""
    for match in _MONEY.finditer(text):
        sign, body, part, scale = match.groups()
        factor = _SCALE[scale.lower()] if scale else 1
        grouped = not body.isdigit()
        if not (sign or scale or (grouped and not part) or (len(body) >= _LEAST_PLAIN and body.endswith("000"))):
            continue
        value = int(re.sub(r"\D", "", body)) * factor
        if part and scale:
            value += int(part) * factor // 10 ** len(part)
        if value >= 100 and value < 10**13:
            start = match.start() + len(match[0]) - len(match[0].lstrip())
            yield Entity(
                kind="money", value=value, text=match[0].strip(), start=start, end=start + len(match[0].strip())
            )
    lowered = text.lower()
    for match in _MONEY_WORD.finditer(text) if "ribu" in lowered or "rebu" in lowered or "juta" in lowered else ():
        word = match[1].strip().lower()
        count = 0.5 if word == "setengah" else 10 if word == "sepuluh" else 1 if word == "se" else _UNITS[word]
        value = int(count * (100 if match[2] else 1) * (10**6 if match[3].lower() == "juta" else 1000))
        yield Entity(kind="money", value=value, text=match[0], start=match.start(), end=match.end())


def find_emails(text: str) -> Iterator[Entity]:
    """E-mail addresses, lower case."""
    for match in _EMAIL.finditer(text) if "@" in text else ():
        yield Entity(kind="email", value=match[0].lower(), text=match[0], start=match.start(), end=match.end())


def find_identities(text: str, today: date) -> Iterator[Entity]:
    """NIK, KK and card numbers, masked: in full (then validated) or as `masking` left them (••••••••••••1234)."""
    for match in re.finditer(f"{BULLET}{{12}}(\\d{{4}})", text) if BULLET in text else ():
        kind = _labelled(text[max(0, match.start() - 40) : match.start()].lower())
        yield Entity(
            kind=kind, value=match[0], text=match[0], start=match.start(), end=match.end(), detail={"last4": match[1]}
        )
    for run in runs(text):
        for group in run:
            if len(group.digits) != 16:
                continue
            typed = text[group.start : group.end]
            hidden = mask(typed).text
            kind = _labelled(text[max(0, group.start - 40) : group.start].lower())
            kind = kind if is_identity(group.digits) or kind == "card" else "card"
            detail: dict[str, str | int | bool] = {"last4": group.digits[-4:]}
            if kind == "nik":
                nik = parse_nik(typed, today)
                detail |= {"valid": nik is not None}
                if nik:
                    detail |= {"region": nik.region, "born": nik.born.isoformat(), "woman": nik.woman}
            yield Entity(kind=kind, value=hidden, text=hidden, start=group.start, end=group.end, detail=detail)


def _labelled(before: str) -> str:
    """What the words before a number call it: kk, card or (else) nik."""
    family = max(before.rfind("kk"), before.rfind("kartu keluarga"))
    last = {"kk": family, "nik": before.rfind("nik"), "card": before.rfind("kartu")}
    if family >= 0 and last["card"] == family:
        last["card"] = -1
    best = max(last, key=lambda name: last[name])
    return best if last[best] >= 0 else "nik"


def find_phones(text: str) -> Iterator[Entity]:
    """Mobile numbers as +628…, fixed lines as their digits."""
    for run in runs(text):
        at = 0
        while at < len(run):
            best, digits = 0, ""
            for size, group in enumerate(run[at : at + 5], 1):
                if size > 1 and not re.fullmatch(r"[ .\-()]{1,2}", text[run[at + size - 2].end : group.start]):
                    break
                digits += group.digits
                if is_mobile(digits) or (is_landline(digits) and (size > 1 or len(digits) == 7)):
                    best = size
            if best:
                start, end = run[at].start, run[at + best - 1].end
                start -= text[max(0, start - 1) : start] == "+"
                value = parse_phone(text[start:end]) or ascii_digits(text[start:end])
                yield Entity(kind="phone", value=value, text=text[start:end], start=start, end=end)
            at += best or 1
