"""`pandu content`: checks the answer catalogue."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from bot import pack
from handlers import content_check
from handlers.catalogue import load

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _room() -> None:
    """The answer catalogue."""


def problems_of_content() -> list[str]:
    """Problems of the content that is used, a line each."""
    return [str(problem) for problem in content_check.check(_used())]


def _used() -> Path:
    return pack.at(os.environ.get("PANDU_CONTENT", "")).content


@app.command()
def check(
    folder: Annotated[
        Path | None,
        typer.Option("--folder", help="Another content folder; default: that of PANDU_CONTENT, else the shipped one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Refuse what must not be published; a line a problem: file, line, column, reason."""
    folder = folder or _used()
    problems = content_check.check(folder)
    if as_json:
        typer.echo(
            json.dumps(
                [{"file": p.file, "line": p.line, "column": p.column, "message": p.message} for p in problems],
                ensure_ascii=False,
            )
        )
    else:
        for problem in problems:
            typer.echo(str(problem), err=True)
    if problems:
        raise typer.Exit(1)
    if not as_json:
        typer.echo(f"{len(load(folder).answers)} answers are in order")
