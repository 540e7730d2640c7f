"""The checks that `make check` runs can fail."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from checks import dependencies, secrets

ROOT = Path(__file__).parent.parent
_RANDOM = "q7Zk2Vn9Xw4Rt6Yb1Lc8"  # not a secret


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "token 123456789:" + "AAF" + "x1Y2z3" * 5 + "QW",
        "EAA" + "Bc1" * 25,
        "AKIA" + "ABCDEFGHIJ234567",
        "ghp_" + "aB3" * 12,
        f"PANDU_HOOK_SECRET={_RANDOM}",
        f'api_key: "{_RANDOM}"',
        "postgresql://pandu:" + "Hf73kd93ks@db/pandu",
        "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w",
    ],
)
def test_a_secret_is_found_where_it_stands_and_not_repeated(line: str) -> None:
    found = list(secrets.scan("a.py", f"x = 1\n{line}\n"))
    assert [(one.path, one.line) for one in found] == [("a.py", 2)]
    assert line not in str(found[0])
    assert not list(secrets.scan("a.py", f"{line}  # {secrets.MARK}"))


@pytest.mark.parametrize(
    "line",
    [
        'PANDU_SECRET_KEY = "test" * 10',
        "export PANDU_TELEGRAM_TOKEN=…",
        "secret=settings.telegram_secret_of_the_webhook",
        "--hash=sha256:a8d728f0a29de45dc521f18f07297428d56992a742f0cd2701ba86e44d23d5b2",
        "postgresql://postgres@/pandu_test?host=x",
        "postgresql://pandu:password@db/pandu",
        "token = new_token(request, length_of_the_token)",
    ],
)
def test_what_is_none(line: str) -> None:
    assert not list(secrets.scan("a.py", line))


def test_files_that_do_not_belong_into_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S603, S607 - our own git
    for name in (".env", "tls.key", "pandu.db", ".env.example", "keyring.py"):
        (tmp_path / name).write_text("x")
    (tmp_path / ".gitignore").write_text("pandu.db\n")
    assert [one.path for one in secrets.scan_all(tmp_path)] == [".env", "tls.key"]


def test_pins() -> None:
    good = "a==1.0 \\\n    --hash=sha256:0\n    # via x\nb[c]==2 ; python_version > '3' \\\n    --hash=sha256:1\n"
    assert not list(dependencies.unpinned(good))
    assert list(dependencies.unpinned("a>=1 \\\n    --hash=sha256:0\nb==2\n")) == [
        "a>=1: no exact version",
        "b: no hash",
    ]
    for file in (ROOT / "requirements").glob("*.txt"):
        assert not list(dependencies.unpinned(file.read_text(encoding="utf-8"))), file


def test_known_vulnerabilities_are_told_unless_excused(monkeypatch: pytest.MonkeyPatch) -> None:
    holes = [{"id": "PYSEC-1", "fix_versions": ["1.1"]}, {"id": "PYSEC-2", "fix_versions": []}]
    report = json.dumps(
        {"dependencies": [{"name": "a", "version": "1.0", "vulns": holes}, {"name": "b", "skip_reason": "x"}]}
    )
    assert dependencies.known(report) == ["a 1.0: PYSEC-1, mended in 1.1", "a 1.0: PYSEC-2, mended in no version yet"]
    monkeypatch.setattr(dependencies, "EXCUSED", {"PYSEC-2": "not used; until 2027-01"})
    assert dependencies.known(report) == ["a 1.0: PYSEC-1, mended in 1.1"]


def test_what_was_skipped_was_not_compared() -> None:
    report = json.dumps(
        {"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "x"}]}
    )
    assert dependencies.skipped(report) == ["b"]


Found = tuple[list[str], bool]


@pytest.mark.parametrize(
    ("found", "strict", "code"),
    [(([], True), True, 0), ((["a: x"], True), False, 1), (([], False), False, 0), (([], False), True, 1)],
)
def test_what_cannot_be_asked_is_said_loudly(
    found: Found, strict: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(_file: Path) -> Found:
        return found

    monkeypatch.setattr(dependencies, "ask", answer)
    assert dependencies.main(strict=strict) == code
    assert ("NOT COMPARED" in capsys.readouterr().err) is not found[1]
