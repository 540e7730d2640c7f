"""Runs under Rasa's own Python 3.10: reads texts, prints rankings and the milliseconds that each took in this process.

    python evaluate_worker.py MODEL.tar.gz < texts.jsonl > rankings.jsonl

Each line in: {"text": …}. Each line out: {"ranking": [[intent, confidence], …], "ms": …}. Imports nothing of Pandu.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import sys
import time
from typing import Any

WARM_UP = 20  # TensorFlow builds its graph in the first calls


async def measure(agent: Any, texts: list[str], out: Any) -> None:
    """Parses all texts one after the other."""
    for text in texts[:WARM_UP]:
        await agent.parse_message(text)
    for text in texts:
        start = time.perf_counter()
        found = await agent.parse_message(text)
        elapsed = (time.perf_counter() - start) * 1000
        ranking = [[row["name"], float(row["confidence"])] for row in found.get("intent_ranking", [])]
        out.write(json.dumps({"ranking": ranking, "ms": elapsed}) + "\n")


def main() -> None:
    """Loads the model, then works through standard input."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what Rasa itself prints is no result
    texts = [json.loads(line)["text"] for line in sys.stdin if line.strip()]
    agent = importlib.import_module("rasa.core.agent").Agent.load(sys.argv[1])
    asyncio.run(measure(agent, texts, out))
    out.close()


if __name__ == "__main__":
    main()
