"""Hides what must never be stored: identity, card and account numbers, one-time codes, PINs and passwords.

`mask` is for messages on their way into the database; `redact`, stricter, is for logs. Both are linear in the text's length
and give back the same text when they are applied twice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nlu.digits import BULLET, ascii_digits, groups, is_landline, is_mobile, runs
from nlu.programme import WORDS
from nlu.secret_numbers import numbers_of, phone_size

_FILLER = (
    r"(?:\s{0,3}(?:nya|ku|mu|saya|sy|aku|gue|gw|beta|sa|yang|yg|masuk|dikirim|dapat|dpt|tadi|barusan|ini|itu|adalah|adlh|nomor|no|"
    rf"anda|kamu|kakak|kk|bapak|ibu|{WORDS}|akun|dana|gopay|ovo|email|sms|wa|verifikasi|rahasia(?:nya)?|otp|atm|kak|min|is|saya nya)\b){{0,5}}"
)
_CODE = re.compile(
    rf"\b(?P<word>otp|pin|kode|code|cvv|cvc|token|passcode|sandi)(?:nya|ku|mu)?{_FILLER}"
    r"\s{0,3}[:=>\-\"'(]{0,3}\s{0,3}(?:[A-Z]-)?(?P<value>\d{2,4}(?:[ .\-]\d{2,4}){1,3}(?!\d)|[\dOolI]{3,8}(?!\d|\.\d)|\d(?:[ .\-]\d){3,7}(?!\d))",
    re.I,
)
_CODE_FIRST = re.compile(
    r"(?<![\d.])(?P<value>\d{4,8})(?=\s+(?:adalah|itu|ini|is)\s+(?:kode|otp|pin|sandi|password|your)\b)", re.I
)
_PASSWORD = re.compile(
    rf"\b(?P<word>password|passwod|pasword|pass|pw|pwd|kata sandi|katasandi|sandi|kata kunci)(?:nya|ku|mu)?{_FILLER}"
    r"(?P<sign>\s{0,3}[:=]{1,3}\s{0,3}|\s{1,3})(?P<value>[^\s•]{3,64})",
    re.I,
)
_NOT_A_SECRET = re.compile(
    r"(?:lupa|salah|apa|tidak|tdk|ga|gak|nggak|gk|belum|blm|sudah|sdh|udah|harus|minimal|error|invalid|baru|lama|akun|dan|atau|kalau|"
    rf"di|ke|untuk|dengan|kok|kenapa|gimana|bagaimana|{WORDS}|email|wajib|isi|diisi|kosong|bisa|ditolak)[.,?!]*$",
    re.I,
)


_PART_LENGTH, _PART_DIGITS, _PART_WORDS = 60, 3, 4  # of a message that may hold a part of an identity number
_DATE_ONLY = re.compile(r"(?<!\d)\d{1,2}\s?[-/. ]\s?(?:\d{1,2}|[a-z]{3,9})\s?[-/. ]\s?(?:19|20)?\d{2}(?!\d)", re.I)
_RUPIAH_NEAR = re.compile(r"\b(?:rp|rupiah|ribu|rb|juta|jt)\b|\d(?:rb|jt|k)\b", re.I)


@dataclass(frozen=True, slots=True)
class Masked:
    """A text that may be stored, and the kinds of secrets that were hidden in it (nik, kk, card, account, otp, pin, password)."""

    text: str
    kinds: tuple[str, ...]


def mask(text: str) -> Masked:
    """Hides numbers of identity, cards and accounts, codes and passwords. Sixteen-digit numbers keep their last four digits.

    Phone numbers, dates, sums of money, order numbers, waves and years stay as typed.
    """
    text, secret_kinds = _hide_secrets(text)
    spans = [found for run in runs(text) for found in numbers_of(text, run)]
    return Masked(_replace(text, spans), tuple(dict.fromkeys((*secret_kinds, *(kind for _, _, kind in spans)))))


def digit_run(text: str) -> int:
    """The number of digits that may be part of an identity number, with few words beside them; else 0.

    Finds a NIK typed over several messages. Dates, years, phone numbers and sums of money are no parts.
    """
    if len(text) > _PART_LENGTH or _RUPIAH_NEAR.search(text):
        return 0
    found = [group for group in groups(text) if len(group.digits) >= _PART_DIGITS]
    digits = "".join(group.digits for group in groups(text))
    if not found or is_mobile(digits) or is_landline(digits) or _DATE_ONLY.search(text):
        return 0
    if all(len(group.digits) == 4 and group.digits[:2] in ("19", "20") for group in found):
        return 0
    words = len(re.findall(r"[^\W\d_]{2,}", text))
    return len(digits) if words <= _PART_WORDS else 0


def _replace(text: str, spans: list[tuple[int, int, str]]) -> str:
    """The text with each span hidden; sixteen digits keep the last four."""
    parts, at = [], 0
    for start, end, _ in spans:
        digits = ascii_digits(text[start:end])
        hidden = BULLET * 12 + digits[-4:] if len(digits) == 16 else BULLET * min(len(digits), 16)
        parts += [text[at:start], hidden]
        at = end
    return "".join((*parts, text[at:]))


def _hide_secrets(text: str) -> tuple[str, list[str]]:
    """Codes and passwords that follow such a word."""
    kinds: list[str] = []

    def code(match: re.Match[str]) -> str:
        digits = ascii_digits(match["value"])
        word = match["word"].lower()
        if len(digits) < 4 and word not in ("pin", "cvv", "cvc"):
            return match[0]
        if not any(char.isdecimal() for char in match["value"]):
            return match[0]
        kinds.append("pin" if word in ("pin", "cvv", "cvc") else "password" if word in ("sandi", "passcode") else "otp")
        return match[0][: match.start("value") - match.start()] + BULLET * len(digits)

    def password(match: re.Match[str]) -> str:
        value = match["value"]
        told = ":" in match["sign"] or "=" in match["sign"]
        looks_secret = any(char.isdecimal() for char in value) and not value.isdecimal()
        if _NOT_A_SECRET.match(value) or not (told or looks_secret or (value.isdecimal() and len(value) >= 4)):
            return match[0]
        kinds.append("password")
        return match[0][: match.start("value") - match.start()] + BULLET * 8

    def code_first(match: re.Match[str]) -> str:
        kinds.append("otp")
        return BULLET * len(match["value"])

    return _CODE_FIRST.sub(code_first, _CODE.sub(code, _PASSWORD.sub(password, text))), kinds


_TOKEN = re.compile(
    r"(?<![\d-])\d{6,12}:[\w-]{30,}|(?<![\w-])(?:EAA\w{20,}|eyJ[\w-]{10,}\.[\w-]+(?:\.[\w-]+)?|sk-[\w-]{16,}|gh[pousr]_\w{20,})|"
    r"(?P<lead>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}|"
    r"(?P<key>\b(?:token|secret|api[_-]?key|access_token|hub\.verify_token|sig|signature)[\"']?\s?[=:]\s?[\"']?)[\w.~+/-]{8,}",
    re.I,
)
_URL_PASSWORD = re.compile(r"(?P<scheme>\b[a-z][a-z\d+]{1,15}://)[^\s/@]{1,256}@", re.I)
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[\w-]{2,}")


def redact(text: str) -> str:
    """The stricter mask for logs: also phone numbers, e-mail addresses, tokens, and passwords inside URLs."""
    text = _URL_PASSWORD.sub(lambda m: f"{m['scheme']}[secret]@", text)
    text = _TOKEN.sub(lambda m: f"{m['lead'] or m['key'] or ''}[secret]", text)
    text = mask(_EMAIL.sub("[email]", text)).text
    spans = []
    for run in runs(text):
        at = 0
        while at < len(run):
            size = 1 if is_mobile(run[at].digits) or is_landline(run[at].digits) else phone_size(text, run, at)
            if size and sum(len(group.digits) for group in run[at : at + size]) >= 7:
                spans.append((run[at].start, run[at + size - 1].end))
            at += size or 1
    parts, last = [], 0
    for start, end in spans:
        parts += [text[last:start].removesuffix("+"), "[phone]"]
        last = end
    return "".join((*parts, text[last:]))
