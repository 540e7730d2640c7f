"""Writes the reference pages from the code itself: `make docs`. A test compares them, so they cannot grow old.

docs/commands.md (every command of `pandu` with its options) and docs/intents.md (everything that a message can mean).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import typer.core
import typer.main
import yaml

import bot.commands.teaching
import bot.sms.cli
import bot.telegram.cli
import bot.whatsapp.cli
import nlu.cli
from bot.cli import app
from handlers import catalogue, journeys

DOCS = Path(__file__).parent.parent / "docs"
_LAZY = {"nlu": bot.commands.teaching, "sms": bot.sms.cli, "telegram": bot.telegram.cli, "whatsapp": bot.whatsapp.cli}


def _commands() -> Iterator[tuple[str, typer.core.TyperCommand]]:
    """(path, command) of every command that does something, groups left out."""
    root = typer.main.get_command(app)
    groups = {name: typer.main.get_command(module.app) for name, module in _LAZY.items()}
    yield from _below("pandu", {**getattr(root, "commands", {}), **groups})


def _below(path: str, commands: dict[str, typer.core.TyperCommand]) -> Iterator[tuple[str, typer.core.TyperCommand]]:
    for name, command in sorted(commands.items()):
        below = getattr(command, "commands", None)
        if below is None:
            yield f"{path} {name}", command
        else:
            yield from _below(f"{path} {name}", below)


def commands_page() -> str:
    """docs/commands.md."""
    lines = [
        "# Commands",
        "",
        "Made by `make docs` from the program; `--help` of each command says the same. Exit code 0 is success; 1 and 2 come with one line that says",
        "what to mend.",
    ]
    for path, command in _commands():
        arguments = " ".join((p.name or "").upper() for p in command.params if p.param_type_name == "argument")
        lines += ["", f"## {path} {arguments}".rstrip(), "", " ".join((command.help or "").split())]
        options = [
            _option(p) for p in command.params if p.param_type_name == "option" and not getattr(p, "hidden", False)
        ]
        lines += ["", *options] if options else []
    return "\n".join(lines) + "\n"


def _option(option: typer.core.TyperOption) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    told = " ".join(str(getattr(option, "help", "") or "").split())
    return f"- {names}{': ' + told if told else ''}"


def intents_page() -> str:
    """docs/intents.md."""
    content, learnt = catalogue.load(), _learnt()
    lines = [
        "# What a message can mean",
        "",
        "Made by `make docs` from the catalogue and the training data. *answer*: from the answer catalogue, with its sources; *conversation*: a handler with",
        "its own steps or words.",
        "",
        "| intent | as people read it | met by | reviewed by | messages learnt |",
        "| --- | --- | --- | --- | --- |",
    ]
    for intent in sorted({*content.answers, *content.topics, *learnt}):
        known = intent in content.answers or intent in content.topics
        title = f"{content.title(intent)}: {content.question(intent)}" if known else "none of our business"
        by = "answer" if intent in content.answers and intent not in journeys.INTENTS else "conversation"
        review = str(content.answers[intent].review_by) if intent in content.answers else "–"
        lines.append(f"| `{intent}` | {title} | {by} | {review} | {learnt[intent]:,} |")
    return "\n".join(lines) + "\n"


def _learnt() -> Counter[str]:
    found: Counter[str] = Counter()
    for path in sorted((Path(nlu.cli.__file__).parent / "data").glob("*.yml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["nlu"]:
            for intent in str(entry["intent"]).split("+"):
                found[intent] += sum(line.startswith("- ") for line in entry["examples"].splitlines())
    return found


PAGES = {"commands.md": commands_page, "intents.md": intents_page}


if __name__ == "__main__":
    for name, made in PAGES.items():
        (DOCS / name).write_text(made(), encoding="utf-8")
