"""Trains the assistant of this folder once, starts it, stops it, and measures its turns.

    peer = serve.start()            # SetupError where `pandu nlu rasa-setup` has not been run
    POST peer.url  peer.message(number, chat, text)  →  [{"recipient_id": …, "text": …}]
    await peer.stop()

`python -m benchmarks.peers.rasa.serve` prints turns a second with 32 clients.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import yaml

from nlu import corpus
from nlu.rasa import convert, process, setup
from nlu.rasa.server import RasaServer
from nlu.rasa.train import CONFIG

HERE = Path(__file__).parent
MESSAGES = 20
CLIENTS = 32
PARTS = ("domain.yml", "rules.yml", "endpoints.yml", "credentials.yml")


class RasaPeer:
    """A running assistant with a fresh tracker database."""

    def __init__(self, server: RasaServer, scratch: tempfile.TemporaryDirectory[str]) -> None:
        """Made by `start`."""
        self._server = server
        self._scratch = scratch
        self.url = f"{server.url}/webhooks/rest/webhook"

    @staticmethod
    def message(number: int, chat: int, text: str) -> bytes:
        """The body of one message from a chat; `number` is not Rasa's concern."""
        return json.dumps({"sender": str(chat), "message": text}, ensure_ascii=False).encode()

    def rss_mb(self) -> float:
        """Resident memory of the server and its children in MiB."""
        if not self._server.pid:
            return 0.0
        main = psutil.Process(self._server.pid)
        return sum(float(one.memory_info().rss) for one in (main, *main.children(recursive=True))) / 2**20

    async def stop(self) -> None:
        """Ends it and removes its conversations."""
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """The same without a loop."""
        self._server.stop()
        self._scratch.cleanup()


def start(progress: setup.Progress = print) -> RasaPeer:
    """The assistant, trained if it must be (two minutes), ready to answer."""
    model = prepare(progress)
    scratch = tempfile.TemporaryDirectory(prefix="pandu-rasa-")
    server = RasaServer(
        model,
        log=model.parent / "bench-server.log",
        arguments=("--endpoints", HERE / "endpoints.yml", "--credentials", HERE / "credentials.yml"),
        environment={"RASA_TRACKER_DB": str(Path(scratch.name) / "tracker.db")},
    )
    try:
        server.start()
    except BaseException:
        scratch.cleanup()
        raise
    return RasaPeer(server, scratch)


def messages() -> convert.Messages:
    """20 messages of each of the domain's intents, from Pandu's own data."""
    intents = yaml.safe_load((HERE / "domain.yml").read_text(encoding="utf-8"))["intents"]
    return convert.messages(corpus.read(corpus.files()), intents=set(intents), limit=MESSAGES)


def prepare(progress: setup.Progress = print) -> Path:
    """The trained model, kept under the hash of all that decides it."""
    settings = {**yaml.safe_load(CONFIG.read_text(encoding="utf-8")), "policies": [{"name": "RulePolicy"}]}
    files = {
        "nlu.yml": convert.to_yaml(messages()),
        "config.yml": yaml.safe_dump(settings),
        **{name: (HERE / name).read_text(encoding="utf-8") for name in PARTS},
    }
    whole = json.dumps([files, setup.VERSION]).encode()
    folder = setup.home() / "bench"
    model = folder / f"bench-{hashlib.sha256(whole).hexdigest()[:16]}.tar.gz"
    if model.exists():
        return model
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        _train(Path(scratch), files, progress)
        os.replace(Path(scratch) / "model.tar.gz", model)
    return model


def _train(scratch: Path, files: dict[str, str], progress: setup.Progress) -> None:
    """Writes the assistant's files and lets Rasa learn from them."""
    (scratch / "data").mkdir()
    for name, content in files.items():
        place = scratch / "data" if name in ("nlu.yml", "rules.yml") else scratch
        (place / name).write_text(content, encoding="utf-8")
    progress("Rasa learns the benchmark's 25 intents (about two minutes)")
    started = time.monotonic()
    command: list[str | Path] = [setup.interpreter(), "-m", "rasa", "train", "--domain", scratch / "domain.yml"]
    command += ["--data", scratch / "data", "--config", scratch / "config.yml"]
    command += ["--out", scratch, "--fixed-model-name", "model"]
    process.run_logged(command, scratch.parent / "train.log", folder=scratch)
    progress(f"… learnt in {time.monotonic() - started:.0f} s")


def turns(peer: RasaPeer, count: int, *, clients: int = CLIENTS, chats: int = 1000) -> dict[str, Any]:
    """A closed loop: turns a second, their times, and how many went unanswered."""
    texts = [text for found in messages().values() for text in found]

    def turn(number: int) -> tuple[float, bool]:
        body = peer.message(number, number % chats, texts[number % len(texts)])
        request = urllib.request.Request(peer.url, body, {"Content-Type": "application/json"})  # noqa: S310 (loopback)
        start_at = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 (loopback)
            replies = json.load(answer)
        return (time.perf_counter() - start_at) * 1000, bool(replies)

    with ThreadPoolExecutor(clients) as pool:
        started = time.perf_counter()
        done = list(pool.map(turn, range(count)))
        seconds = time.perf_counter() - started
    times = sorted(milliseconds for milliseconds, _ in done)
    return {
        "turns_per_s": round(count / seconds, 1),
        "p50_ms": round(times[count // 2], 1),
        "p95_ms": round(times[count * 95 // 100], 1),
        "unanswered": sum(not answered for _, answered in done),
        "rss_mb": round(peer.rss_mb(), 1),
    }


def main() -> None:
    """Prints the figures as JSON."""
    peer = start()
    try:
        turns(peer, 200)
        print(json.dumps(turns(peer, 1000)))
    finally:
        peer.close()


if __name__ == "__main__":
    main()
