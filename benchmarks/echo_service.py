"""A service whose conversation only counts and repeats: the real path (inbox, worker, outbox, sender, Telegram), with effects that can be checked.

Each message "/n <k>" is a turn of its own (texts that begin with a slash are never joined), adds one to the chat's counter and is answered
"echo <k> count=<counter>". Started by benchmarks/crash.py and benchmarks/peak.py; settings come from the environment as for `pandu run`.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import replace

import uvloop

from bot import app, effects, logs, settings
from handlers import catalogue, dialogue
from handlers.messages import Reply
from handlers.turn import Answer, Policy, Turn, answer
from nlu.understanding import Context, Outcome, Understanding


class NoEngine:
    """Understands nothing: what is measured here is the path."""

    version = "none"

    def parse(self, text: str, context: Context) -> Understanding:
        """Always the same reading."""
        return Understanding(intent="greet", confidence=1.0, outcome=Outcome.ANSWER, ranking=(("greet", 1.0),))


def echo(turn: Turn) -> Answer:
    """Counts in the conversation's state and repeats."""
    count = int(turn.state.data.get("count", 0)) + 1
    numbers = " ".join(word for word in turn.text.split() if word.isdigit())
    state = replace(turn.state, data={"count": count})
    return answer(turn, Reply(text=f"echo {numbers} count={count}"), state=state)


def main() -> None:
    """Serves one role until it is stopped or killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--role", default="all")
    role = parser.parse_args().role
    logs.configure(level=40)
    dialogue.RULES = (("agent", echo),)  # the name that adds no greeting
    loaded = settings.load()
    parts = effects.Parts(engine=NoEngine(), catalogue=catalogue.load(), policy=Policy(), new_id=app.new_id)

    async def serve() -> None:
        await app.prepare_database(loaded)
        await app.Service(loaded, parts, role=role).run(ready=lambda: print("ready", flush=True))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
    sys.exit(0)


if __name__ == "__main__":
    main()
