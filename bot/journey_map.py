"""Pictures of the journeys, made from the code: the steps that a form declares, and the ways between them that the dialogues took.

`pandu dialogue map tests/dialogues --out docs/journeys` writes a page a form (Mermaid) and, beside the tests, a saved state of every step.
"""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot import dialogues
from bot.effects import Parts
from handlers.forms import Form
from handlers.journeys import FORMS
from handlers.messages import State

END = "selesai"


@dataclass(slots=True)
class Seen:
    """What the dialogues showed of all forms."""

    ways: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)  # form → (from, to) → how often
    states: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)  # (form, step) → a state as stored
    _last: State = field(default_factory=State)

    def start(self) -> None:
        """A new conversation begins."""
        self._last = State()

    def watch(self, state: State) -> None:
        """Told the state after each turn."""
        before = self._last
        if state.form and state.step:
            self.states.setdefault((state.form, state.step), state.to_json())
            if state.form != before.form:
                self._note(state.form, "mulai", state.step)
            elif before.step and state.step != before.step:
                self._note(state.form, before.step, state.step)
        elif before.form and before.step:
            self._note(before.form, before.step, END)
        self._last = state

    def _note(self, form: str, start: str, end: str) -> None:
        self.ways.setdefault(form, Counter())[start, end] += 1


async def collect(files: Iterable[Path], parts: Parts) -> Seen:
    """Plays all dialogues once, each on its first channel."""
    seen = Seen()
    for path in files:
        for script in dialogues.read(path):
            seen.start()
            await dialogues.run(script, dialogues.channels_of(script)[0], parts, watch=seen.watch)
    return seen


def page(form: Form, seen: Seen) -> str:
    """The Markdown page of one journey."""
    ways = seen.ways.get(form.name, Counter())
    lines = ["flowchart TD", "    mulai([mulai])", f"    {END}([{END}])"]
    lines += [f"    {step.name}[{step.name}]" for step in form.steps]
    lines += [f"    {start} --> {end}" for (start, end) in sorted(ways, key=lambda way: _place(form, way))]
    drawn = "\n".join(lines)
    rows = "\n".join(f"| `{step.name}` | {step.expects} | {', '.join(step.called) or '–'} |" for step in form.steps)
    doc = (importlib.import_module(form.finish.__module__).__doc__ or "").strip()
    return (
        f"# {form.name}\n\n{doc}\n\nMade by `pandu dialogue map` from the form's steps and the dialogues in `tests/dialogues`; do not edit.\n"
        f"At every step: a question is answered and the step asked again; *batal*, *kembali*, *ubah …* and *petugas* work.\n\n"
        f'```mermaid\n{drawn}\n```\n\n| step | expects | words for "ubah …" |\n| --- | --- | --- |\n{rows}\n'
    )


def _place(form: Form, way: tuple[str, str]) -> tuple[int, int]:
    order = ["mulai", *(step.name for step in form.steps), END]
    return order.index(way[0]) if way[0] in order else -1, order.index(way[1]) if way[1] in order else -1


def write(seen: Seen, *, docs: Path, states: Path | None = None) -> list[Path]:
    """Writes the pages, and the saved states where `states` is given; returns the files."""
    written = []
    docs.mkdir(parents=True, exist_ok=True)
    for form in FORMS.values():
        path = docs / f"{form.name}.md"
        path.write_text(page(form, seen), encoding="utf-8")
        written.append(path)
    if states:
        states.mkdir(parents=True, exist_ok=True)
        for (form_name, step), state in sorted(seen.states.items()):
            path = states / f"{form_name}.{step}.json"
            if not path.exists():  # a state saved by an earlier version stays as it was
                path.write_text(
                    json.dumps(state, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8"
                )
                written.append(path)
    return written
