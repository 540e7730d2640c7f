"""Hides what must never be stored: identity, card and account numbers, one-time codes, PINs and passwords.

`mask` is for messages on their way into the database; `redact`, stricter, is for logs. Both are linear in the text's length
and give back the same text when they are applied twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nlu.digits import BULLET, Group, ascii_digits, groups, is_date, is_identity, is_landline, is_mobile, runs

_LOOK_BACK = 48  # how far before a number its label may stand
_ACCOUNT = re.compile(r"\b(?:no\.?\s?rek|norek|rek|rekening|acc?ount|virtual account|no akun bank)[a-z]{0,4}\b", re.I)
_BANK = re.compile(r"\b(?:bca|bni|bri|mandiri|bsi|btn|cimb|permata|danamon|seabank|jago|jenius|bank)\b", re.I)
_WALLET = re.compile(
    r"\b(?:dana|gopay|go-pay|ovo|link\s?aja|shopee\s?pay|e-?wallet|hp|wa|whatsapp|telp|telepon|nomor saya)\b", re.I
)
_IDENTITY = re.compile(r"(?:\b|_)(?:nik|ktp|no\.?\s?ktp|nomor induk)(?:nya|ku|mu)?\b|\bnik(?=\d)", re.I)
_FAMILY = re.compile(r"\b(?:kk|kartu keluarga)(?:nya|ku|mu)?\b|\bkk(?=\d)", re.I)
_CARD = re.compile(r"\b(?:kartu|card|debit|atm|kredit)(?:nya|ku|mu)?\b", re.I)
_ORDER = re.compile(
    r"\b(?:pesanan|order|invoice|inv|resi|transaksi|trx|tiket|ticket|laporan|aduan|ref|referensi|pengaduan|voucher|redeem|sertifikat)"
    r"(?:nya|ku)?\b[^\d]{0,20}$|(?:^|[\s(])[A-Z#]{2,8}[/\-#]?(?:[A-Z\d]{1,12}[/\-])*$|(?:https?://|www\.)\S*$",
    re.I,
)
_ORDER_TAIL = re.compile(r"[/\-]?[A-Z]{2,}\d*\b")
_RUPIAH = re.compile(r"(?:\brp\.?|\bidr)\s?$", re.I)

_FILLER = (
    r"(?:\s{0,3}(?:nya|ku|mu|saya|sy|aku|gue|gw|beta|sa|yang|yg|masuk|dikirim|dapat|dpt|tadi|barusan|ini|itu|adalah|adlh|nomor|no|"
    r"anda|kamu|kakak|kk|bapak|ibu|prakerja|akun|dana|gopay|ovo|email|sms|wa|verifikasi|rahasia(?:nya)?|otp|atm|kak|min|is|saya nya)\b){0,5}"
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
    r"di|ke|untuk|dengan|kok|kenapa|gimana|bagaimana|prakerja|email|wajib|isi|diisi|kosong|bisa|ditolak)[.,?!]*$",
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
    spans = [found for run in runs(text) for found in _numbers_of(text, run)]
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


def _numbers_of(text: str, run: list[Group]) -> Iterator[tuple[int, int, str]]:
    """The spans of one run of groups that must be hidden, with their kinds."""
    label = text[max(0, run[0].start - _LOOK_BACK) : run[0].start]
    at = 0
    while at < len(run):
        size, kind = _read(text, run, at, label)
        if kind:
            yield run[at].start, run[at + size - 1].end, kind
        at += size


def _read(text: str, run: list[Group], at: int, label: str) -> tuple[int, str | None]:
    """How many groups from `at` on belong together, and the kind to hide them as (None: they stay)."""
    single = run[at].digits
    if is_mobile(single):
        bank = _ACCOUNT.search(label) and not _WALLET.search(label)
        return 1, "account" if bank else None
    kept = _harmless(text, run, at)
    sixteen = _window(run, at)
    if sixteen and not kept and (_joined_evenly(text, run, at, sixteen) or is_identity(_join(run, at, sixteen))):
        digits = _join(run, at, sixteen)
        if not (sixteen == 1 and not is_identity(digits) and _ORDER.search(label)):
            return sixteen, _kind_of_sixteen(digits, label)
    if kept:
        return kept, None
    return _account(text, run, at, label)


def _join(run: list[Group], at: int, size: int) -> str:
    return "".join(group.digits for group in run[at : at + size])


def _window(run: list[Group], at: int) -> int:
    """How many groups from `at` on make exactly sixteen digits; 0 if none do."""
    total = 0
    for size, group in enumerate(run[at : at + 16], 1):
        total += len(group.digits)
        if total >= 16:
            return size if total == 16 else 0
    return 0


def _joined_evenly(text: str, run: list[Group], at: int, size: int) -> bool:
    """Whether the same short separator stands between all groups, and they are no list of years."""
    joints = {text[run[i].end : run[i + 1].start] for i in range(at, at + size - 1)}
    years = all(len(g.digits) == 4 and g.digits[:2] in ("19", "20") for g in run[at : at + size])
    return len(joints) <= 1 and not any("," in joint for joint in joints) and not (years and size > 1)


def _kind_of_sixteen(digits: str, label: str) -> str:
    family, identity, card = (_last(pattern, label) for pattern in (_FAMILY, _IDENTITY, _CARD))
    best = max(family, identity, card)
    if best >= 0:
        return "kk" if family == best else "nik" if identity == best else "card"
    return "nik" if is_identity(digits) else "card"


def _last(pattern: re.Pattern[str], text: str) -> int:
    return max((match.end() for match in pattern.finditer(text)), default=-1)


def _harmless(text: str, run: list[Group], at: int) -> int:
    """How many groups from `at` on are a date, money or a separated phone number; 0 if they are none of these."""
    window = run[at : at + 6]
    typed = text[window[0].start : window[-1].end]
    if len(window) >= 3:
        first, second = (text[window[i].end : window[i + 1].start] for i in (0, 1))
        three = (window[0].digits, window[1].digits, window[2].digits)
        if first == second and first in ("/", "-", ".") and is_date(three):
            return 3
    rupiah = _RUPIAH.search(text[max(0, window[0].start - 5) : window[0].start])
    money = re.match(r"\d{1,3}(?:[.,]\d{3}){1,3}(?![\d.,-]*\d)(?:,-)?|\d{1,3}(?:[.,]\d{3}){1,3}(?=[ \n])", typed)
    if money and (rupiah or len(ascii_digits(money[0])) <= 9):
        return sum(group.end <= window[0].start + money.end() for group in window)
    if rupiah and len(window[0].digits) <= 12:
        return 1
    return _phone(text, run, at)


def _phone(text: str, run: list[Group], at: int) -> int:
    """How many groups from `at` on are one phone number typed in pieces ("0812-3456-7890", "(021) 2554 1246", "+60 12 345 6789")."""
    abroad = text[max(0, run[at].start - 1) : run[at].start] == "+"
    best, digits = 0, ""
    for size, group in enumerate(run[at : at + 6], 1):
        if size > 1 and not re.fullmatch(r"[ .\-()]{1,2}", text[run[at + size - 2].end : group.start]):
            break
        digits += group.digits
        if len(digits) > 15:
            break
        fixed = size > 1 and is_landline(digits)
        if is_mobile(digits) or fixed or (abroad and 9 <= len(digits) <= 14):
            best = size
    return best


def _account(text: str, run: list[Group], at: int, label: str) -> tuple[int, str | None]:
    """A number of an account: ten digits or more, or five and more after "rekening"; also a mistyped NIK."""
    told = bool(_ACCOUNT.search(label) or _IDENTITY.search(label) or _FAMILY.search(label))
    size = min(len(run) - at, 24)
    while size > 1 and (not _joined_evenly(text, run, at, size) or _list_of_small(run, at, size, told)):
        size -= 1
    digits = _join(run, at, size)
    identity = _IDENTITY.search(label) or _FAMILY.search(label)
    enough = 10 if not told else 7 if not _ACCOUNT.search(label) else 5
    round_sum = size == 1 and digits.endswith("000") and len(digits) < 10
    if len(digits) < enough or round_sum:
        return 1, None
    before = text[max(0, run[at].start - _LOOK_BACK) : run[at].start]
    after = text[run[at + size - 1].end : run[at + size - 1].end + 12]
    if not told and not _BANK.search(before) and (_ORDER.search(before) or _ORDER_TAIL.match(after)):
        return size, None
    return size, "nik" if identity and not _ACCOUNT.search(label) else "account"


def _list_of_small(run: list[Group], at: int, size: int, told: bool) -> bool:
    """Whether the groups are rather a list (waves, sums, years) than one number in pieces."""
    parts = [group.digits for group in run[at : at + size]]
    small = all(len(part) <= 2 for part in parts)
    plain = all(part.endswith("000") or (len(part) == 4 and part[:2] in ("19", "20")) for part in parts)
    return not told and (small or plain)


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
            size = 1 if is_mobile(run[at].digits) or is_landline(run[at].digits) else _phone(text, run, at)
            if size and sum(len(group.digits) for group in run[at : at + size]) >= 7:
                spans.append((run[at].start, run[at + size - 1].end))
            at += size or 1
    parts, last = [], 0
    for start, end in spans:
        parts += [text[last:start].removesuffix("+"), "[phone]"]
        last = end
    return "".join((*parts, text[last:]))
