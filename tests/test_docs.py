"""The pages say what the program is: reference pages are made from it, and no link leads nowhere."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.reference import DOCS, PAGES

ROOT = DOCS.parent
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
_PAGE = re.compile(r"\bdocs/[\w./-]+\.(?:md|png|yml)\b")
_MAKE = re.compile(r"`make ([a-z-]+)[` ]")
WRITTEN = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


@pytest.mark.parametrize("name", PAGES)
def test_reference_pages_are_as_the_program_is(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `make docs`"


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_link_leads_nowhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    lost = [link for link in _LINK.findall(text) if not (page.parent / unquote(link)).exists()]
    lost += [name for name in _PAGE.findall(text) if not (ROOT / name).exists()]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    lost += [f"make {name}" for name in _MAKE.findall(text) if name not in targets]
    assert lost == []


def test_both_readmes_lead_to_every_page_for_people() -> None:
    english, indonesian = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.id.md"))
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    for page in sorted(DOCS.glob("*.md")):
        if page.name != "README.md":
            assert f"({page.name})" in index, f"{page.name} is not in docs/README.md"
    for text in (english, indonesian):
        assert "docs/README.md" in text
    for command in ("make demo", "make test", "pandu doctor", "pandu run"):
        assert command in indonesian
