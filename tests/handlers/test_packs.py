"""The second content pack, and the proof that nothing about Prakerja is in code: literals that reach people or decide something."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers import catalogue, content_check
from handlers.catalogue import CONTENT, load

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "examples" / "second_programme" / "content"
ROOMS = ("bot", "handlers", "nlu", "storage")
NAMES = re.compile(
    r"prakerja|manajemen pelaksana|\bpmo\b|siapkerja|sisnaker|kemnaker|permenko|"
    r"0800.?150.?3001|4[._]?200[._]?000|3[._]?500[._]?000|2[._]?400[._]?000|3[._]?550[._]?000|semi.?bansos",
    re.IGNORECASE,
)
AMOUNTS = frozenset((4_200_000, 3_500_000, 2_400_000, 3_550_000, 600_000, 700_000))
NO_WORD_FOR_PEOPLE = {
    "bot/cli.py": "the help of the command says what the project is for",
    "bot/samples.py": "the demo's invented records are of the shipped programme",
    "bot/exchange/values.py": "an example of how money is written",
}


def literals(tree: ast.Module) -> Iterator[tuple[int, str | int]]:
    """The line and value of each literal that is no docstring."""
    plain = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in plain and isinstance(node.value, str | int):
            yield node.lineno, node.value


def of_the_programme(source: str) -> list[str]:
    """What a module says of the shipped programme."""
    return [
        f"{line}: {value!r}"
        for line, value in literals(ast.parse(source))
        if (isinstance(value, str) and NAMES.search(value)) or (not isinstance(value, str) and value in AMOUNTS)
    ]


def test_nothing_about_the_programme_is_in_code() -> None:
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if "migrations" not in name and (told := of_the_programme(path.read_text(encoding="utf-8"))):
                found[name] = told
    assert {name: told for name, told in found.items() if name not in NO_WORD_FOR_PEOPLE} == {}
    assert set(NO_WORD_FOR_PEOPLE) >= set(found)


@pytest.mark.parametrize(
    "source",
    ['x = "cek prakerja.go.id"', "x = 4_200_000", 'x = f"hubungi 0800-150-3001 {y}"', 'x = {"semi_bansos": 1}'],
)
def test_the_search_finds_what_it_should(source: str) -> None:
    assert of_the_programme(source)
    assert of_the_programme(f'"""Kartu Prakerja."""\n# prakerja\n{source}')


def test_docstrings_and_comments_may_name_it() -> None:
    assert of_the_programme('"""Kartu Prakerja."""\ndef f():\n    """Prakerja."""\n    # prakerja\n    return 1') == []


def test_the_second_pack_may_be_published() -> None:
    assert content_check.check(SAMPLE) == []


def test_no_sentence_of_the_second_pack_names_the_shipped_programme() -> None:
    content = load(SAMPLE)
    told = {key: text for key, text in content.texts.items() if NAMES.search(text) or "Poskota" in text}
    assert told == {}
    assert not any(NAMES.search(str(entry)) for entry in content.answers.values())
    assert content.texts.keys() == load(CONTENT).texts.keys()


def test_a_pack_takes_over_sentences_but_no_answers(tmp_path: Path) -> None:
    content, shipped = load(SAMPLE), load(CONTENT)
    assert content.texts["greet"] == shipped.texts["greet"].replace("Prakerja", "Warga Belajar")
    assert content.texts["goodbye"] == shipped.texts["goodbye"]
    assert "incentive_amount" in shipped.answers
    assert not content.knows("incentive_amount")
    assert not content.knows("register_start")
    assert content.files["words"] == shipped.files["words"]
    assert "pack" not in content.files
    assert catalogue.files_of(CONTENT).keys() == catalogue.read_files(CONTENT).keys()
