"""What an SMS may be, written again from the standards, so that a wrong number of ours is caught.

Alphabet: 3GPP TS 23.038, https://www.unicode.org/Public/MAPPINGS/ETSI/GSM0338.TXT. The telephone's fields:
smsgateway/domain_messages.go of https://github.com/android-sms-gateway/client-go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

ALPHABET = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
TWO = "\f^{}\\[~]|€"
LINK = re.compile(
    r"://|\bwww\.\w|(?<![\w.@-])(?:[a-z0-9-]+\.)+(?:id|com|net|org|xyz|me|io|app|co|ly)(?![\w-])", re.IGNORECASE
)
_FIELDS = {"id", "textMessage", "phoneNumbers", "withDeliveryReport", "ttl", "priority", "simNumber", "deviceId"}


def is_plain(text: str) -> bool:
    """Whether every letter is of the GSM-7 alphabet."""
    return all(char in ALPHABET or char in TWO for char in text)


def counted(text: str) -> int:
    """Parts: units laid into messages one after the other."""
    if is_plain(text):
        units, single, piece = [2 if char in TWO else 1 for char in text], 160, 153
    else:
        units, single, piece = [len(char.encode("utf-16-be")) // 2 for char in text], 70, 67
    if sum(units) <= single:
        return 1
    messages = [0]
    for unit in units:
        if messages[-1] + unit > piece:
            messages.append(0)
        messages[-1] += unit
    return len(messages)


def text_problem(text: Any) -> str:
    """What must not leave: nothing, more than two parts, a link; "" where all is well."""
    if not isinstance(text, str) or not text.strip():
        return "no text"
    if counted(text) > 2:
        return f"{counted(text)} parts"
    return f"a link: {LINK.search(text)[0]}" if LINK.search(text) else ""  # type: ignore[index]


def android_problem(body: Any) -> str:
    """What the telephone's server would refuse; "" where all is well."""
    if not isinstance(body, Mapping):
        return "not an object"
    if unknown := set(body) - _FIELDS:
        return f"unknown field {sorted(unknown)[0]}"
    if not isinstance(body.get("id", ""), str) or len(body.get("id", "")) > 36:
        return "id: at most 36 characters"
    message = body.get("textMessage")
    if not isinstance(message, Mapping) or set(message) != {"text"} or not 1 <= len(message["text"]) <= 65_535:
        return "textMessage.text: 1-65535 characters"
    numbers = body.get("phoneNumbers")
    if not isinstance(numbers, list) or not 1 <= len(numbers) <= 100:
        return "phoneNumbers: 1-100"
    if not all(isinstance(one, str) and re.fullmatch(r"\+[1-9]\d{6,14}", one) for one in numbers):
        return "phoneNumbers: E.164"
    return _numbers_problem(body)


def _numbers_problem(body: Mapping[str, Any]) -> str:
    bounds = {"simNumber": (1, 3), "ttl": (5, 2**63), "priority": (-128, 127)}
    for name, (low, high) in bounds.items():
        value = body.get(name, low)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            return f"{name}: {low}-{high}"
    return "" if isinstance(body.get("withDeliveryReport", True), bool) else "withDeliveryReport: a boolean"
