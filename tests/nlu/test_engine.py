"""The embedded engine: the floor on the published evaluation set, decisions, context, and that nothing makes it raise."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu import corpus
from nlu.classify import MODEL
from nlu.embedded import EmbeddedEngine
from nlu.evaluate import evaluate, read_cases
from nlu.fingerprint import fingerprint, is_current
from nlu.understanding import OUT_OF_SCOPE, Context, Outcome

DEV = Path(__file__).parent.parent / "data" / "dev.jsonl"
TODAY = date(2026, 11, 24)
CONTEXT = Context(today=TODAY)


@pytest.fixture(scope="module")
def engine() -> EmbeddedEngine:
    return EmbeddedEngine.load()


def test_model_belongs_to_data_and_code() -> None:
    meta = json.loads((MODEL / "meta.json").read_text(encoding="utf-8"))
    assert meta["fingerprint"] == fingerprint(), "the model is older than its data or code: `pandu nlu train`"
    assert is_current()
    assert not is_current(MODEL.parent / "nowhere")


def test_every_intent_is_known(engine: EmbeddedEngine) -> None:
    trained = {example.intent for example in corpus.read(corpus.files()) if example.second is None}
    assert {*json.loads((MODEL / "meta.json").read_text(encoding="utf-8"))["labels"]} == trained
    assert len(trained) == 81


def test_floor_on_the_evaluation_set(engine: EmbeddedEngine) -> None:
    result = evaluate(engine, read_cases(DEV))
    assert result["accuracy"] >= 0.80
    assert result["in_scope_accuracy"] >= 0.85
    assert result["false_refusal"] <= 0.05


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("insentif sy blm cair", "incentive_unpaid"),
        ("lupa kata sandi akun", "account_login"),
        ("halo kak", "greet"),
        ("berapa batas umur daftar", "eligibility_age"),
    ],
)
def test_plain_questions(engine: EmbeddedEngine, text: str, intent: str) -> None:
    got = engine.parse(text, CONTEXT)
    assert (got.intent, got.outcome) == (intent, Outcome.ANSWER)
    assert len(got.ranking) >= 3
    assert got.ranking[0][0] == intent
    assert 0 <= got.confidence <= 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "🎉🎉",
        "12345",
        "????",
        "\x00",
        "\ud800",
        "مرحبا كيف حالك",
        "你好吗今天天气怎么样",
        "resep rendang padang enak",
        "asdfgh qwerty zxcvb",
    ],
)
def test_refused(engine: EmbeddedEngine, text: str) -> None:
    got = engine.parse(text, CONTEXT)
    assert (got.intent, got.outcome) == (OUT_OF_SCOPE, Outcome.REFUSE)
    assert len(got.ranking) >= 3


def test_two_questions_in_the_order_asked(engine: EmbeddedEngine) -> None:
    got = engine.parse("umur 47 masih boleh ikut gak? terus daftarnya di web mana kak", CONTEXT)
    assert (got.intent, got.second) == ("eligibility_age", "register_site")
    assert engine.parse("insentif saya belum cair kak, sudah dua minggu", CONTEXT).second is None


@pytest.mark.parametrize("text", ["terus?", "terus gimana kak", "maksudnya?", "kalau yang itu?"])
def test_short_messages_go_on_with_the_last_matter(engine: EmbeddedEngine, text: str) -> None:
    got = engine.parse(text, Context(today=TODAY, last_intent="wallet_link"))
    assert got.intent == "wallet_link"
    assert (
        engine.parse("berapa batas umur", Context(today=TODAY, last_intent="wallet_link")).intent == "eligibility_age"
    )


@pytest.mark.parametrize("text", ["maksudnya?", "terus gimana", "yang itu kak"])
def test_asking_on_about_nothing_is_asked_back(engine: EmbeddedEngine, text: str) -> None:
    assert engine.parse(text, CONTEXT).outcome is not Outcome.ANSWER


def test_yes_is_yes_whatever_was_before(engine: EmbeddedEngine) -> None:
    assert engine.parse("ya", Context(today=TODAY, last_intent="wallet_link")).intent == "affirm"


def test_an_answer_in_a_form_is_no_question(engine: EmbeddedEngine) -> None:
    form = Context(today=TODAY, form="registration", expects="region")
    got = engine.parse("bandung", form)
    assert got.outcome is not Outcome.ANSWER
    region = got.first("region")
    assert region is not None
    assert region.value == "3273"
    asked = engine.parse("insentifnya berapa kak?", form)
    assert (asked.intent, asked.outcome) == ("incentive_amount", Outcome.ANSWER)
    assert engine.parse("batal", form).intent == "cancel"


def test_same_text_same_reading(engine: EmbeddedEngine) -> None:
    texts = [case.text for case in read_cases(DEV)][:50]
    other = EmbeddedEngine.load()
    backwards = [other.parse(text, CONTEXT) for text in reversed(texts)][::-1]
    assert [engine.parse(text, CONTEXT) for text in texts] == backwards


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=500))
def test_never_raises(text: str) -> None:
    engine = _shared()
    got = engine._understand(text, CONTEXT, (), "self")  # below the net that `parse` spreads
    assert got.ranking
    assert engine.parse(text, CONTEXT).model == engine.version


@pytest.mark.parametrize(
    "unit", ["a", "a ", "apa? ", "?", "é", "• ", "1 ", "terus ", "🎉", "insentif saya belum cair, "]
)
def test_long_texts(engine: EmbeddedEngine, unit: str) -> None:
    got = engine.parse(unit * 10_000, CONTEXT)
    assert got.model == engine.version
    assert got.ranking
    assert 0 <= got.confidence <= 1


_ENGINES: list[EmbeddedEngine] = []


def _shared() -> EmbeddedEngine:
    if not _ENGINES:
        _ENGINES.append(EmbeddedEngine.load())
    return _ENGINES[0]


def test_the_training_data_is_rasa_yaml() -> None:
    for path in corpus.files():
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert content["version"] == "3.1", path
        assert content["nlu"], path
