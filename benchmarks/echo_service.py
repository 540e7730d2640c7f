"""A service whose conversation only counts and repeats: the real path (inbox, worker, outbox, sender, Telegram), with effects that can be checked.

Each message "/n <code>" is a turn of its own (texts that begin with a slash are never joined), adds one to the chat's counter and is answered
"echo <code> count=<counter>". The code is of letters: digits over several messages would be masked as an identity number. Started by
benchmarks/crash.py and outages.py; settings come from the environment as for `pandu run`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import uvloop
from sqlalchemy import Connection

from bot import app, effects, leader, logs, sender, settings, worker
from handlers import catalogue, dialogue
from handlers.messages import Reply
from handlers.turn import Answer, Policy, Turn, answer
from nlu.understanding import Context, Outcome, Understanding
from storage.database import database_now


class NoEngine:
    """Understands nothing: what is measured here is the path."""

    version = "none"

    def parse(self, text: str, context: Context) -> Understanding:
        """Always the same reading, after a while where PANDU_BENCH_SLOW says so."""
        time.sleep(float(os.environ.get("PANDU_BENCH_SLOW", 0)))
        return Understanding(intent="greet", confidence=1.0, outcome=Outcome.ANSWER, ranking=(("greet", 1.0),))


def echo(turn: Turn) -> Answer:
    """Counts in the conversation's state and repeats."""
    count = int(turn.state.data.get("count", 0)) + 1
    codes = " ".join(word for word in turn.text.split() if not word.startswith("/"))
    state = replace(turn.state, data={"count": count})
    return answer(turn, Reply(text=f"echo {codes} count={count}"), state=state)


def jumping(connection: Connection) -> datetime:
    """The database's clock, moved by so many seconds as the file named by PANDU_BENCH_CLOCK says."""
    path = Path(os.environ["PANDU_BENCH_CLOCK"])
    return database_now(connection) + timedelta(seconds=float(path.read_text() or 0) if path.exists() else 0.0)


def _bend(service: app.Service) -> None:
    """What only a benchmark may do: short leases, a clock that jumps."""
    if "PANDU_BENCH_LEASE" in os.environ:
        seconds = float(os.environ["PANDU_BENCH_LEASE"])
        worker.LEASE = sender.LEASE = timedelta(seconds=seconds)
        sender._RECOVER_SECONDS = seconds / 2
        leader.LEASE, leader._RENEW_SECONDS = timedelta(seconds=seconds / 3), seconds / 12
    if "PANDU_BENCH_CLOCK" in os.environ:
        for part in (service.receiver, service.worker, *service.senders):
            part._clock = jumping
        made = service._broadcast()
        made._clock = jumping
        service._broadcast = lambda: made  # type: ignore[method-assign]


def serve(role: str, *, ready: Callable[[], None]) -> None:
    """Serves one role until it is stopped or killed; the settings are the environment's."""
    logs.configure(level=40)
    dialogue.RULES = (("agent", echo),)  # the name that adds no greeting
    effects.BURST = (
        10_000  # while a dead worker's lease runs out, many events of a chat wait: here each must be answered
    )
    loaded = settings.load()
    parts = effects.Parts(engine=NoEngine(), catalogue=catalogue.load(), policy=Policy(), new_id=app.new_id)

    async def run() -> None:
        await app.prepare_database(loaded)
        service = app.Service(loaded, parts, role=role)
        _bend(service)
        await service.run(ready=ready)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--role", default="all")
    serve(parser.parse_args().role, ready=lambda: print("ready", flush=True))
