"""`pandu content check`: the shipped content is in order, and each kind of mistake is refused with its line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from handlers import content_check
from handlers.catalogue import CONTENT, LOADER, load


def test_the_shipped_content_is_in_order() -> None:
    assert [str(problem) for problem in content_check.check()] == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CONTENT, tmp_path / "content"))


def read(path: Path) -> dict:
    found: dict = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506 - a safe loader
    return found


def write(path: Path, entries: dict) -> None:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    path.write_text(yaml.dump(entries, Dumper=dumper, allow_unicode=True, sort_keys=False), encoding="utf-8")


def change(folder: Path, intent: str, edit: Callable[[dict], None]) -> None:
    for path in (folder / "answers").glob("*.yml"):
        entries = read(path)
        if intent in entries:
            edit(entries[intent])
            write(path, entries)
            return
    raise AssertionError(intent)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda e: e.update(title="Judul yang terlalu panjang sekali"), "at most 20"),
        (lambda e: e.update(question="x" * 80), "at most 72"),
        (lambda e: e.update(text="Panjang. " * 70), "at most 500"),
        (lambda e: e.update(text="Jawaban {tidak_ada}."), "unknown placeholder {tidak_ada}"),
        (lambda e: e.update(text="Jawaban {rusak."), "broken placeholder"),
        (lambda e: e.update(text="Lihat https://prakerja.example.com ya."), "not allowed"),
        (lambda e: e.update(text="Lihat prakerja.id ya."), "not allowed"),
        (lambda e: e.update(sms="Pakai tanda “petik” dan emoji 🙂"), "GSM-7"),
        (lambda e: e.update(sms="x" * 230), "at most 220"),
        (lambda e: e.update(sources=[]), "at least one"),
        (
            lambda e: e.update(sources=[{"name": "x", "date": "kemarin", "url": "https://www.prakerja.go.id"}]),
            "not ISO",
        ),
        (lambda e: e.update(sources=[{"name": "x", "date": "2023", "url": "situs"}]), "no address"),
        (lambda e: e.update(follow_ups=["bukan_intent"]), "no intent"),
        (lambda e: e.update(procedure=True, text="Satu saja."), "open, closed"),
        (lambda e: e.update(review_by="besok"), "2026-11-24"),
        (lambda e: e.pop("sms"), "sms is missing"),
    ],
)
def test_a_mistake_is_refused_with_its_line(folder: Path, edit: Callable[[dict], None], words: str) -> None:
    change(folder, "incentive_amount", edit)
    problems = content_check.check(folder)
    assert any(
        words in problem.message and problem.file == "answers/money.yml" and problem.line > 0 for problem in problems
    ), problems


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda t: t.update(body="{as_of} kabar untuk Kakak ya."), "no variable at the beginning or the end"),
        (lambda t: t.update(body="Ada kabar untuk Kakak {as_of}"), "no variable at the beginning or the end"),
        (lambda t: t.update(body="Kabar {as_of} ya."), "too many for so few words"),
        (lambda t: t.update(body="Kabar Kakak {as_of} atau juga {as_of} ada di sini ya."), "stands twice"),
        (lambda t: t.update(body="Kabar Kakak {as_of ya."), "broken placeholder"),
        (lambda t: t.update(body="Kabar. " * 200 + "{as_of} ya."), "at most 1024"),
        (lambda t: t.update(body="Kabar ada di prakerja.com, Kak, per {as_of} ini."), "not allowed"),
        (lambda t: t.update(samples={}), "samples: as_of is missing"),
        (lambda t: t["samples"].update(lain="x"), "lain is no variable"),
        (lambda t: t.update(category="marketing"), "utility alone"),
        (lambda t: t.update(language="Indonesia"), "is no code"),
        (lambda t: t.update(life_hours=24), "life_hours"),
        (lambda t: t.pop("body"), "needs language, category and body"),
    ],
)
def test_a_template_that_would_be_refused_is_named_with_its_line(
    folder: Path, edit: Callable[[dict], None], words: str
) -> None:
    path = folder / "whatsapp_templates.yml"
    entries = read(path)
    edit(entries["notice_change"])
    write(path, entries)
    (problem,) = content_check.check(folder)
    assert words in problem.message
    assert path.read_text(encoding="utf-8").splitlines()[problem.line - 1] == "notice_change:"


def test_a_missing_intent_is_refused(folder: Path) -> None:
    path = folder / "answers" / "safety.yml"
    entries = read(path)
    del entries["scam_check"]
    write(path, entries)
    assert any("no answer for scam_check" in problem.message for problem in content_check.check(folder))


def test_broken_yaml_is_told_with_line_and_column(folder: Path) -> None:
    (folder / "answers" / "money.yml").write_text("a: [1\nb: 2\n")
    (problem,) = content_check.check(folder)
    assert problem.line >= 2
    assert "YAML" in problem.message


def test_every_follow_up_and_topic_can_be_shown() -> None:
    catalogue = load()
    for entry in catalogue.answers.values():
        for intent in entry.follow_ups:
            assert len(catalogue.title(intent)) <= 20
            assert catalogue.question(intent)
