"""Setting Rasa up, its training data, its models and the comparison: everything that can be tested without Rasa."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmarks.rasa_peer import start_rasa
from nlu import corpus
from nlu.corpus import Example
from nlu.evaluate import Case
from nlu.rasa import compare, convert, process, setup, train
from nlu.rasa.engine import known_intents
from nlu.understanding import OUT_OF_SCOPE


def test_training_data_for_rasa() -> None:
    examples = [
        Example("ibu [x](y) belum cair", "incentive_unpaid"),
        Example("umur dan cara", "eligibility_age", "register_how"),
        Example("halo", "greet"),
        Example("halo", "greet"),
        Example("pagi", "greet"),
    ]
    found = convert.messages(examples)
    assert found == {"incentive_unpaid": ["ibu (x)(y) belum cair"], "greet": ["halo", "pagi"]}
    assert convert.messages(examples, intents={"greet"}, limit=1) == {"greet": ["halo"]}


def test_the_yaml_reads_back_the_same(tmp_path: Path) -> None:
    found = convert.read()
    (tmp_path / "nlu.yml").write_text(convert.to_yaml(found), encoding="utf-8")
    assert convert.messages(corpus.read([tmp_path / "nlu.yml"])) == found
    assert OUT_OF_SCOPE in found
    assert not [intent for intent in found if "+" in intent]
    assert set(found) <= known_intents() | {OUT_OF_SCOPE}


def test_a_model_is_kept_under_its_data_and_configuration(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.yml").write_text(convert.to_yaml({"greet": ["halo"], "thanks": ["makasih"]}), encoding="utf-8")
    (tmp_path / "made.tar.gz").write_bytes(b"model")
    kept = train.adopt(tmp_path / "made.tar.gz", data, tmp_path / "models")
    assert train.train(data, tmp_path / "models") == kept
    commented = tmp_path / "config.yml"
    commented.write_text("# other words\n" + train.CONFIG.read_text(encoding="utf-8"), encoding="utf-8")
    found = convert.read(data)
    assert train.fingerprint(found, commented) == train.fingerprint(found)
    assert train.fingerprint({**found, "greet": ["hai"]}) != train.fingerprint(found)


def test_without_rasa_one_line_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PANDU_RASA_HOME", str(tmp_path))
    with pytest.raises(setup.SetupError, match="pandu nlu rasa-setup"):
        setup.interpreter()


async def test_the_benchmark_goes_on_without_rasa(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PANDU_RASA_HOME", str(tmp_path))
    assert await start_rasa() is None
    said = capsys.readouterr()
    assert (said.out, "pandu nlu rasa-setup" in said.err) == ("", True)


def test_without_python_3_10_one_line_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "python3.10").write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")  # a pyenv shim with nothing behind
    (tmp_path / "python3.10").chmod(0o755)
    for name, value in (("PATH", tmp_path), ("PYENV_ROOT", tmp_path), ("PANDU_RASA_HOME", tmp_path / "rasa")):
        monkeypatch.setenv(name, str(value))
    assert not setup.can_build()
    with pytest.raises(SystemExit) as stopped:
        setup.run(print)
    said = capsys.readouterr().err
    assert stopped.value.code == 1
    assert said.count("\n") == 1
    assert "pyenv install 3.10" in said
    assert not (tmp_path / "rasa").exists()


def test_a_program_that_fails_is_quoted(tmp_path: Path) -> None:
    lines: list[str] = []
    with pytest.raises(process.ProgramError, match=r"ended with 3: no space left .*words\.log"):
        process.run_logged(
            ["/bin/sh", "-c", "printf '10%%\\r20%%\\r'; echo no space left; exit 3"],
            tmp_path / "words.log",
            watch=lines.append,
        )
    assert lines == ["10%", "20%", "no space left"]


def test_other_pythons_do_not_see_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PANDU_SECRET_KEY", "geheim")
    monkeypatch.setenv("PYTHONPATH", "/x")
    seen = process.environment({"MORE": "1"})
    assert not [name for name in seen if name.startswith("PANDU_") or name == "PYTHONPATH"]
    assert (seen["RASA_TELEMETRY_ENABLED"], seen["MORE"]) == ("false", "1")


def test_progress_of_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(train, "_REPORT_SECONDS", 0.0)
    watch = train._Watch(said.append)
    watch("2026-11-24 INFO rasa.engine")
    watch("Epochs:  12%|█▏        | 12/100 [16:22<2:15:59, 92.73s/it, t_loss=10.7]")
    assert said == ["… epoch 12 of 100, 0 s"]


def test_difference_of_two_engines_is_paired_and_repeatable() -> None:
    cases = [Case(str(number), "greet", accept=("thanks",)) for number in range(100)]
    good = [compare.alone((("greet", 0.9),), "a")] * 60 + [compare.alone((("thanks", 0.9),), "a")] * 40
    poor = [compare.alone((("greet", 0.9),), "b")] * 80 + [compare.alone((), "b")] * 20
    found = compare.difference(cases, good, poor)
    assert found == compare.difference(cases, good, poor)
    assert found["accuracy"] == 0.2
    assert 0.1 < found["ci95"][0] < 0.2 < found["ci95"][1] < 0.3


def test_the_benchmark_s_assistant_fits_our_intents() -> None:
    folder = Path(__file__).parents[2] / "benchmarks" / "peers" / "rasa"
    domain = yaml.safe_load((folder / "domain.yml").read_text(encoding="utf-8"))
    rules = yaml.safe_load((folder / "rules.yml").read_text(encoding="utf-8"))["rules"]
    assert len(domain["intents"]) == 25
    assert set(domain["intents"]) <= known_intents()
    assert set(domain["responses"]) == {f"utter_{name}" for name in domain["intents"]}
    assert {rule["steps"][0]["intent"]: rule["steps"][1]["action"] for rule in rules} == {
        name: f"utter_{name}" for name in domain["intents"]
    }
    found = convert.messages(corpus.read(corpus.files()), intents=domain["intents"], limit=20)
    assert {len(texts) for texts in found.values()} == {20}
