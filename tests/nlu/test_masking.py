"""What is hidden, what stays, and that it never breaks."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.masking import digit_run, mask, redact

NIK = "3273014512990001"
HIDDEN = "••••••••••••0001"

MASKED = [
    ("plain", f"nik saya {NIK}", f"nik saya {HIDDEN}", "nik"),
    ("spaced", "3273 0145 1299 0001 itu nik", f"{HIDDEN} itu nik", "nik"),
    ("dotted", "32.73.01.451299.0001", HIDDEN, "nik"),
    ("letters for digits", "32730l45l299OOO1", HIDDEN, "nik"),
    ("arabic-indic", "٣٢٧٣٠١٤٥١٢٩٩٠٠٠١", HIDDEN, "nik"),
    ("full width", "３２７３０１４５１２９９０００１", HIDDEN, "nik"),
    ("raised and circled", "³²⁷³⁰¹⁴⁵①②⑨⑨⓪⓪⓪①", HIDDEN, "nik"),
    ("looks like a sum at its head", "1.100 001010000001", "••••••••••••0001", "nik"),
    ("broken over lines with a zero-width space", "3273\u200b0145\n1299-0001", HIDDEN, "nik"),
    ("glued to letters", f"nikku{NIK}ya", f"nikku{HIDDEN}ya", "nik"),
    ("after a date", f"12/05/2024 {NIK}", f"12/05/2024 {HIDDEN}", "nik"),
    ("after a phone", f"081234567890 {NIK}", f"081234567890 {HIDDEN}", "nik"),
    ("after money", f"saldo 4.200.000 {NIK}", f"saldo 4.200.000 {HIDDEN}", "nik"),
    ("one digit short", "nik 327301451299000", "nik •••••••••••••••", "nik"),
    ("family card", "kk 3273011203040001", f"kk {HIDDEN}", "kk"),
    ("card", "kartu 8921 1234 5678 9012", "kartu ••••••••••••9012", "card"),
    ("account", "1234567890", "••••••••••", "account"),
    ("account with a bank", "BCA 1234567890", "BCA ••••••••••", "account"),
    ("short account after the word", "norek bca 8123456", "norek bca •••••••", "account"),
    ("account like a phone after the word", "rekening 081234567890", "rekening ••••••••••••", "account"),
    ("account in pieces", "0021 01 123456 50 1", "•••••••••••••••", "account"),
    ("otp", "otp saya 123456", "otp saya ••••••", "otp"),
    ("otp in a sentence", "Kode OTP Anda adalah 482913. JANGAN", "Kode OTP Anda adalah ••••••. JANGAN", "otp"),
    ("otp first", "482913 adalah kode verifikasi Anda", "•••••• adalah kode verifikasi Anda", "otp"),
    ("code", "kode 4821", "kode ••••", "otp"),
    ("otp with dashes", "kode verifikasi 48-29-13", "kode verifikasi ••••••", "otp"),
    ("pin", "pin 123456", "pin ••••••", "pin"),
    ("password", "password: rahasia123", "password: ••••••••", "password"),
    ("kata sandi", "kata sandi saya Budi1999", "kata sandi saya ••••••••", "password"),
]

KEPT = [
    "no hp 0812-3456-7890", "+62 812 3456 7890", "081234567890", "wa.me/6281234567890", "rekening dana 081234567890",
    "Rp 4.200.000", "600.000", "dari 600000 jadi 4200000", "rp2400000 700000", "1. 3500000\n2. 4200000",
    "tgl 12-05-2024", "tahun 2020, 2021, 2022, 2023", "2020 2021 2022 2023", "gelombang 12, 15, 18, 23, 45, 66",
    "INV/20240512/MPL/1234567890", "nomor pesanan 1234567890", "(021) 25541246", "0800 150 3001", "+60 12 345 6789",
    "otp saya ga masuk 3 kali", "kode error 500", "kode pos 40123", "password lupa", "password: lupa kak", "password saya lupa",
    "3 orang", "umur saya 45", HIDDEN, f"nik {HIDDEN}",
]  # fmt: skip


@pytest.mark.parametrize(("typed", "expected", "kind"), [row[1:] for row in MASKED], ids=[row[0] for row in MASKED])
def test_secret_is_hidden(typed: str, expected: str, kind: str) -> None:
    masked = mask(typed)
    assert masked.text == expected
    assert kind in masked.kinds


@pytest.mark.parametrize("typed", KEPT)
def test_harmless_text_stays(typed: str) -> None:
    assert mask(typed).text == typed
    assert mask(typed).kinds == ()


@given(st.text(max_size=300))
def test_masking_twice_changes_nothing_more(text: str) -> None:
    once = mask(text).text
    assert mask(once).text == once


@given(st.text(alphabet="0123456789 .-:/Oloabnikpotrekeng\n•", max_size=200))
def test_masking_twice_changes_nothing_more_on_digits(text: str) -> None:
    once = mask(text).text
    assert mask(once).text == once


@given(
    st.sampled_from((11, 32, 73, 94)),
    st.integers(101, 9999),
    st.integers(1, 28),
    st.integers(1, 12),
    st.integers(0, 99),
    st.integers(1, 9999),
    st.lists(st.sampled_from(("", " ", "-", ".", "\u200b")), min_size=15, max_size=15),
    st.sampled_from(("", "nik saya ", "ini kak ", "NIK:")),
)
def test_no_nik_survives(
    province: int, area: int, day: int, month: int, year: int, serial: int, joints: list[str], before: str
) -> None:
    digits = f"{province}{area:04}{day:02}{month:02}{year:02}{serial:04}"
    typed = before + "".join(digit + joint for digit, joint in zip(digits, [*joints, ""], strict=True))
    masked = mask(typed)
    assert "".join(char for char in masked.text if char.isdigit()) == digits[-4:]
    assert masked.kinds


@given(st.text(max_size=300))
def test_redact_is_stable_and_never_raises(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    ("typed", "secret"),
    [
        ("token 110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "AAHdq"),
        ("Authorization: Bearer abc.def.ghi12345", "ghi12345"),
        ("postgresql://user:pa55@db/x", "pa55"),
        ("a.b@contoh.co.id", "contoh"),
        ("hp 0812-3456-7890", "3456"),
        ("+62 812 3456 7890 ya", "3456"),
        ("https://x?access_token=abcdefgh123", "abcdefgh"),
        (f"nik {NIK}", "32730145"),
        ("otp 482913", "482913"),
    ],
)
def test_logs_hide_more(typed: str, secret: str) -> None:
    assert secret not in redact(typed)


@pytest.mark.parametrize(
    ("typed", "count"),
    [
        ("32730145", 8),
        ("3273 01", 6),
        ("nik 32730145", 8),
        ("3273-0145-12", 10),
        ("saya umur 35", 0),
        ("12", 0),
        ("", 0),
        ("halo", 0),
    ],
)
def test_digit_run(typed: str, count: int) -> None:
    assert digit_run(typed) == count


@pytest.mark.parametrize(
    "unit", ["1", "1 ", "1 2,", "otp ", "password ", "a@", "A-", "O", "1.000.", "otp saya ", "rek ", "081234567890 "]
)
def test_time_grows_with_length_only(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        start = process_time()
        mask(text)
        redact(text)
        return process_time() - start

    seconds(2000)
    assert seconds(80_000) < 3.0
