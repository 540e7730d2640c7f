"""What operators hand over as a picture: made small, upright, on white, without a word of the camera; or refused with a reason."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot import picture_files
from storage.refusal import Refusal
from tests.fakes.pictures import drawn

SECRET = b"Rumah Bu Siti"


def packed(picture: Image.Image, kind: str = "PNG", **more: Any) -> bytes:
    made = io.BytesIO()
    picture.save(made, kind, **more)
    return made.getvalue()


def seen(raw: bytes) -> Image.Image:
    made = picture_files.shrunk(raw)
    found = Image.open(io.BytesIO(made.jpeg))
    assert (found.format, found.mode, found.size) == ("JPEG", "RGB", (made.width, made.height))
    assert max(found.size) <= 1280
    return found


def near(found: Any, wanted: tuple[int, int, int]) -> bool:
    return all(abs(one - other) <= 6 for one, other in zip(found, wanted, strict=True))


def refused(raw: bytes) -> Refusal:
    with pytest.raises(Refusal) as told:
        picture_files.shrunk(raw)
    assert told.value.field == "image"
    return told.value


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_large_picture_becomes_small_and_keeps_its_shape(kind: str) -> None:
    raw = drawn(3000, 2000, kind=kind)
    assert seen(raw).size == (1280, 853)
    assert len(picture_files.shrunk(raw).jpeg) < 100_000


def test_a_small_one_is_not_blown_up() -> None:
    assert seen(drawn(300, 200)).size == (300, 200)


def test_the_same_bytes_give_the_same_picture_and_others_another() -> None:
    first, again, other = (picture_files.shrunk(drawn(colour=colour)).sha256 for colour in ("teal", "teal", "red"))
    assert first == again != other


def test_nothing_of_the_camera_is_left() -> None:
    exif = Image.Exif()
    exif[0x010F] = SECRET.decode()  # the maker
    exif.get_ifd(0x8825)[1] = "S"  # GPS: south
    made = Image.new("RGB", (40, 30), "red")
    raw = packed(made, "JPEG", exif=exif, comment=SECRET, icc_profile=SECRET * 20, dpi=(300, 300))
    assert raw.count(SECRET) >= 3
    small = picture_files.shrunk(raw).jpeg
    assert SECRET not in small
    found = Image.open(io.BytesIO(small))
    assert not found.getexif()
    assert {"comment", "icc_profile", "exif"}.isdisjoint(found.info)


CORNERS = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}


@pytest.mark.parametrize("orientation", CORNERS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_it_stands_as_the_camera_was_held(orientation: int, mode: str) -> None:
    """The red corner stands where the page of EXIF has the first row and column."""
    made = Image.new("RGB", (64, 32), "white")
    made.paste("red", (0, 0, 16, 16))
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = seen(packed(made.convert(mode), exif=exif))
    assert found.size == ((32, 64) if orientation >= 5 else (64, 32))
    right, below = CORNERS[orientation]
    corner = (right * (found.width - 1), below * (found.height - 1))
    assert near(found.getpixel(corner), (254, 0, 0))


@pytest.mark.parametrize(
    ("mode", "colour", "shown"),
    [
        ("RGBA", (255, 0, 0, 0), (255, 255, 255)),
        ("RGBA", (255, 0, 0, 255), (254, 0, 0)),
        ("LA", (0, 0), (255, 255, 255)),
        ("L", 90, (90, 90, 90)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 32_896, (128, 128, 128)),
    ],
)
def test_all_kinds_of_colour_and_what_is_seen_through_is_white(mode: str, colour: Any, shown: Any) -> None:
    assert near(seen(packed(Image.new(mode, (40, 40), colour))).getpixel((20, 20)), shown)


def test_a_printers_colours() -> None:
    assert near(seen(packed(Image.new("CMYK", (40, 40), (0, 255, 255, 0)), "JPEG")).getpixel((20, 20)), (254, 0, 0))


def test_of_what_moves_the_first_picture() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    assert near(seen(packed(frames[0], "WEBP", save_all=True, append_images=frames[1:])).getpixel((9, 9)), (254, 0, 0))


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "ICO"])
def test_other_kinds_are_refused_whatever_pillow_could_read(kind: str) -> None:
    assert refused(packed(Image.new("RGB", (40, 40)), kind)).key == "image_unreadable"


@pytest.mark.parametrize("raw", [b"", b"no picture", b"%PDF-1.7", b"<svg/>", drawn(900, 900)[:2000]], ids=range(5))
def test_what_is_no_picture_or_broken_off_is_refused(raw: bytes) -> None:
    assert refused(raw).key == "image_unreadable"


@pytest.mark.parametrize("size", [(10_001, 5_000), (50_001, 1_000)])
def test_a_bomb_is_refused_before_it_is_unpacked(size: tuple[int, int], recwarn: pytest.WarningsRecorder) -> None:
    raw = packed(Image.new("1", size))
    assert len(raw) < 100_000
    told = refused(raw)
    assert (told.key, told.values["most"]) == ("image_pixels", 50)
    assert not recwarn.list


def test_too_narrow_and_just_not() -> None:
    assert refused(packed(Image.new("L", (2_100, 100)))).key == "image_narrow"
    assert refused(packed(Image.new("L", (100, 2_001)))).key == "image_narrow"
    found = seen(packed(Image.new("L", (2_579, 129))))
    assert found.width <= 20 * found.height


def test_too_heavy(tmp_path: Path) -> None:
    raw = drawn() + bytes(10 * 1_048_576)
    assert refused(raw).key == "image_heavy"
    path = tmp_path / "gambar.jpg"
    path.write_bytes(raw)
    with pytest.raises(Refusal, match="more than 10 MB"):
        picture_files.load(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"hilang\.jpg: No such file"):
        picture_files.load(tmp_path / "hilang.jpg")


WHOLE = [drawn(60, 40, kind=kind) for kind in ("JPEG", "PNG", "WEBP")]


@settings(max_examples=150, deadline=None)
@given(
    raw=st.sampled_from(WHOLE),
    changes=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 4_000),
)
def test_broken_bytes_are_a_picture_or_refused_and_nothing_else(
    raw: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    broken = bytearray(raw[:cut] if cut < len(raw) else raw)
    for place, value in changes:
        if place < len(broken):
            broken[place] = value
    with contextlib.suppress(Refusal):  # any other exception fails
        made = picture_files.shrunk(bytes(broken))
        assert max(made.width, made.height) <= 1280
        assert made.jpeg[:2] == b"\xff\xd8"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_wild_bytes_are_refused(raw: bytes) -> None:
    assert refused(raw).key == "image_unreadable"
