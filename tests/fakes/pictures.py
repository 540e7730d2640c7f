"""Pictures as platforms look at them: written from their pages and never from Pandu's own limits."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True)
class Stored:
    """A picture that a platform has taken in."""

    data: bytes
    mime: str
    width: int
    height: int


def looked_at(data: bytes) -> Stored | None:
    """The picture in some bytes; None where there is none."""
    try:
        with Image.open(io.BytesIO(data)) as found:
            found.load()
            return Stored(data, Image.MIME[found.format or ""], *found.size)
    except Exception:
        return None


def drawn(width: int = 640, height: int = 360, colour: str = "teal", kind: str = "JPEG") -> bytes:
    """A picture's file, for tests: a gradient, so that it weighs something."""
    made = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    made.paste(colour, (0, 0, width // 2, height // 2))
    packed = io.BytesIO()
    made.save(packed, kind)
    return packed.getvalue()
