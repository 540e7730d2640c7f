"""The Rasa engine against a fake server: what is asked, how answers are read, and that nobody waits for a server that is away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from nlu.rasa.breaker import Breaker
from nlu.rasa.client import RasaClient, RasaError, RasaRefusedError, for_rasa, ranking_of
from nlu.rasa.engine import RasaEngine, decide, what_is_wrong
from nlu.understanding import OUT_OF_SCOPE, Context, Outcome, Understanding
from tests.fakes.rasa import FakeRasa

ALONE = Context(today=date(2026, 11, 24))


class Embedded:
    """Stands for the embedded engine: everything is a greeting, "dan" makes two questions, an open form asks back."""

    version = "embedded-test"

    def parse(self, text: str, context: Context) -> Understanding:
        """A reading."""
        intent, second = ("incentive_amount", "incentive_when") if " dan " in text else ("greet", None)
        return Understanding(
            intent=intent,
            confidence=0.7,
            outcome=Outcome.CLARIFY if context.form else Outcome.ANSWER,
            ranking=(("greet", 0.7), ("thanks", 0.2), ("goodbye", 0.1)),
            second=second,
            model=self.version,
        )


@pytest.fixture
def rasa() -> Iterator[FakeRasa]:
    """A fake server."""
    with FakeRasa() as fake:
        yield fake


@pytest.fixture
def engine(rasa: FakeRasa) -> Iterator[RasaEngine]:
    """The engine on the fake server."""
    made = RasaEngine(rasa.url, Embedded(), timeout=2.0)
    yield made
    made.close()


def test_rasa_decides_the_intent(engine: RasaEngine) -> None:
    got = engine.parse("kapan cair kak", ALONE)
    assert (got.intent, got.confidence, got.outcome) == ("incentive_when", 0.8, Outcome.ANSWER)
    assert got.ranking == (("incentive_when", 0.8), ("incentive_unpaid", 0.1), ("greet", 0.03))
    assert got.model == engine.version == "rasa-pandu-abc"


def test_out_of_scope_is_refused(engine: RasaEngine, rasa: FakeRasa) -> None:
    rasa.ranking = [(OUT_OF_SCOPE, 0.9), ("greet", 0.1)]
    got = engine.parse("harga cabai", ALONE)
    assert (got.intent, got.outcome) == (OUT_OF_SCOPE, Outcome.REFUSE)
    assert [name for name, _ in got.ranking] == ["greet", "thanks", "goodbye"]


@pytest.mark.parametrize("ranking", [[("greet", 0.29), ("thanks", 0.1)], [("greet", 0.45), ("thanks", 0.40)]])
def test_unsure_asks_back(engine: RasaEngine, rasa: FakeRasa, ranking: list[tuple[str, float]]) -> None:
    rasa.ranking = ranking
    assert engine.parse("eh", ALONE).outcome is Outcome.CLARIFY


@pytest.mark.parametrize("said", ["incentive_amount", "incentive_when"])
def test_two_questions_stay_in_the_order_asked(said: str) -> None:
    base = Embedded().parse("berapa dan kapan", ALONE)
    got = decide(((said, 0.6), ("greet", 0.2)), base, "rasa")
    assert (got.intent, got.second) == ("incentive_amount", "incentive_when")


def test_a_second_question_that_rasa_contradicts_is_dropped() -> None:
    got = decide((("greet", 0.9),), Embedded().parse("berapa dan kapan", ALONE), "rasa")
    assert (got.intent, got.second) == ("greet", None)


def test_what_the_conversation_decides_is_not_asked(engine: RasaEngine, rasa: FakeRasa) -> None:
    got = engine.parse("Bandung", Context(today=ALONE.today, form="register", expects="region"))
    assert (got.outcome, got.model, rasa.asked) == (Outcome.CLARIFY, "embedded-test", [])


@pytest.mark.parametrize("text", ["", "  \n", "/", "//"])
def test_nothing_to_ask(engine: RasaEngine, rasa: FakeRasa, text: str) -> None:
    assert engine.parse(text, ALONE).model == "embedded-test"
    assert rasa.asked == []


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("/scam_check", "scam_check"),
        ("/ /greet{}", "greet{}"),
        ("a\ud800b", "a?b"),
        ("a\nb\tc", "a b c"),
        ("x" * 5000, "x" * 2000),
    ],
)
def test_what_rasa_may_read(text: str, asked: str) -> None:
    assert for_rasa(text) == asked


def test_one_connection_serves_many_questions(engine: RasaEngine, rasa: FakeRasa) -> None:
    for number in range(5):
        engine.parse(f"kapan {number}", ALONE)
    assert (len(rasa.asked), rasa.connections) == (5, 1)


def test_a_connection_closed_meanwhile_is_replaced(engine: RasaEngine, rasa: FakeRasa) -> None:
    rasa.hang_up = True
    for number in range(3):
        time.sleep(0.05)
        assert engine.parse(f"kapan {number}", ALONE).model == "rasa-pandu-abc"


def test_late_is_answered_without(rasa: FakeRasa) -> None:
    rasa.delay = 1.0
    engine = RasaEngine(rasa.url, Embedded(), timeout=0.05)
    start = time.monotonic()
    got = engine.parse("kapan", ALONE)
    assert time.monotonic() - start < 0.5
    assert (got.intent, got.model) == ("greet", "embedded-test (rasa: time-out)")
    engine.close()


def test_away_rests_and_comes_back(rasa: FakeRasa) -> None:
    now = [0.0]
    engine = RasaEngine(rasa.url, Embedded(), timeout=2.0, breaker=Breaker(failures=2, pause=5.0, clock=lambda: now[0]))
    rasa.status = 503
    models = [engine.parse("kapan", ALONE).model for _ in range(4)]
    assert models == ["embedded-test (rasa: answer 503)"] * 2 + ["embedded-test (rasa: resting)"] * 2
    rasa.status = 200
    now[0] = 5.0
    assert engine.parse("kapan", ALONE).model == "rasa-pandu-abc"
    engine.close()


def test_no_json_is_answered_without(engine: RasaEngine, rasa: FakeRasa) -> None:
    rasa.body = b"<html>502</html>"
    assert engine.parse("kapan", ALONE).model == "embedded-test (rasa: unreadable answer)"


def test_each_reading_is_told(rasa: FakeRasa) -> None:
    told: list[str] = []
    engine = RasaEngine(rasa.url, Embedded(), timeout=2.0, on_reading=told.append)
    engine.parse("kapan", ALONE)
    engine.parse("Bandung", Context(today=ALONE.today, form="register", expects="region"))  # was not meant for Rasa
    rasa.status = 500
    engine.parse("kapan", ALONE)
    engine.close()
    assert told == ["answered", "answer 500"]


def test_a_long_model_name_fits_the_log(engine: RasaEngine, rasa: FakeRasa) -> None:
    rasa.model = "models/" + "m" * 200 + ".tar.gz"
    assert engine.parse("kapan", ALONE).model == "rasa-" + "m" * 50


@pytest.mark.parametrize(
    ("status", "words"),
    [(200, ""), (401, "token"), (404, "--enable-api"), (409, "no model"), (418, "answer 418")],
)
def test_what_is_wrong_with_a_server_is_named(rasa: FakeRasa, status: int, words: str) -> None:
    rasa.status = status
    found = what_is_wrong(rasa.url)
    assert words in found
    assert bool(found) == (status != 200)


def test_a_server_of_another_assistant_is_named(rasa: FakeRasa) -> None:
    rasa.ranking = [("order_pizza", 0.9)]
    assert "none of our intents" in what_is_wrong(rasa.url)


def test_nobody_listens() -> None:
    engine = RasaEngine("http://127.0.0.1:9", Embedded())
    assert engine.parse("kapan", ALONE).model == "embedded-test (rasa: no connection)"


def test_a_text_that_rasa_cannot_read_rests_nothing(engine: RasaEngine, rasa: FakeRasa) -> None:
    rasa.status = 500
    assert {engine.parse("💥", ALONE).model for _ in range(9)} == {"embedded-test (rasa: answer 500)"}
    rasa.status = 200
    assert engine.parse("kapan", ALONE).intent == "incentive_when"


def test_intents_of_another_assistant_are_not_believed(engine: RasaEngine, rasa: FakeRasa) -> None:
    rasa.ranking = [("nlu_fallback", 0.9), ("order_pizza", 0.1)]
    assert engine.parse("kapan", ALONE).model == "embedded-test (rasa: names no known intent)"


@pytest.mark.parametrize("answer", [None, [], {}, {"intent_ranking": [{"name": "greet"}]}, {"intent_ranking": 3}])
def test_unreadable_answers(answer: Any) -> None:
    with pytest.raises(RasaError, match="unreadable"):
        ranking_of(answer)


@pytest.mark.parametrize("url", ["", "localhost:5005", "ftp://x", "http://"])
def test_no_address(url: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        RasaClient(url)


def test_refused_is_an_error_of_rasa() -> None:
    assert issubclass(RasaRefusedError, RasaError)


def test_breaker_lets_one_probe_through_and_doubles_its_pause() -> None:
    now = [0.0]
    breaker = Breaker(failures=1, pause=2.0, longest=3.0, clock=lambda: now[0])
    breaker.failed()
    assert not breaker.allows()
    now[0] = 2.0
    assert (breaker.allows(), breaker.allows()) == (True, False)
    breaker.failed()
    now[0] = 4.9
    assert not breaker.allows()
    now[0] = 5.0
    assert breaker.allows()
    breaker.succeeded()
    assert breaker.allows()
