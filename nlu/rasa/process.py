"""Programs of Rasa's own environment: what they may see of ours, run with a log file and progress."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

_HIDDEN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PYTHONWARNINGS")
_QUIET = {
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "PYTHONWARNINGS": "ignore",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "-1",  # measured on the same processor as our own engine, and repeatable
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTHONHASHSEED": "0",
}


class ProgramError(RuntimeError):
    """A program ended badly; the message names it, its last words and its log."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment without what would disturb another Python and without our own settings, telemetry off."""
    kept = {key: value for key, value in os.environ.items() if key not in _HIDDEN and not key.startswith("PANDU_")}
    return {**kept, **_QUIET, **(extra or {})}


def run_logged(
    command: Sequence[str | Path], log: Path, *, watch: Callable[[str], None] | None = None, folder: Path | None = None
) -> None:
    """Runs a program in `folder`, its words into `log`, each line also to `watch`. Raises ProgramError if it ends badly."""
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(part) for part in command]
    process = subprocess.Popen(  # noqa: S603 (a program of our own environment with our own arguments)
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment(),
    )
    with process, log.open("wb") as file:
        try:
            for line in _lines(process, file.write):
                if watch:
                    watch(line)
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        name = " ".join([Path(words[0]).name, *words[1:4]])
        raise ProgramError(f"`{name}` ended with {process.returncode}: {last_words(log)} (all of it: {log})")


def _lines(process: subprocess.Popen[bytes], write: Callable[[bytes], object]) -> Iterator[str]:
    """The program's lines as they come; a progress bar that returns to the line's start makes a line each time."""
    rest = ""
    while process.stdout and (piece := os.read(process.stdout.fileno(), 65_536)):
        write(piece)
        *whole, rest = (rest + piece.decode("utf-8", "replace")).replace("\r", "\n").split("\n")
        yield from whole


def last_words(log: Path) -> str:
    """The last line of a log that is not empty, cut short."""
    lines = log.read_text(encoding="utf-8", errors="replace").replace("\r", "\n").split("\n")
    return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "without a word")
