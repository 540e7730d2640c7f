"""docs/security.md points at things that are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def test_what_answers_a_threat_exists() -> None:
    tests = {path.name for path in (ROOT / "tests").rglob("*.py")}
    missing = []
    for name in re.findall(r"`([\w./*-]+)`", PAGE):
        if name.endswith(".py") and "/" not in name:
            missing += [name] if name not in tests else []
        elif "/" in name and not name.startswith("/"):
            missing += [name] if not list(ROOT.glob(name.rstrip("/"))) else []
    assert missing == []


def test_each_threat_has_an_answer_and_what_is_left_is_said() -> None:
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| ([^|]*) \|$", PAGE.partition("## Threats and answers")[2], re.MULTILINE
    )
    assert len(rows) > 20
    assert all(answer.strip() for _, answer, _ in rows)
    assert "## What is not answered, honestly" in PAGE
