"""Evaluation, the data checks and the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nlu import check
from nlu.causes import Cause, cause, counts
from nlu.cli import app
from nlu.corpus import Example, plain_text, read
from nlu.corrupt import corrupt, corrupted
from nlu.evaluate import Case, evaluate, figures, read_cases, wilson
from nlu.report import report
from nlu.similar import clusters, near_pairs
from nlu.understanding import OUT_OF_SCOPE, Context, Outcome, Understanding

CONTRACT = {
    "n", "accuracy", "macro_f1", "in_scope_accuracy", "oos_precision", "oos_recall", "false_refusal", "second_recall", "second_false", "top3", "ece",
    "p50_ms", "p95_ms", "per_intent", "errors",
}  # fmt: skip
DEV = Path(__file__).parent.parent / "data" / "dev.jsonl"


def said(intent: str, *ranking: str, second: str | None = None, confidence: float = 1.0) -> Understanding:
    outcome = Outcome.REFUSE if intent == OUT_OF_SCOPE else Outcome.ANSWER
    ranked = tuple((name, 0.3) for name in (ranking or (intent, "x", "y")))
    return Understanding(intent=intent, confidence=confidence, outcome=outcome, ranking=ranked, second=second)


def test_figures_by_hand() -> None:
    cases = [
        Case("1", "greet"),
        Case("2", "greet", accept=("thanks",)),
        Case("3", "otp_missing", "register_how"),
        Case("4", "otp_missing"),
        Case("5", OUT_OF_SCOPE),
        Case("6", OUT_OF_SCOPE),
    ]
    read_as = [
        said("greet"),
        said("thanks"),
        said("otp_missing", second="register_how"),
        said(OUT_OF_SCOPE, "site_error", "otp_missing", "greet"),
        said(OUT_OF_SCOPE, "a", "b", "c"),
        said("greet", second="otp_missing", confidence=0.4),
    ]
    got = figures(cases, read_as)
    assert got["n"] == 6
    assert got["accuracy"] == pytest.approx(4 / 6, abs=1e-4)
    assert got["in_scope_accuracy"] == 0.75
    assert got["false_refusal"] == 0.25
    assert (got["oos_precision"], got["oos_recall"]) == (0.5, 0.5)
    assert (got["second_recall"], got["second_false"]) == (1.0, 0.2)
    assert got["top3"] == 1.0
    assert got["per_intent"]["greet"] == {"n": 1, "precision": 0.5, "recall": 1.0, "f1": 0.6667}
    assert {row["text"] for row in got["errors"]} == {"4", "6"}


def test_calibration_error() -> None:
    cases = [Case(str(at), "greet") for at in range(100)]
    sure = [said("greet" if at % 2 else "thanks", confidence=0.5) for at in range(100)]
    assert figures(cases, sure)["ece"] == pytest.approx(0.0, abs=0.11)
    assert figures(cases, [said("thanks", confidence=0.9)] * 100)["ece"] == pytest.approx(0.9)


def test_wilson() -> None:
    low, high = wilson(0.9, 100)
    assert (round(low, 3), round(high, 3)) == (0.826, 0.945)
    assert wilson(0.5, 0) == (0.0, 1.0)


class Parrot:
    """An engine that says one thing."""

    version = "parrot"

    def parse(self, text: str, context: Context) -> Understanding:
        return said("greet")


def test_contract_of_eval() -> None:
    assert set(evaluate(Parrot(), [Case("halo", "greet")])) == CONTRACT


def test_cases_are_read(tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(
        '{"text": "a", "intent": "greet", "accept": ["thanks"]}\n\n{"text": "b", "intent": "x", "second": "y"}\n',
        encoding="utf-8",
    )
    assert read_cases(path) == [Case("a", "greet", None, ("thanks",)), Case("b", "x", "y")]
    path.write_text('{"text": "a"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=r"cases\.jsonl:1"):
        read_cases(path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="no cases"):
        read_cases(path)


def test_rasa_marks_are_taken_off(tmp_path: Path) -> None:
    assert plain_text('[ibu saya]{"entity": "subject", "value": "mother"} belum [cair](state)') == "ibu saya belum cair"
    path = tmp_path / "x.yml"
    path.write_text(
        'version: "3.1"\nnlu:\n- intent: a+b\n  examples: |\n    - satu: dua\n    - tiga\n', encoding="utf-8"
    )
    assert list(read([path])) == [Example("satu: dua", "a", "b", "x"), Example("tiga", "a", "b", "x")]
    path.write_text("nlu: 3\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.yml"):
        list(read([path]))


def examples(*rows: tuple[str, str]) -> Sequence[Example]:
    return [Example(text, intent) for text, intent in rows]


def test_check_finds_what_is_wrong(tmp_path: Path) -> None:
    data = examples(
        ("insentif saya belum cair kak", "a"),
        ("insentif saya belum cair kak!", "a"),
        ("Halo, kak", "a"),
        ("halo kak", "b"),
    )
    dev = tmp_path / "dev.jsonl"
    dev.write_text(json.dumps({"text": "insentif saya belum cair kak", "intent": "a"}) + "\n", encoding="utf-8")
    found = check.check([dev], data)
    assert [row["intent"] for row in found["near_duplicates"]] == ["a"]
    assert found["conflicts"] == [{"text": "halo kak", "intents": ["a", "b"]}]
    assert [row["line"] for row in found["leaks"]] == [1, 1]
    assert found["few"] == ["a", "b"]
    thin = check.check([], examples(*((f"cara daftar nomor {at} untuk orang {at * 7}", "a") for at in range(70))))
    assert thin["thin"] == ["a"]


def test_near_pairs_are_complete() -> None:
    texts = ["insentif belum cair", "insentif blm cair", "saldo hilang", "insentif belum cair kak", "saldo hilang", ""]
    expected = set()
    from nlu.similar import jaccard, trigrams

    for right in range(len(texts)):
        for left in range(right):
            if jaccard(trigrams(texts[left]), trigrams(texts[right])) > 0.5:
                expected.add((left, right))
    assert {(left, right) for left, right, _ in near_pairs(texts, 0.5)} == expected
    assert len(set(clusters(texts, 0.5))) == 3


def test_command_line() -> None:
    runner = CliRunner()
    got = runner.invoke(app, ["parse", "nik saya 3273014512990001 kok tidak ditemukan", "--json"])
    assert got.exit_code == 0, got.output
    reading = json.loads(got.output)
    assert reading["masked"] == ["nik"]
    assert "32730145" not in got.output
    assert runner.invoke(app, ["parse", "halo"]).exit_code == 0
    result = runner.invoke(app, ["eval", "--data", str(DEV), "--json"])
    assert set(json.loads(result.output)) == CONTRACT
    assert "95 %" in runner.invoke(app, ["eval", "--data", str(DEV)]).output
    assert runner.invoke(app, ["eval", "--data", "nowhere.jsonl"]).exit_code != 0
    assert Context(today=date(2026, 1, 1)).form is None


def test_corruption_is_seeded_and_of_the_right_size() -> None:
    text = "bagaimana cara mendaftar prakerja kalau nomor saya sudah hilang"
    assert corrupt(text) == corrupt(text) != text
    assert corrupt(text, 0) == text
    for share in (0.2, 0.5):
        changed = sum(left != right for left, right in zip(text.split(), corrupt(text, share).split(), strict=True))
        assert changed <= round(share * len(text.split()))
    assert corrupt("") == ""
    assert [case.intent for case in corrupted([Case("halo semua", "greet")])] == ["greet"]


def test_report_is_one_page_with_everything_escaped() -> None:
    cases = [
        Case("<script>alert(1)</script>", "thanks"),
        Case("halo", "greet"),
        Case("satu dua tiga", OUT_OF_SCOPE),
        Case("empat lima enam", "otp_missing"),
    ]
    page = report(Parrot(), cases, [(100, 0.5), (200, 0.6)])
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") == 6
    for title in (
        *(
            "Reliability",
            "If answers began",
            "Learning curve",
            "F1 of each intent",
            "Who is taken for whom",
            "Confusions",
        ),
        *("Errors by cause", "The errors: too short (1)", "The errors: out of scope taken in (1)", "slowest"),
    ):
        assert title in page


def test_report_without_errors() -> None:
    page = report(Parrot(), [Case("halo", "greet")])
    assert "The errors" not in page
    assert page.endswith("</html>\n")


@pytest.mark.parametrize(
    ("case", "got", "sight", "why"),
    [
        (Case("a", "greet"), said("greet"), (5, 0.0), None),
        (Case("a", "greet", accept=("thanks",)), said("thanks"), (5, 0.0), None),
        (Case("a", "greet"), said("greet", second="thanks"), (5, 0.0), Cause.SECOND),
        (Case("a", "greet", "otp_missing"), said("greet"), (5, 0.0), Cause.SECOND),
        (Case("a", "greet"), said("x"), (2, 1.0), Cause.SHORT),
        (Case("a", "greet"), said("x"), (5, 0.4), Cause.UNKNOWN),
        (Case("a", OUT_OF_SCOPE), said("x"), (5, 0.9), Cause.TAKEN_IN),
        (Case("a", "greet"), said(OUT_OF_SCOPE, "x", "y", "z"), (5, 0.2), Cause.REFUSED),
        (Case("a", "greet"), said("x", "x", "greet", "z"), (5, 0.2), Cause.NEIGHBOUR),
        (Case("a", "greet"), said("x", "x", "y", "z"), (5, 0.2), Cause.FAR),
    ],
)
def test_each_error_has_one_cause(case: Case, got: Understanding, sight: tuple[int, float], why: Cause | None) -> None:
    assert cause(case, got, sight) == why
    found = counts([case], [got], lambda text: sight)
    assert set(found) == {one.value for one in Cause}
    assert sum(found.values()) == (why is not None)
