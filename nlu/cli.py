"""`pandu nlu …`: train, parse, eval, compare, report, check-data, rasa-setup."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlu import check, corpus, evaluate
from nlu.classify import MODEL
from nlu.corrupt import corrupted
from nlu.fingerprint import is_current
from nlu.masking import mask
from nlu.understanding import Context, Engine, Understanding

if TYPE_CHECKING:
    from nlu.embedded import EmbeddedEngine

app = typer.Typer(help="The understanding layer: train it, try it, measure it.", no_args_is_help=True)
Data = Annotated[
    Path, typer.Option("--data", exists=True, dir_okay=False, help="JSON lines: text, intent, second?, accept?")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _folders() -> tuple[Path, Path]:
    """Training data and model: of the content pack of `PANDU_CONTENT`, else the shipped ones."""
    if not (pack := os.environ.get("PANDU_CONTENT")):
        return corpus.DATA, MODEL
    return Path(pack) / "nlu", Path(pack) / "model"


def _engine(name: str) -> Engine:
    """The engine of that name, or a clear message and exit code 1."""
    if name == "semantic":
        from nlu.semantic import SemanticEngine

        try:
            return SemanticEngine.load()
        except ModuleNotFoundError as error:
            _stop(f"the second look needs more: pip install 'pandu[semantic]' ({error.name} is missing)")
    if name != "embedded":
        _stop(f"no engine '{name}' here: embedded, semantic and rasa are there")
    return _embedded()


def _embedded() -> EmbeddedEngine:
    """The embedded engine, or a clear message and exit code 1 where it was never trained."""
    from nlu.embedded import EmbeddedEngine

    try:
        data, model = _folders()
        return EmbeddedEngine.load(model, data=data)
    except FileNotFoundError as error:
        _stop(f"there is no model yet: run `pandu nlu train` ({error.filename})")
        raise AssertionError from error


def _stop(message: str) -> None:
    typer.echo(f"pandu nlu: {message}", err=True)
    raise typer.Exit(1)


def _print(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))


@app.command()
def train(
    if_changed: Annotated[
        bool, typer.Option("--if-changed", help="Do nothing if the model belongs to data and code.")
    ] = False,
    semantic: Annotated[
        bool, typer.Option("--semantic", help="Train the second look of PANDU_NLU=semantic (needs that extra, too).")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train the embedded model from nlu/data/*.yml, or of PANDU_CONTENT (needs the extra `train`)."""
    data, model = _folders()
    if if_changed and not semantic and is_current(model, data):
        _say("the model belongs to data and code")
        return
    try:
        if semantic:
            from nlu.fit_semantic import train_semantic

            meta = train_semantic(say=_say)
        else:
            from nlu.train import train as learn

            meta = learn(model, _say, data=data)
    except ImportError as error:
        extras = "train,semantic" if semantic else "train"
        _stop(f"training needs more: pip install 'pandu[{extras}]' ({error.name} is missing)")
        return
    found = {"fingerprint": meta["fingerprint"], "messages": meta["messages"], **meta["cross_validation"]}
    _print(found) if as_json else typer.echo(f"model {found['fingerprint']} from {found['messages']} messages written")


@app.command()
def parse(text: str, as_json: AsJson = False) -> None:
    """Show how one message is read (identity numbers and codes are masked first, as in the service)."""
    masked = mask(text)
    got = _engine("embedded").parse(masked.text, Context(today=datetime.now(UTC).date()))
    if as_json:
        _print({**as_dict(got), "masked": list(masked.kinds)})
        return
    typer.echo(f"{got.outcome.value}: {got.intent} ({got.confidence:.2f})" + (f" + {got.second}" if got.second else ""))
    typer.echo("  " + ", ".join(f"{name} {chance:.2f}" for name, chance in got.ranking))
    for entity in got.entities:
        typer.echo(f"  {entity.kind}: {entity.value} «{entity.text}» {dict(entity.detail) or ''}")


def as_dict(got: Understanding) -> dict[str, Any]:
    """An understanding as plain values."""
    return {
        "intent": got.intent,
        "confidence": got.confidence,
        "outcome": got.outcome.value,
        "ranking": [list(pair) for pair in got.ranking],
        "second": got.second,
        "subject": got.subject,
        "entities": [
            {"kind": e.kind, "value": e.value, "text": e.text, "start": e.start, "end": e.end, "detail": dict(e.detail)}
            for e in got.entities
        ],
        "model": got.model,
    }


@app.command("eval")
def eval_(
    data: Data,
    engine: Annotated[str, typer.Option(help="embedded, semantic or rasa")] = "embedded",
    corrupt: Annotated[float, typer.Option(min=0, max=1, help="Misspell this share of the words first.")] = 0.0,
    as_json: AsJson = False,
) -> None:
    """Measure an engine on a labelled file."""
    cases = _cases(data)
    cases = corrupted(cases, corrupt) if corrupt else cases
    result = _rasa_figures(cases) if engine == "rasa" else evaluate.evaluate(_engine(engine), cases)
    _print(result) if as_json else typer.echo(evaluate.as_text(result, cases))


def _cases(path: Path) -> list[evaluate.Case]:
    try:
        return evaluate.read_cases(path)
    except ValueError as error:
        _stop(str(error))
        raise AssertionError from error


def _rasa_figures(cases: list[evaluate.Case]) -> dict[str, Any]:
    """The figures of Rasa alone; its model is trained first unless it is there."""
    from nlu.rasa import compare as side_by_side
    from nlu.rasa import process, setup
    from nlu.rasa import train as rasa_train

    try:
        return side_by_side.measure_rasa(rasa_train.train(progress=_say), cases)[0]
    except (setup.SetupError, process.ProgramError) as error:
        _stop(str(error))
        raise AssertionError from error


def _say(line: str) -> None:
    typer.echo(line, err=True)


@app.command()
def compare(data: Data, as_json: AsJson = False) -> None:
    """Measure both engines on the same file in one run, with the interval of the difference."""
    from nlu.rasa import compare as side_by_side
    from nlu.rasa import process, setup

    _cases(data)
    try:
        result = side_by_side.compare(data, progress=_say)
    except (setup.SetupError, process.ProgramError) as error:
        _stop(str(error))
        return
    _print(result) if as_json else typer.echo(side_by_side.as_text(result))


@app.command("rasa-setup")
def rasa_setup() -> None:
    """Build Rasa's own environment (Python 3.10, 2.7 GiB) under var/rasa."""
    from nlu.rasa import setup

    typer.echo(setup.run(_say))


@app.command()
def report(
    data: Data,
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The page to write.")] = Path(
        "var/nlu-report.html"
    ),
    learning_curve: Annotated[
        bool, typer.Option(help="Also learn from parts of the data (a minute; needs the extra `train`).")
    ] = True,
) -> None:
    """Write one self-contained HTML page: confusions, intents, reliability, thresholds, learning curve, slowest texts, errors."""
    from nlu.report import report as page

    cases = _cases(data)
    curve: list[tuple[int, float]] = []
    if learning_curve:
        try:
            from nlu.train import learning_curve as learn
        except ImportError as error:
            _stop(
                f"the learning curve needs scikit-learn: pip install 'pandu[train]', or --no-learning-curve ({error.name})"
            )
            return
        _say("learning from parts of the data …")
        curve = learn()
    out.parent.mkdir(parents=True, exist_ok=True)
    engine = _embedded()
    out.write_text(page(engine, cases, curve, engine.sight), encoding="utf-8")
    typer.echo(str(out))


@app.command("check-data")
def check_data(
    against: Annotated[
        list[Path] | None, typer.Option(help="Evaluation files that no training message may repeat.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find near-duplicates, conflicting labels, leaks from evaluation files, thin variety."""
    found = check.check(against or [], list(corpus.read(corpus.files(_folders()[0]))))
    _print(found) if as_json else typer.echo(check.as_text(found))
    if any(found[name] for name in check.MUST_BE_EMPTY):
        raise typer.Exit(1)
