"""`PANDU_NLU=rasa` through the path of a message: Rasa decides, nobody waits for it, and without it the embedded engine answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from bot import app, metrics, settings
from bot.commands.doctor import examine
from nlu.rasa.engine import RasaEngine
from storage import schema
from storage.database import Database
from tests.bot.test_path import Bench, greeted
from tests.fakes.rasa import FakeRasa


@pytest.fixture
def rasa() -> Iterator[FakeRasa]:
    with FakeRasa() as fake:
        yield fake


@pytest.fixture
def outcomes(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, ...], float]:
    """What the counter counts during a test."""
    counted: dict[tuple[str, ...], float] = {}
    monkeypatch.setattr(metrics.rasa_readings, "values", counted)
    return counted


WithRasa = Callable[[Database, str, float], Bench]


@pytest.fixture
def with_rasa() -> Iterator[WithRasa]:
    """Makes the path with a Rasa engine before the tests' engine."""
    made: list[RasaEngine] = []

    def make(database: Database, url: str, timeout: float) -> Bench:
        bench = Bench(database)
        engine = RasaEngine(
            url, bench.engine, timeout, on_reading=lambda outcome: metrics.rasa_readings.add(1, outcome)
        )
        made.append(engine)
        bench.parts = bench.worker.parts = replace(bench.parts, engine=engine)
        return bench

    with greeted():
        yield make
    for engine in made:
        engine.close()


async def test_rasa_decides(
    with_rasa: WithRasa, sqlite: Database, rasa: FakeRasa, outcomes: dict[tuple[str, ...], float]
) -> None:
    bench = with_rasa(sqlite, rasa.url, 5.0)
    await bench.hears("duitnya kapan ya", "1")
    await bench.settle()
    assert len(bench.said) == 1
    (person, _) = await bench.rows(schema.messages, "intent", "handler", "model")
    assert person == ("incentive_when", "incentive_when", "rasa-pandu-abc")
    assert outcomes == {("answered",): 1}
    assert 'pandu_rasa_readings_total{outcome="answered"} 1' in metrics.render({})


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"delay": 30.0}, "time-out"),
        ({"status": 500}, "answer 500"),
        ({"body": b"<html>"}, "unreadable answer"),
        ({"ranking": [("order_pizza", 1.0)]}, "names no known intent"),
    ],
)
async def test_without_rasa_the_embedded_engine_answers(
    with_rasa: WithRasa,
    database: Database,
    rasa: FakeRasa,
    outcomes: dict[tuple[str, ...], float],
    wrong: dict[str, object],
    reason: str,
) -> None:
    for name, value in wrong.items():
        setattr(rasa, name, value)
    bench = with_rasa(database, rasa.url, 0.2 if "delay" in wrong else 5.0)
    await bench.hears("incentive_amount: brp", "1")
    await bench.settle()
    assert len(bench.said) == 1
    (person, _) = await bench.rows(schema.messages, "intent", "model")
    assert person == ("incentive_amount", f"stub (rasa: {reason})")
    assert outcomes == {(reason,): 1}


async def test_a_server_that_is_away_rests(
    with_rasa: WithRasa, sqlite: Database, outcomes: dict[tuple[str, ...], float]
) -> None:
    bench = with_rasa(sqlite, "http://127.0.0.1:9", 5.0)
    for number in range(5):
        await bench.hears("incentive_amount: brp", str(number), chat=f"c{number}")
    await bench.settle()
    assert len(bench.said) == 5
    assert outcomes == {("no connection",): 3, ("resting",): 2}


async def test_the_other_loops_go_on_while_rasa_thinks(with_rasa: WithRasa, sqlite: Database, rasa: FakeRasa) -> None:
    rasa.delay = 30.0
    bench = with_rasa(sqlite, rasa.url, 20.0)
    await bench.hears("duitnya kapan ya", "1")
    turn = asyncio.create_task(bench.worker.run_once())
    assert await asyncio.to_thread(rasa.heard.wait, 10)
    await bench.hears("incentive_when: kapan", "2", chat="b")  # is stored meanwhile
    assert not turn.done()
    rasa.released.set()
    assert await turn == 1
    assert [row[0] for row in await bench.rows(schema.inbox, "state")] == ["done", "pending"]


async def test_a_batch_that_takes_long_renews_its_lease(
    with_rasa: WithRasa, sqlite: Database, rasa: FakeRasa, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = with_rasa(sqlite, rasa.url, 5.0)
    renewed: list[int] = []
    seconds = iter(range(0, 1000, 6))
    monkeypatch.setattr("bot.worker.time", SimpleNamespace(monotonic=lambda: next(seconds)))
    real = bench.worker._renew

    async def counted(token, claims):
        renewed.append(len(claims))
        await real(token, claims)

    monkeypatch.setattr(bench.worker, "_renew", counted)
    for number in range(4):
        await bench.hears("kapan", str(number), chat=f"c{number}")
    assert await bench.worker.run_once() == 4
    assert renewed == [4, 4]


def test_the_setting_chooses_the_engine() -> None:
    key = {"PANDU_SECRET_KEY": "k"}
    made = app.engine(
        settings.load({**key, "PANDU_NLU": "rasa", "PANDU_RASA_URL": "http://rasa.example:5005/?token=t"})
    )
    assert isinstance(made, RasaEngine)
    assert app.engine(settings.load(key)).version.startswith("embedded-")
    assert settings.load(key).rasa_url == "http://127.0.0.1:5005"


@pytest.mark.parametrize("status", [200, 409])
def test_doctor_asks_the_server_and_hides_its_token(
    rasa: FakeRasa, status: int, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    rasa.status = status
    monkeypatch.setenv("PANDU_DATABASE_URL", f"sqlite:///{tmp_path / 'p.db'}")
    monkeypatch.setenv("PANDU_NLU", "rasa")
    monkeypatch.setenv("PANDU_RASA_URL", f"{rasa.url}?token=geheim")
    found = asyncio.run(examine())
    assert any("PANDU_RASA_URL" in problem for problem in found["problems"]) == (status != 200)
    assert "geheim" not in str(found)
