"""Finds secrets in the files that git keeps. Few patterns, each of a shape that nothing else has, so that a finding means something.

A line that must look like one (a test's token) ends with "not a secret"; a file that cannot carry comments stands in `EXAMPLES`.
"""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MARK = "not a secret"
EXAMPLES = ("tests/bot/telegram/payloads/", "tests/bot/whatsapp/payloads/")
_LARGEST = 2 << 20
_ENTROPY = 3.6  # bits a character: random base64 of 20 has about 4, words and "x" * 20 less

_SHAPES = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "a Telegram bot token": re.compile(r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}\b"),
    "a Meta access token": re.compile(r"\bEAA[A-Za-z0-9]{60,}"),
    "an AWS key": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a GitHub token": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{40,})"),
    "a GitLab token": re.compile(r"\bglpat-[A-Za-z0-9_-]{20}"),
    "a Slack token": re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{20,}"),
    "a Google key": re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),
    "a signed token (JWT)": re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    "a password in an address": re.compile(
        r"\b(?:postgres(?:ql)?|https?|amqp|redis)://[^\s:/@'\"{}<>$…]+:(?!\*|x+@|pass|secret|sandi|rahasia)[^\s:/@'\"{}<>$…]{8,}@"
    ),
}
_NAMED = re.compile(
    r"(?i)(?:secret|token|password|passwd|api_?key|private_?key)\w*[\"']?\s*[:=]\s*[\"']?([A-Za-z0-9+/_=-]{20,})(?![A-Za-z0-9+/_=.(-])"
)
_FILES = re.compile(
    r"(?:^|/)(?:\.env(?:\.(?!example$)\w+)?|id_(?:rsa|dsa|ecdsa|ed25519)|[^/]+\.(?:pem|key|p12|pfx|keystore|db|sqlite3?|pandu))$"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """Where something looks like a secret; what it is is not repeated."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: looks like {self.what}"


def tracked(root: Path = ROOT) -> list[str]:
    """Files that git keeps or would add."""
    asked = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(asked, check=True, capture_output=True).stdout.decode()  # noqa: S603 - a fixed command
    return sorted(path for path in found.split("\0") if path)


def scan(path: str, text: str) -> Iterator[Finding]:
    """Findings in a text."""
    for number, line in enumerate(text.splitlines(), 1):
        if MARK in line:
            continue
        for what, shape in _SHAPES.items():
            if shape.search(line):
                yield Finding(path, number, what)
        for value in _NAMED.findall(line):
            if _is_random(value):
                yield Finding(path, number, "a secret with its name")


def _is_random(value: str) -> bool:
    """Whether a value has letters and digits mixed as only chance does."""
    counts = Counter(value)
    entropy = -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())
    mixed = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    return entropy > _ENTROPY and mixed >= 3


def scan_all(root: Path = ROOT) -> list[Finding]:
    """Findings in everything that git keeps."""
    found: list[Finding] = []
    for path in tracked(root):
        file = root / path
        if _FILES.search(path):
            found.append(Finding(path, 1, "a file of secrets or of people's data"))
        if path.startswith(EXAMPLES) or not file.is_file() or file.stat().st_size > _LARGEST:
            continue
        raw = file.read_bytes()
        if b"\0" not in raw[:4096]:
            found += scan(path, raw.decode("utf-8", "replace"))
    return found


if __name__ == "__main__":
    findings = scan_all()
    for finding in findings:
        print(finding, file=sys.stderr)
    if findings:
        print(f'take it out and make a new one, or end the line with "{MARK}"', file=sys.stderr)
    raise SystemExit(bool(findings))
