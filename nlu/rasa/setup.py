"""`pandu nlu rasa-setup`: Rasa 3.6 in a Python 3.10 environment of its own, under var/rasa or $PANDU_RASA_HOME.

Rasa 3.6.21 is the last open release and needs Python ≤ 3.10. `constraints.txt` names every package as it was when
the whole worked, so that a new release of one of them cannot break the set-up.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from nlu.rasa import process

VERSION = "3.6.21"
CONSTRAINTS = Path(__file__).parent / "constraints.txt"
_SPACE = 4 * 2**30  # 2.7 GiB installed, the rest while pip unpacks
_USABLE = "import sys, venv, ensurepip, ssl, sqlite3; raise SystemExit(sys.version_info[:2] != (3, 10))"
_REPORT_SECONDS = 10.0

Progress = Callable[[str], object]


class SetupError(RuntimeError):
    """Rasa cannot be set up or is not; the message says why and how to mend it."""


def run(progress: Progress = print) -> Path:
    """Builds the environment unless it is there, and returns its Python. One line and exit code 1 where it cannot."""
    try:
        return build(progress)
    except (SetupError, process.ProgramError) as error:
        print(f"pandu: {error}", file=sys.stderr)
        raise SystemExit(1) from None


def home() -> Path:
    """The folder of the environment, the models and the logs."""
    return Path(os.environ.get("PANDU_RASA_HOME") or "var/rasa").absolute()


def interpreter() -> Path:
    """Python of the finished environment; SetupError where there is none."""
    if _marker().get("recipe") != _recipe():
        raise SetupError(
            f"Rasa is not set up in {home()}: run `pandu nlu rasa-setup`, or name its folder in PANDU_RASA_HOME"
        )
    return _python()


def is_ready() -> bool:
    """Whether the environment is finished and of the present recipe."""
    return _marker().get("recipe") == _recipe()


def can_build() -> bool:
    """Whether Rasa is there or there is a Python 3.10 to set it up with."""
    return is_ready() or any(_usable(candidate) for candidate in _candidates())


def build(progress: Progress = print) -> Path:
    """Like `run`, but raises SetupError or ProgramError."""
    if is_ready():
        progress(f"Rasa {_check()} is already there: {home()}")
        return _python()
    base = find_python()
    started = time.monotonic()
    home().mkdir(parents=True, exist_ok=True)
    if (free := shutil.disk_usage(home()).free) < _SPACE:
        raise SetupError(f"{home()}: {free / 2**30:.1f} GiB free, Rasa needs 4; free some or set PANDU_RASA_HOME")
    (home() / "ready.json").unlink(missing_ok=True)
    progress(f"Python 3.10 at {base}; an environment in {home() / 'venv'}")
    process.run_logged([base, "-m", "venv", "--clear", home() / "venv"], home() / "venv.log")
    progress(f"Installing Rasa {VERSION}: about 160 packages, 2.7 GiB, 2 to 5 minutes")
    _install(progress)
    version = _check()
    seconds = round(time.monotonic() - started)
    _write_marker({"recipe": _recipe(), "rasa": version, "python": str(base), "seconds": seconds})
    progress(f"Rasa {version} works; set up in {seconds} s")
    return _python()


def find_python() -> Path:
    """A Python 3.10 that can make environments."""
    for candidate in _candidates():
        if _usable(candidate):
            return candidate
    raise SetupError(
        "no Python 3.10 here (Rasa 3.6 needs it): install one (`pyenv install 3.10`, `uv python install 3.10` or your "
        "system's python3.10 with python3.10-venv), or name it in PANDU_RASA_PYTHON; everything but Rasa works without"
    )


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("PANDU_RASA_PYTHON"):
        yield Path(named)
    if found := shutil.which("python3.10"):
        yield Path(found)
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from sorted(versions.glob("3.10.*/bin/python3.10"), key=lambda path: len(str(path)), reverse=True)
    if uv := shutil.which("uv"):
        answer = _output([uv, "python", "find", "--no-python-downloads", "3.10"])
        if answer:
            yield Path(answer)


def _usable(python: Path) -> bool:
    """A pyenv shim may stand on the PATH with nothing behind it, and a Debian Python may lack `ensurepip`: try it."""
    return _output([str(python), "-c", _USABLE]) is not None


def _output(command: Sequence[str]) -> str | None:
    """What a short program prints, None if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 (programs of this machine with our own arguments)
            command, capture_output=True, text=True, timeout=60, check=True, env=process.environment()
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _python() -> Path:
    return home() / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _install(progress: Progress) -> None:
    last = started = time.monotonic()
    packages = 0

    def watch(line: str) -> None:
        nonlocal last, packages
        packages += line.startswith("Collecting ")
        if line.startswith("Installing collected packages"):
            progress(f"… unpacking {packages} packages")
        elif time.monotonic() - last >= _REPORT_SECONDS:
            last = time.monotonic()
            progress(f"… {packages} packages found, {last - started:.0f} s")

    pip: list[str | Path] = [_python(), "-m", "pip", "install", f"rasa=={VERSION}", "--constraint", CONSTRAINTS]
    process.run_logged(pip, home() / "install.log", watch=watch)


def _check() -> str:
    """The version the environment's Rasa says of itself."""
    said = _output([str(_python()), "-m", "rasa", "--version"]) or ""
    version = next(
        (line.rpartition(":")[2].strip() for line in said.splitlines() if line.startswith("Rasa Version")), ""
    )
    if version != VERSION:
        raise SetupError(f"Rasa in {home()} does not start: remove that folder and run `pandu nlu rasa-setup` again")
    return version


def _recipe() -> str:
    return hashlib.sha256(VERSION.encode() + CONSTRAINTS.read_bytes()).hexdigest()[:16]


def _marker() -> dict[str, object]:
    try:
        found = json.loads((home() / "ready.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and _python().exists() else {}


def _write_marker(content: dict[str, object]) -> None:
    (home() / "ready.json").write_text(json.dumps(content) + "\n", encoding="utf-8")
