"""The operator's file: samples are good, and every mistake has its line, column, reason and mend."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sms.config import load
from bot.sms.positions import ConfigError
from tests.bot.sms.conftest import SAMPLES

GOOD = (SAMPLES / "json.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.yml")), ids=lambda path: path.stem)
def test_the_samples_are_good(path: Path) -> None:
    found = load(path)
    assert found.vouches == (path.stem == "android")
    assert (found.sending is None) == (path.stem == "android")


def problems(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "sms.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(file)
    return str(caught.value).replace(f"{file}:", "").split("\n")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('number: "+6281100000002"', 'number: "PRAKERJA"', "5:9", "'PRAKERJA' is a sender of letters, which cannot receive"),
        ('number: "+6281100000002"', 'number: "0811"', "", ""),
        ('number: "+6281100000002"', 'number: "+62 811"', "5:9", "is no number; as +6281234567890, or a short code"),
        ("gateway: http", "gateway: smpp", "2:10", "gateway: 'smpp' is not known; one of http, android"),
        ("as_of: 2026-11-24", "as_of: kemarin", "3:8", "as_of: 'kemarin' does not fit"),
        ("price: 250", "harga: 250", "6:1", "harga is not known"),
        ("price: 250", "price: mahal", "6:8", "price: 'mahal' does not fit; a number from 0 to 100000"),
        ("method: POST", "method: PUT", "10:11", "send.method: 'PUT' is not known; one of GET, POST"),
        ('"{text}"', '"{pesan}"', "13:9", "{pesan} is not known: one of {to}, {text}"),
        ('"{text}"', '"halo"', "10:3", "send has no {text}"),
        ('"{text}"', '"{text.__class__}"', "13:9", "is not known"),
        ('to: "{to}"', 'to: "x"', "10:3", "send has no {to}"),
        ('"{text}"', '"{hex}{text}"', "10:3", "{hex} outside send.unicode makes every text UCS-2"),
        ("pattern: '\"status\"", "pattern: '(\"status\"", "16:", "success.pattern: missing )"),
        ("means: gone", "means: weg", "20:", "'weg' is not known; one of gone"),
        ('addresses: ["203.0.113.0/24", "127.0.0.1/32"]', 'addresses: ["gateway"]', "25:14", "'gateway' is no address"),
        ("from: from, text: body", "text: body", "27:11", "fields.from is missing"),
        ("from: from, text: body", "from: from, txt: x, text: body", "27:11", "fields.txt is not known"),
        ("  signature: {header: X-Contoh-Signature, algorithm: sha256, encoding: hex}\n", "", "24:3", "anybody could send us messages"),
        ("time: iso", "zone: Asia/Bandung", "28:9", "zone: 'Asia/Bandung' is not known"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_mend(tmp_path: Path, old: str, new: str, line: str, said: str) -> None:
    assert old in GOOD
    if not said:  # a short number is a short code
        (tmp_path / "sms.yml").write_text(GOOD.replace(old, new, 1), encoding="utf-8")
        assert load(tmp_path / "sms.yml").number == "0811"
        return
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    assert any(one.startswith(line) and said in one and "; " in one for one in found), found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, "gateway: http\nas_of: x\nsend: {url: 3}\n")
    assert len(found) >= 6
    assert any(one.startswith("1:1") and "number is missing" in one for one in found)


@pytest.mark.parametrize("text", ["", "a: [", "- 1\n- 2", "gateway: http\n\tx: 1", "send: halo", "\x00"])
def test_what_is_no_mapping_is_told_kindly(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "nichts.yml")


@given(st.lists(st.sampled_from(GOOD.split("\n")), max_size=40))
@settings(max_examples=60, deadline=None)
def test_no_file_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    file = tmp_path_factory.mktemp("sms") / "sms.yml"
    file.write_text("\n".join(lines), encoding="utf-8")
    told: list[str] = []
    try:
        found = load(file)
    except ConfigError as error:  # anything else is a fault
        told = str(error).split("\n")
    assert all(line.startswith(f"{file}:") for line in told)
    assert told or found.number == "+6281100000002"
