"""Counting SMS text: the GSM 7-bit alphabet (3GPP TS 23.038, as quoted by https://doc.didww.com/sms/sms-trunks/technical-data/sms-encoding-reference.html)."""

from __future__ import annotations

_BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = set("^{}\\[~]|€\f")  # two septets each

_SUBSTITUTES = str.maketrans(
    {
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "–": "-",
        "—": "-",
        "…": "...",
        "•": "-",
        "\u00a0": " ",
        "\u2009": " ",
        "→": ">",
        "×": "x",
    }
)


def substituted(text: str) -> str:
    """Typographic signs as their plain cousins, so that one dash does not turn the whole text to UCS-2."""
    return text.translate(_SUBSTITUTES)


def septets(text: str) -> int | None:
    """Length in GSM-7 septets; None where a character is outside the alphabet."""
    total = 0
    for char in text:
        if char in _BASIC:
            total += 1
        elif char in _EXTENDED:
            total += 2
        else:
            return None
    return total
