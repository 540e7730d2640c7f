"""Counting SMS text: the GSM 7-bit alphabet (3GPP TS 23.038, as quoted by https://doc.didww.com/sms/sms-trunks/technical-data/sms-encoding-reference.html)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

SINGLE, PIECE = 160, 153  # septets of a lone message, and of each part of a longer one (platform-rules 3.1)
UCS2_SINGLE, UCS2_PIECE = 70, 67  # UTF-16 units of the same

_BASIC = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = set("^{}\\[~]|€\f")  # two septets each

_SUBSTITUTES = str.maketrans(
    {
        **dict.fromkeys("“”„‟«»″〝〞", '"'),
        **dict.fromkeys("‘’‚‛′`´ʼ‹›", "'"),
        **dict.fromkeys("‐‑‒–—―−﹘﹣－", "-"),
        **dict.fromkeys("•‣◦▪●○·∙", "-"),
        **dict.fromkeys("→➜➔⇒►▶", ">"),
        **dict.fromkeys("←⇐", "<"),
        **dict.fromkeys("․｡。．", "."),  # look like a full stop, and would hide a link
        "…": "...",
        "×": "x",
        "÷": ":",
        "≤": "<=",
        "≥": ">=",
        "≈": "=",
        "⁄": "/",
        "№": "No",
        "©": "(c)",
        "®": "(r)",
        "™": "(tm)",
        "\r": "",
        "\t": " ",
        "\f": " ",
        "\v": " ",
    }
)
# emoji, joints and marks carry no meaning of their own
_DROPPED = ("So", "Sk", "Cf", "Cc", "Cs", "Co", "Cn", "Mn", "Me")


def substituted(text: str) -> str:
    """Typographic signs as their plain cousins, so that one dash does not turn the whole text to UCS-2."""
    return text.translate(_SUBSTITUTES)


def plain(text: str) -> str:
    """Typographic signs as their plain cousins, letters without foreign accents, no emoji.

    Letters of other scripts stay; such a text is sent as UCS-2.
    """
    return "".join(_plain(char) for char in substituted(text))


def _plain(char: str) -> str:
    if char in _BASIC or char in _EXTENDED:
        return char
    if char.isspace():
        return " "
    if unicodedata.category(char) in _DROPPED:
        return ""
    simpler = "".join(part for part in unicodedata.normalize("NFKD", char) if not unicodedata.combining(part))
    simpler = simpler.translate(_SUBSTITUTES)
    return simpler if septets(simpler) is not None else char


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


def parts(text: str) -> int:
    """How many messages a text makes on the air, 0 where it is empty: a sign of two units is never cut in two."""
    if septets(text) is not None:
        return _pieces((2 if char in _EXTENDED else 1 for char in text), SINGLE, PIECE)
    return _pieces((2 if char > "\uffff" else 1 for char in text), UCS2_SINGLE, UCS2_PIECE)


def _pieces(costs: Iterable[int], single: int, piece: int) -> int:
    each = list(costs)
    if sum(each) <= single:
        return 1 if each else 0
    count, used = 1, 0
    for cost in each:
        if used + cost > piece:
            count, used = count + 1, 0
        used += cost
    return count
