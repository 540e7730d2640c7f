"""The dependency audit: pins and hashes always; known vulnerabilities where pip-audit is there and can ask (`make audit` installs it)."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(==\S+)?")
_SECONDS = 60
EXCUSED: dict[str, str] = {}  # vulnerability → why it does not touch us, and until when


def unpinned(text: str) -> Iterator[str]:
    """What a requirements file lets float: lines without == or without a hash."""
    for block in re.split(r"\n(?=\S)", text):
        line = block.strip()
        if not line or line.startswith(("#", "--", "-")):
            continue
        found = _PIN.match(line)
        if found is None or not found[2]:
            yield f"{line.split()[0]}: no exact version"
        elif "--hash=sha256:" not in block:
            yield f"{found[1]}: no hash"


def known(report: str) -> list[str]:
    """Vulnerabilities in pip-audit's JSON that are not excused."""
    return [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in json.loads(report)["dependencies"]
        for hole in one.get("vulns", [])
        if hole["id"] not in EXCUSED
    ]


def skipped(report: str) -> list[str]:
    """What was not compared at all: without a way to the advisory database pip-audit skips everything and is content."""
    return [one["name"] for one in json.loads(report)["dependencies"] if "skip_reason" in one]


def ask(file: Path) -> tuple[list[str], bool]:
    """(known vulnerabilities of a requirements file, whether all of it was compared)."""
    tool = shutil.which("pip-audit", path=f"{ROOT / '.venv/audit/bin'}") or shutil.which("pip-audit")
    if tool is None:
        return [], False
    command = [
        tool,
        "--requirement",
        str(file),
        "--disable-pip",
        "--format",
        "json",
        "--progress-spinner",
        "off",
        "--timeout",
        "5",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603 - a fixed command
        return known(done.stdout), not skipped(done.stdout)
    except (subprocess.TimeoutExpired, ValueError, KeyError):  # no answer, or none in JSON: it could not ask
        return [], False


def main(*, strict: bool) -> int:
    """Prints what is wrong; `strict`: that nobody could be asked is a failure too."""
    files = sorted((ROOT / "requirements").glob("*.txt"))
    problems = [f"{file.name}: {problem}" for file in files for problem in unpinned(file.read_text(encoding="utf-8"))]
    found, compared = ask(ROOT / "requirements/runtime.txt")
    problems += found
    for problem in problems:
        print(f"dependencies: {problem}", file=sys.stderr)
    if not compared:
        print(
            "*** DEPENDENCIES ARE NOT COMPARED WITH KNOWN VULNERABILITIES: pip-audit is not there, or cannot ask (`make audit`, with a network) ***",
            file=sys.stderr,
        )
    return int(bool(problems) or (strict and not compared))


if __name__ == "__main__":
    raise SystemExit(main(strict="--strict" in sys.argv))
