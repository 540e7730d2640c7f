"""Starts a Rasa server on this machine and stops it: for comparisons, tests and the benchmark."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from nlu.rasa import process, setup

START_SECONDS = 300.0  # 15 to 20 on two idle cores, far more on busy ones
STOP_SECONDS = 10.0
HOST = "127.0.0.1"


@contextmanager
def serve(model: Path, *, port: int | None = None) -> Iterator[str]:
    """The address of a Rasa server with this model, ready to parse; it ends with the block."""
    server = RasaServer(model, port=port)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


class RasaServer:
    """One `rasa run --enable-api` on loopback."""

    def __init__(
        self,
        model: Path,
        *,
        port: int | None = None,
        log: Path | None = None,
        arguments: Sequence[str | Path] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Its words go to `log` (default: rasa-server.log beside the model); `arguments` are added to the command."""
        self._model = model.absolute()
        self._port = port or free_port()
        self._log = log or self._model.parent / "rasa-server.log"
        self._arguments = arguments
        self._environment = environment
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://{HOST}:{self._port}"

    @property
    def pid(self) -> int:
        """Its process; 0 while it does not run."""
        return self._child.pid if self._child else 0

    def start(self) -> None:
        """Returns when it can parse. SetupError without Rasa, ProgramError if it does not come up."""
        command: list[str | Path] = [setup.interpreter(), "-m", "rasa", "run", "--enable-api", "--model", self._model]
        command += ["--interface", HOST, "--port", str(self._port), *self._arguments]
        with self._log.open("wb") as file:
            self._child = subprocess.Popen(  # noqa: S603 (a program of our own environment with our own arguments)
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=self._model.parent,
                env=process.environment(self._environment),
                start_new_session=True,  # it and what it starts end together
            )
        try:
            self._wait_until_ready(self._child)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends it, by force after ten seconds."""
        child, self._child = self._child, None
        if child is None:
            return
        _signal(child, signal.SIGTERM)
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _signal(child, signal.SIGKILL)
            child.wait()

    def _wait_until_ready(self, child: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if child.poll() is not None:
                words = process.last_words(self._log)
                raise process.ProgramError(
                    f"`rasa run` ended with {child.returncode}: {words} (all of it: {self._log})"
                )
            if _has_model(self.url):
                return
            time.sleep(0.2)
        raise process.ProgramError(f"`rasa run` was not ready after {START_SECONDS:.0f} s (its words: {self._log})")


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _has_model(url: str) -> bool:
    """`/status` answers 200 only when a model is loaded."""
    try:
        with urllib.request.urlopen(f"{url}/status", timeout=2) as answer:  # noqa: S310 (our own http address)
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _signal(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """To the server's whole session, so that none of its children stays behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)
