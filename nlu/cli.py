"""`pandu nlu …`: train, parse, eval, check-data."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from nlu import check, evaluate
from nlu.masking import mask
from nlu.understanding import Context, Engine, Understanding

app = typer.Typer(help="The understanding layer: train it, try it, measure it.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _engine(name: str) -> Engine:
    """The engine of that name, or a clear message and exit code 1."""
    if name == "embedded":
        from nlu.embedded import EmbeddedEngine

        try:
            return EmbeddedEngine.load()
        except FileNotFoundError as error:
            _stop(f"there is no model yet: run `pandu nlu train` ({error.filename})")
    _stop(f"no engine '{name}' here: embedded is available")
    raise AssertionError


def _stop(message: str) -> None:
    typer.echo(f"pandu nlu: {message}", err=True)
    raise typer.Exit(1)


def _print(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))


@app.command()
def train(as_json: AsJson = False) -> None:
    """Train the embedded model from nlu/data/*.yml (needs the extra `train`)."""
    try:
        from nlu.train import train as run
    except ImportError as error:
        _stop(f"training needs scikit-learn: pip install 'pandu[train]' ({error.name} is missing)")
        return
    meta = run(say=lambda line: typer.echo(line, err=True))
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
    data: Annotated[
        Path, typer.Option("--data", exists=True, dir_okay=False, help="JSON lines: text, intent, second?, accept?")
    ],
    engine: Annotated[str, typer.Option(help="embedded or rasa")] = "embedded",
    as_json: AsJson = False,
) -> None:
    """Measure an engine on a labelled file."""
    try:
        cases = evaluate.read_cases(data)
    except ValueError as error:
        _stop(str(error))
        return
    result = evaluate.evaluate(_engine(engine), cases)
    _print(result) if as_json else typer.echo(evaluate.as_text(result, cases))


@app.command("check-data")
def check_data(
    against: Annotated[
        list[Path] | None, typer.Option(help="Evaluation files that no training message may repeat.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find near-duplicates, conflicting labels, leaks from evaluation files, thin variety."""
    found = check.check(against or [])
    _print(found) if as_json else typer.echo(check.as_text(found))
    if any(found[name] for name in check.MUST_BE_EMPTY):
        raise typer.Exit(1)
