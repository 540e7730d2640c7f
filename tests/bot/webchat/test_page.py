"""The page: light, on its own, and with nothing of the demo in it."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from bot.webchat.page import FOLDER, Page
from tests.bot.webchat.conftest import Side

PAGE_BYTES = 30_720  # issue: one light page of at most 30 KB


@pytest.fixture
def text() -> str:
    return (FOLDER / "page.html").read_text(encoding="utf-8")


async def test_the_page_is_light_and_kept_until_it_changes(side: Side) -> None:
    for path in ("/", "/chat"):
        answer = await side.http.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert len(answer.content) <= PAGE_BYTES
    again = await side.http.get("/", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_nothing_but_its_own_script_and_style_runs(side: Side) -> None:
    answer = await side.http.get("/")
    rules = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["connect-src"] == "'self'"
    assert rules["frame-ancestors"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for kind in ("script", "style"):
        [content] = re.findall(rf"<{kind}>(.*?)</{kind}>", answer.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{digest}'"


def test_no_other_host_and_no_inline_handler(text: str) -> None:
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)
    assert not re.search(r"<[^>]+\son\w+=", text)
    assert not re.search(r"<[^>]+\sstyle=", text)
    assert "@import" not in text
    assert "url(" not in text


def test_everything_is_inserted_as_text(text: str) -> None:
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert word not in text


def test_it_can_be_used_by_everybody(text: str) -> None:
    assert '<html lang="id">' in text
    assert 'role="log"' in text
    assert 'aria-live="polite"' in text
    assert '<label for="text">' in text
    assert ":focus-visible" in text
    assert "prefers-color-scheme: dark" in text
    assert "maximum-scale" not in text
    assert "user-scalable" not in text
    for words in ("Hapus layar", "Ini HP saya sendiri", "Tidak ada sinyal", "belum terkirim, dicoba lagi"):
        assert words in text


def test_old_phones_can_read_the_script(text: str) -> None:
    """No syntax later than 2018: one unknown sign and nothing runs."""
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]
    assert not re.search(r"\?\.[a-zA-Z(\[]|\?\?|\(\?<[=!]|\|\|=|&&=|replaceAll|\.at\(", script)


def test_the_demo_is_a_part_of_its_own(text: str) -> None:
    assert "demo" not in text.lower()
    assert b"/demo/inside" in Page(part="demo.html").body
    assert Page(part="demo.html").headers["Content-Security-Policy"].count("sha256-") == 4
