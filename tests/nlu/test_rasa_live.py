"""Ten intents learnt, read and served by the real Rasa, so that our side cannot rot.

`make rasa-test` runs it where Rasa's environment can be had (var/rasa or $PANDU_RASA_HOME); the other test runs leave it out.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
import yaml

from nlu import corpus
from nlu.evaluate import Case
from nlu.rasa import compare, convert, server, setup
from nlu.rasa.engine import RasaEngine
from nlu.rasa.train import CONFIG, train
from nlu.understanding import OUT_OF_SCOPE, Context, Outcome, Understanding

HOME = Path(os.environ.get("PANDU_RASA_HOME") or Path(__file__).parents[2] / "var" / "rasa")
INTENTS = (
    *("greet", "thanks", "incentive_when", "register_how", "eligibility_age"),
    *("wallet_link", "otp_missing", "course_choose", "human_agent", OUT_OF_SCOPE),
)
MESSAGES = 12
QUICK = {
    "epochs": 12,
    "number_of_transformer_layers": 1,
    "transformer_size": 64,
}  # the rest as in the fixed configuration


class Absent:
    """An engine that must not be needed."""

    version = "absent"

    def parse(self, text: str, context: Context) -> Understanding:
        """Refuses everything."""
        return Understanding(
            intent=OUT_OF_SCOPE, confidence=1.0, outcome=Outcome.REFUSE, ranking=(("greet", 0.0),), model=self.version
        )


@pytest.fixture
def rasa_home(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The finished environment, or a skip that cannot be overlooked."""
    monkeypatch.setenv("PANDU_RASA_HOME", str(HOME))
    if not setup.is_ready():
        with capsys.disabled():
            print(f"\nRASA IS NOT TESTED: no finished environment in {HOME}; `pandu nlu rasa-setup` builds it")
        pytest.skip("no Rasa environment")


@pytest.mark.rasa
@pytest.mark.usefixtures("rasa_home")
def test_ten_intents_are_learnt_read_and_served(tmp_path: Path) -> None:
    found = convert.messages(corpus.read(corpus.files()), intents=INTENTS, limit=MESSAGES)
    (tmp_path / "nlu.yml").write_text(convert.to_yaml(found), encoding="utf-8")
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    settings["pipeline"][-1] |= QUICK
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    model = train(tmp_path, tmp_path / "models", config=tmp_path / "config.yaml")
    assert train(tmp_path, tmp_path / "models", config=tmp_path / "config.yaml", progress=pytest.fail) == model

    cases = [Case(text, intent) for intent, texts in found.items() for text in texts[:5]]
    figures, _ = compare.measure_rasa(model, cases)
    assert figures["n"] == len(INTENTS) * 5
    assert figures["accuracy"] > 0.5, figures  # chance is 0.1
    assert figures["p50_ms"] > 0.1

    with server.serve(model) as url:
        engine = RasaEngine(url, Absent(), timeout=10.0)
        read = [engine.parse(case.text, Context(today=date(2026, 11, 24))) for case in cases]
        engine.close()
    assert {got.model for got in read} == {f"rasa-{model.name.removesuffix('.tar.gz')}"}
    served = sum(got.intent == case.intent for got, case in zip(read, cases, strict=True)) / len(cases)
    assert served == pytest.approx(figures["accuracy"], abs=0.021)
