"""What a fuzz run sends: values that break programs, and known shapes with one of them put somewhere."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Sequence
from typing import Any

WORDS = (
    *(
        "",
        " ",
        "halo",
        "kapan gelombang dibuka",
        "batal",
        "daftar",
        "1",
        "0",
        "-1",
        "99999999999999999999",
        "1e309",
        "NaN",
        "ya",
    ),
    *(
        "\x00",
        "a\x00b",
        "\ud800",
        "\u202e",
        "\ufeff",
        "İıſ",
        "\U0001f468\u200d\U0001f469",
        "ﷺ" * 40,
        "é" * 600,
        "x" * 9_000,
        " " * 5_000,
    ),
    *(
        "<script>alert(1)</script>",
        "{{7*7}}",
        "${x}",
        "%s%n",
        "' OR 1=1 --",
        "../../etc/passwd",
        "\r\nX-Evil: 1",
        "\\",
        '"',
        "%00",
        "٣٢",
        "²",
    ),
    *(
        "3204011505900001",
        "3204 0115 0590 0001",
        "+6281234567890",
        "2026-02-30",
        "2026-11-24",
        "9999999-01-01",
        "24:61",
        "08:00",
        "on",
    ),
    *("9" * 5000, "agent", "admin", "telegram", "web", "L-warga1", "P-AGEN", "topic", "none", "null", "true"),
)
NUMBERS = (0, 1, -1, 2, 7, 99, 2**31, 2**31 - 1, 2**53, 2**63, 2**63 - 1, -(2**63) - 1, 10**400, 1.5, -0.0, 1e308)
OTHERS = (None, True, False, [], {}, [[]], [None], {"": ""}, {"a": {"b": {"c": []}}}, ["x"] * 300)


def value(chance: random.Random) -> Any:
    """One value that no honest client sends, or nearly none."""
    kind = chance.random()
    if kind < 0.5:
        return chance.choice(WORDS)
    return copy.deepcopy(chance.choice(NUMBERS if kind < 0.75 else OTHERS))


def text(chance: random.Random) -> str:
    """One word, sometimes two glued together or noise."""
    made = chance.choice(WORDS)
    if chance.random() < 0.3:
        made += chance.choice(WORDS)
    if chance.random() < 0.1:
        made = "".join(chr(chance.randrange(0x11_0000)) for _ in range(chance.randrange(30)))
    return made


def mutated(shape: Any, chance: random.Random) -> Any:
    """A copy of a known shape with one to three places changed."""
    made = copy.deepcopy(shape)
    for _ in range(chance.randint(1, 3)):
        places = list(_places(made))
        if not places:
            return value(chance)
        holder, key = chance.choice(places)
        what = chance.random()
        if what < 0.15:
            del holder[key]
        elif what < 0.25 and isinstance(holder, list):
            holder.insert(0, copy.deepcopy(holder[key]))
        elif what < 0.3 and isinstance(holder, dict):
            holder[text(chance)] = holder.pop(key)
        else:
            holder[key] = value(chance)
    return made


def _places(node: Any) -> Sequence[tuple[Any, Any]]:
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    found = [(node, key) for key in keys]
    for key in keys:
        found += _places(node[key])
    return found


def as_json(shape: Any, chance: random.Random) -> bytes:
    """The shape as a body; sometimes cut, or with bytes that are no UTF-8."""
    body = json.dumps(shape).encode()
    what = chance.random()
    if what < 0.04:
        return body[: chance.randrange(len(body) + 1)]
    if what < 0.08:
        at = chance.randrange(len(body) + 1)
        return body[:at] + bytes(chance.randrange(256) for _ in range(3)) + body[at:]
    if what < 0.09:
        return b"[" * 100_000
    return body
