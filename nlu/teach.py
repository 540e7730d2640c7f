"""`python -m nlu.teach FOLDER`: makes a model from the training files and what editors have taught, and measures it against the published one.

A process of its own, so that learning (two minutes on two cores) never holds up conversations. The folder holds `order.json`: {"data": folder,
"taught": [[text, intent]], "base": folder of the published model, "cases": evaluation file or null}. It writes `model/` and `result.json`,
and progress to standard output.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from nlu import held_out, verdict
from nlu.corpus import Example
from nlu.embedded import EmbeddedEngine
from nlu.evaluate import TODAY, Case, evaluate, read_cases
from nlu.understanding import Context, Understanding

NICE = 10  # conversations come first


def teach(folder: Path) -> dict[str, Any]:
    """Does the order of a folder; returns what `result.json` has: the model's name and hashes, and the report of `nlu.verdict`."""
    from nlu.train import train  # scikit-learn, which only learning needs

    order = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    data, base, model = Path(order["data"]), Path(order["base"]), folder / "model"
    taught = [Example(text, intent, None, "taught") for text, intent in order["taught"]]
    meta = train(model, _say, data=data, taught=taught)
    _say("measuring")
    report = _by_cases(model, base, Path(order["cases"]), data) if order["cases"] else _by_training(model, base)
    result = {
        "name": f"embedded-{meta['fingerprint']}",
        "code": meta["code"],
        "seed": meta["seed"],
        "messages": meta["messages"],
        "report": report,
    }
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return result


def _by_cases(model: Path, base: Path, path: Path, data: Path) -> dict[str, Any]:
    """Both models on the evaluation file, one message after the other in turns, so that both meet the same machine."""
    cases = read_cases(path)
    engines = EmbeddedEngine.load(base, data=data), EmbeddedEngine.load(model, data=data)
    context = Context(today=TODAY)
    read: tuple[list[Understanding], list[Understanding]] = ([], [])
    for case in cases:
        for engine, into in zip(engines, read, strict=True):
            into.append(engine.parse(case.text, context))
    first, second = (evaluate(engine, cases[:200], 0)["p50_ms"] for engine in engines)
    return {"on": "evaluation", **verdict.compare(cases, *read, p50_ms=(first, second))}


def _by_training(model: Path, base: Path) -> dict[str, Any]:
    """Both models' held-out readings of the training messages that both have learnt."""
    before, after = held_out.read(base), held_out.read(model)
    both: list[tuple[Case, Understanding, Understanding]] = [
        (case, before[key][1], reading)
        for key, (case, reading) in after.items()
        if key in before and before[key][0].intent == case.intent
    ]
    if not both:
        raise ValueError("the models have no training message in common: they cannot be compared")
    cases, old, new = (list(column) for column in zip(*both, strict=True))
    return {"on": "training", **verdict.compare(cases, old, new)}


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(NICE)
    try:
        teach(Path(sys.argv[1]))
    except ModuleNotFoundError as error:
        sys.exit(f"pip install 'pandu[train]' ({error.name})")
