"""`pandu nlu compare`: both engines on the same file in one run, with the interval of their difference."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nlu import causes, corpus, evaluate
from nlu.embedded import EmbeddedEngine
from nlu.evaluate import Case
from nlu.rasa import process, setup
from nlu.rasa.client import Ranking, for_rasa
from nlu.rasa.engine import decide
from nlu.rasa.train import CONFIG, train
from nlu.understanding import OUT_OF_SCOPE, Context, Engine, Outcome, Understanding

RESAMPLES = 10_000
SEED = 20261124
WORKER = Path(__file__).parent / "evaluate_worker.py"
_SHOWN = ("accuracy", "in_scope_accuracy", "macro_f1", "top3", "oos_recall", "oos_precision", "false_refusal", "ece")


def compare(
    data_file: Path, *, data_dir: Path = corpus.DATA, config: Path = CONFIG, progress: setup.Progress = print
) -> dict[str, Any]:
    """Figures of both engines and `difference`: accuracy embedded − Rasa with its 95 % interval (paired bootstrap).

    Each side's "causes" counts its errors by cause (`nlu.causes`), seen with the embedded engine's eyes for both.

    Trains Rasa if its model of the present data is not there. Raises SetupError without Rasa, ProgramError if Rasa
    fails, ValueError for a bad file, FileNotFoundError without an embedded model.
    """
    cases = evaluate.read_cases(Path(data_file))
    model = train(data_dir, config=config, progress=progress)
    engine = EmbeddedEngine.load()
    embedded, embedded_read = measure_embedded(engine, cases)
    progress(f"Rasa reads {len(cases)} texts")
    rasa, rasa_read = measure_rasa(model, cases)
    embedded["causes"] = causes.counts(cases, embedded_read, engine.sight)
    rasa["causes"] = causes.counts(cases, rasa_read, engine.sight)
    return {"embedded": embedded, "rasa": rasa, "difference": difference(cases, embedded_read, rasa_read)}


def measure_embedded(engine: Engine, cases: Sequence[Case]) -> tuple[dict[str, Any], list[Understanding]]:
    """Figures and readings of an engine of this process."""
    context = Context(today=evaluate.TODAY)
    return evaluate.evaluate(engine, cases), [engine.parse(case.text, context) for case in cases]


def measure_rasa(model: Path, cases: Sequence[Case]) -> tuple[dict[str, Any], list[Understanding]]:
    """Figures and readings of Rasa alone; its times are those in its own process, without HTTP."""
    found = rankings(model, [case.text for case in cases])
    read = [alone(ranking, model.name.removesuffix(".tar.gz")) for ranking, _ in found]
    times = [milliseconds for _, milliseconds in found]
    spread = {"p50_ms": round(float(np.quantile(times, 0.5)), 4), "p95_ms": round(float(np.quantile(times, 0.95)), 4)}
    return {**evaluate.figures(cases, read), **spread}, read


def rankings(model: Path, texts: Sequence[str]) -> list[tuple[Ranking, float]]:
    """Rasa's ranking of each text and the milliseconds that it took."""
    lines = "".join(json.dumps({"text": for_rasa(text)}) + "\n" for text in texts)
    done = subprocess.run(  # noqa: S603 (our own script under our own environment)
        [str(setup.interpreter()), str(WORKER), str(model)],
        input=lines,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=process.environment(),
        check=False,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(rows) != len(texts):
        last = (done.stderr.strip() or "without a word").splitlines()[-1]
        raise process.ProgramError(
            f"Rasa read {len(rows)} of {len(texts)} texts and ended with {done.returncode}: {last}"
        )
    return [(tuple((name, confidence) for name, confidence in row["ranking"]), row["ms"]) for row in rows]


def alone(ranking: Ranking, model: str) -> Understanding:
    """A reading by Rasa with nothing from the embedded engine."""
    blank = Understanding(intent=OUT_OF_SCOPE, confidence=0.0, outcome=Outcome.REFUSE, ranking=(), model=model)
    return decide(ranking, blank, model) if ranking else blank


def difference(cases: Sequence[Case], one: Sequence[Understanding], other: Sequence[Understanding]) -> dict[str, Any]:
    """Accuracy of `one` minus that of `other`, with a 95 % interval from resampled cases."""
    pairs = zip(cases, one, other, strict=True)
    better = np.array([(a.intent in case.right) - (b.intent in case.right) for case, a, b in pairs], dtype=np.float64)
    generator = np.random.default_rng(SEED)
    means = [better[generator.integers(0, len(better), len(better))].mean() for _ in range(RESAMPLES)]
    low, high = np.quantile(means, (0.025, 0.975))
    return {"accuracy": round(float(better.mean()), 4), "ci95": [round(float(low), 4), round(float(high), 4)]}


def as_text(result: dict[str, Any]) -> str:
    """The comparison for people."""
    embedded, rasa, apart = result["embedded"], result["rasa"], result["difference"]
    lines = [f"{embedded['n']} texts" + " " * 14 + "embedded      Rasa"]
    lines += [f"{name:<22} {embedded[name]:>9.3f} {rasa[name]:>9.3f}" for name in _SHOWN]
    lines += [f"{name:<22} {embedded[name]:>9.2f} {rasa[name]:>9.2f}" for name in ("p50_ms", "p95_ms")]
    lines.append("errors by cause")
    lines += [f"  {why:<20} {count:>9} {rasa['causes'][why]:>9}" for why, count in embedded["causes"].items()]
    low, high = apart["ci95"]
    lines.append(f"accuracy, embedded − Rasa: {apart['accuracy']:+.3f} (95 % {low:+.3f} to {high:+.3f})")
    lines.append(f"time, Rasa ÷ embedded (p50 in process): {rasa['p50_ms'] / max(embedded['p50_ms'], 1e-9):.1f}")
    return "\n".join(lines)
