"""Speed and size of the embedded engine: parse times on one core, start-up time, memory above bare Python.

Each of `CASES` messages of the training data is parsed once after a warm-up on other messages, so word caches are as
warm as in a service that has run for a while, and never warm for the very text.
"""

from __future__ import annotations

import json as json_module
import random
import subprocess
import sys
from datetime import date
from time import perf_counter, process_time

from nlu import corpus
from nlu.embedded import EmbeddedEngine
from nlu.understanding import Context

CASES = 2000
_LOAD = """
import time
def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
before = resident()
start = time.perf_counter()
from nlu.embedded import EmbeddedEngine
engine = EmbeddedEngine.load()
load = time.perf_counter() - start
from datetime import date
from nlu.understanding import Context
for text in ("halo", "insentif saya belum cair, saya di jaksel", "umur 17 boleh? terus daftarnya di mana"):
    engine.parse(text, Context(today=date(2026, 11, 24)))
print(load, (resident() - before) / 1024)
"""


def measure() -> dict[str, float]:
    """The figures {"p50_ms", "p95_ms", "load_s", "rss_mb"}."""
    out = subprocess.run([sys.executable, "-c", _LOAD], check=True, capture_output=True, text=True).stdout  # noqa: S603 (our own code)
    load, memory = (float(part) for part in out.split())
    texts = [example.text for example in corpus.read(corpus.files())]
    random.Random(7).shuffle(texts)
    engine, context = EmbeddedEngine.load(), Context(today=date(2026, 11, 24))
    for text in texts[CASES : 2 * CASES]:
        engine.parse(text, context)
    times = []
    for text in texts[:CASES]:
        start = process_time()
        engine.parse(text, context)
        times.append((process_time() - start) * 1000)
    times.sort()
    return {
        "p50_ms": round(times[len(times) // 2], 3),
        "p95_ms": round(times[int(len(times) * 0.95)], 3),
        "load_s": round(load, 3),
        "rss_mb": round(memory, 1),
    }


def run(json: bool) -> None:
    """Prints the figures."""
    started = perf_counter()
    figures = measure()
    if json:
        print(json_module.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:8} {value}")
    print(f"measured in {perf_counter() - started:.1f} s")


if __name__ == "__main__":
    run("--json" in sys.argv)
