"""Pictures that operators hand over, made small enough for a weak phone and stripped of what a camera writes into them."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Final

from PIL import ExifTags, Image

from storage.pictures import Picture
from storage.refusal import Refusal

FORMATS: Final = ("JPEG", "PNG", "WEBP")
MOST_BYTES: Final = 10 * 1_048_576  # ours, of what is handed over; a telephone's photograph has 3 to 6 MB
MOST_PIXELS: Final = (
    50_000_000  # ours: half a gigabyte while the largest of all (a PNG with transparency) is made small
)
MOST_RATIO: Final = 20  # of the sides, https://core.telegram.org/bots/api#sendphoto
LONG_SIDE: Final = 1_280  # ours: what Telegram shows at most; sharp on any telephone
QUALITY: Final = 85
_DEEP: Final = 257  # 65,535 / 255: 16 bits of grey to 8
_TURNS: Final = {  # EXIF's orientation → what puts it upright, https://exiftool.org/TagNames/EXIF.html
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

Image.MAX_IMAGE_PIXELS = None  # Pillow warns of what is too large, and refuses only twice of that; here it is refused


def load(path: Path) -> Picture:
    """A picture from a file, made small; `Refusal` for what is none or too much, ValueError where there is no file."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _too_heavy()
        return shrunk(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror or error}") from None


def shrunk(raw: bytes) -> Picture:
    """The picture as it is sent: a JPEG of at most 1,280 pixels, upright, on white, without any metadata. The same bytes give the same picture.

    `Refusal`: unreadable, too large, too narrow.
    """
    if len(raw) > MOST_BYTES:
        raise _too_heavy()
    try:
        with Image.open(io.BytesIO(raw), formats=FORMATS) as found:
            _check(*found.size)
            made = _on_white(_small(found))
    except Refusal:
        raise
    except Exception:  # Pillow's readers raise whatever broken bytes lead them to
        told = "the picture cannot be read: a JPEG, PNG or WebP file is wanted"
        raise Refusal("image_unreadable", told, field="image") from None
    packed = io.BytesIO()
    made.save(packed, "JPEG", quality=QUALITY, optimize=True)
    jpeg = packed.getvalue()
    return Picture(sha256=hashlib.sha256(jpeg).hexdigest(), jpeg=jpeg, width=made.width, height=made.height)


def _check(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        most = MOST_PIXELS // 1_000_000
        told = f"the picture has {width} x {height} pixels, at most {most} million are taken"
        raise Refusal("image_pixels", told, field="image", width=width, height=height, most=most)
    if max(width, height) > MOST_RATIO * min(width, height):
        told = f"the picture is too narrow: {width} x {height}; one side may be {MOST_RATIO} times the other at most"
        raise Refusal("image_narrow", told, field="image", width=width, height=height, most=MOST_RATIO)


def _too_heavy() -> Refusal:
    most = MOST_BYTES // 1_048_576
    return Refusal("image_heavy", f"the picture has more than {most} MB", field="image", most=most)


def _small(found: Image.Image) -> Image.Image:
    """In colours that can be mixed, at most `LONG_SIDE` long, and turned as its camera was held."""
    turn = _TURNS.get(_orientation(found))
    mixed = _mixable(found)
    mixed.thumbnail((LONG_SIDE, LONG_SIDE))  # a JPEG is read at half or a quarter of its size right away
    return mixed if turn is None else mixed.transpose(turn)


def _mixable(found: Image.Image) -> Image.Image:
    if found.mode in ("RGB", "RGBA", "L"):
        return found
    if found.mode.startswith("I"):
        return found.convert("I").point(lambda value: value * (1 / _DEEP)).convert("L")
    return found.convert("RGB" if found.mode == "CMYK" else "RGBA")


def _orientation(found: Image.Image) -> int:
    try:
        return int(found.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # what a camera wrote beside the picture may be broken while the picture is whole
        return 1


def _on_white(small: Image.Image) -> Image.Image:
    """A fresh picture: nothing of what stood beside the pixels comes along."""
    made = Image.new("RGB", small.size, "white")
    made.paste(small, mask=small.getchannel("A") if small.mode == "RGBA" else None)
    return made
