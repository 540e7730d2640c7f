"""Teaching by editors: what may become a training message, with the same rules as for the files (docs/teaching.md)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from sqlalchemy import RowMapping

from bot.pack import Pack
from handlers.catalogue import Catalogue
from nlu import check, corpus
from nlu.corpus import Example
from nlu.similar import jaccard, trigrams
from nlu.understanding import OUT_OF_SCOPE

MOST_LINES = 20  # messages taught in one step
OUTSIDE = "Di luar topik"
PROBLEMS = {  # for the desk; the command line has its own
    "short": "terlalu pendek",
    "long": f"lebih dari {check.LONGEST} huruf",
    "secret": "memuat nomor atau rahasia",
    "duplicate": "sudah ada, atau hampir sama dengan yang sudah ada",
    "conflict": "sudah diajarkan untuk topik lain",
    "leak": "ada di berkas penguji, jadi tidak boleh dipelajari",
    "intent": "topik itu tidak dikenal",
}


def intents(content: Catalogue) -> dict[str, str]:
    """Everything a message can be taught to mean, with its title; out of scope last."""
    known = sorted({*content.answers, *content.topics}, key=content.title)
    return {**{intent: content.title(intent) for intent in known}, OUT_OF_SCOPE: OUTSIDE}


def lines(typed: str) -> list[str]:
    """The messages of a field, one a line, each once."""
    found = (" ".join(line.split()) for line in typed.splitlines())
    return list(dict.fromkeys(line for line in found if line))


def problems(
    texts: Sequence[str], intent: str, content: Catalogue, pack: Pack, taught: Sequence[RowMapping]
) -> list[tuple[str, str]]:
    """(message, key of `PROBLEMS`); [] when all may be taught. `taught`: the active rows. Takes a tenth of a second: not on the loop."""
    if intent not in intents(content):
        return [(intent, "intent")]
    known = [*_examples(pack.data, _stamp(pack.data)), *(Example(row["text"], row["intent"]) for row in taught)]
    against = [pack.cases] if pack.cases else []
    found = []
    for text in texts:
        found += [(text, name) for name in check.candidate(text, intent, known, against)]
        known.append(Example(text, intent))
    return found


def whose(text: str, items: Sequence[RowMapping]) -> int | None:
    """The chat whose words a message to be taught is, or is made from: that of the most similar item."""
    grams = trigrams(text)
    best = max(items, key=lambda item: jaccard(grams, trigrams(item["text"])), default=None)
    return best["chat_id"] if best else None


def as_yaml(rows: Sequence[RowMapping]) -> str:
    """Taught messages as a file of `nlu/data`, to be moved into the project's own data."""
    by_intent: dict[str, list[str]] = {}
    for row in rows:
        by_intent.setdefault(row["intent"], []).append(row["text"])
    blocks = [
        f"- intent: {intent}\n  examples: |\n" + "".join(f"    - {text}\n" for text in texts)
        for intent, texts in sorted(by_intent.items())
    ]
    return 'version: "3.1"\nnlu:\n' + "".join(blocks) if blocks else 'version: "3.1"\nnlu: []\n'


def _stamp(folder: Path) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns for path in corpus.files(folder))


@lru_cache(maxsize=2)
def _examples(folder: Path, _stamp: tuple[int, ...]) -> list[Example]:
    return list(corpus.read(corpus.files(folder)))
