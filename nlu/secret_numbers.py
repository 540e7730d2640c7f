"""Which numbers of a text must be hidden: identity, card and account numbers, however they are typed.

Dates, sums of money, phone numbers and order numbers stay. `masking` does the hiding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nlu.digits import Group, ascii_digits, is_date, is_identity, is_landline, is_mobile

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


def numbers_of(text: str, run: list[Group]) -> Iterator[tuple[int, int, str]]:
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
    if sixteen:
        digits = _join(run, at, sixteen)
        identity = is_identity(digits) and not _explained(text, run, at, sixteen, label)
        order = sixteen == 1 and not identity and _ORDER.search(label)
        if (identity or (not kept and _joined_evenly(text, run, at, sixteen))) and not order:
            return sixteen, _kind_of_sixteen(digits, label)
    if kept:
        return kept, None
    return _account(text, run, at, label)


def _explained(text: str, run: list[Group], at: int, size: int, label: str) -> bool:
    """Whether groups that could be a NIK are wholly dates, phones and sums with "Rp", and nothing before calls them a NIK."""
    end = at + size
    while at < end:
        plain_sum = "." in text[run[at].start : run[at].end + 1] and not _RUPIAH.search(text[: run[at].start][-5:])
        kept = _harmless(text, run, at)
        if not kept or (plain_sum and len(run[at].digits) <= 3 and not _is_dated(text, run, at)):
            return False
        at += kept
    return at == end and not (_IDENTITY.search(label) or _FAMILY.search(label))


def _is_dated(text: str, run: list[Group], at: int) -> bool:
    """Whether three groups from `at` on are a date with one sign between them."""
    if at + 2 >= len(run):
        return False
    first, second = (text[run[i].end : run[i + 1].start] for i in (at, at + 1))
    return (
        first == second
        and first in ("/", "-", ".")
        and is_date((run[at].digits, run[at + 1].digits, run[at + 2].digits))
    )


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
    if _is_dated(text, run, at):
        return 3
    rupiah = _RUPIAH.search(text[max(0, window[0].start - 5) : window[0].start])
    money = re.match(r"\d{1,3}(?:[.,]\d{3}){1,3}(?![\d.,-]*\d)(?:,-)?|\d{1,3}(?:[.,]\d{3}){1,3}(?=[ \n])", typed)
    if money and (rupiah or len(ascii_digits(money[0])) <= 9):
        return sum(group.end <= window[0].start + money.end() for group in window)
    if rupiah and len(window[0].digits) <= 12:
        return 1
    return phone_size(text, run, at)


def phone_size(text: str, run: list[Group], at: int) -> int:
    """How many groups from `at` on are one phone number typed in pieces ("0812-3456-7890", "(021) 2554 1246", "+60 12 345 6789")."""
    abroad = text[max(0, run[at].start - 1) : run[at].start] == "+"
    best, digits = 0, ""
    for size, group in enumerate(run[at : at + 6], 1):
        if size > 1 and not re.fullmatch(r"[ .\-()]{1,2}", text[run[at + size - 2].end : group.start]):
            break
        digits += group.digits
        if len(digits) > 15:
            break
        fixed = 1 < size <= 4 and is_landline(digits)
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
