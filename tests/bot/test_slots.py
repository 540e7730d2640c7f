"""Sending speed as a platform counts it: in sliding seconds, by its own clock, over a network and machines that stop for a moment."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slots import Slots


class AtOnceLoop(asyncio.SelectorEventLoop):
    """Its clock jumps to whatever is due next: nobody waits."""

    def __init__(self) -> None:
        super().__init__()
        self._moment = 1000.0

    def time(self) -> float:
        return self._moment

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self._moment = max(self._moment, self._scheduled[0]._when)
        super()._run_once()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    loop = AtOnceLoop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


async def arrivals(slots: Slots, ways: list[tuple[float, float]], *, replies: int = 0, at_once: int = 9) -> list[float]:
    """When each message arrives; `ways`: of each the seconds to the platform and until its answer is back."""
    found: list[float] = []
    loop = asyncio.get_running_loop()

    async def send(there: float, back: float, waits: bool) -> None:
        async with slots.slot(waits=waits):
            await asyncio.sleep(there)
            found.append(loop.time())
            await asyncio.sleep(back)

    gates = asyncio.Semaphore(at_once)

    async def announce(there: float, back: float) -> None:
        async with gates:
            await send(there, back, True)

    tasks = [asyncio.ensure_future(announce(*way)) for way in ways]
    tasks += [asyncio.ensure_future(send(0.0, 0.01, False)) for _ in range(replies)]
    await asyncio.gather(*tasks)
    return sorted(found)


def fullest(moments: list[float]) -> int:
    """The most that a second held."""
    return max(sum(begin <= moment < begin + 0.9999 for moment in moments) for begin in moments)


WAY = st.tuples(st.floats(0.0, 0.19), st.floats(0.0, 0.4))


@settings(deadline=None)
@given(st.lists(WAY, min_size=40, max_size=120), st.sampled_from([3.0, 29.2, 30.0]))
def test_however_the_network_shakes_no_second_holds_more_than_the_rate(
    ways: list[tuple[float, float]], rate: float
) -> None:
    assert fullest(run(arrivals(Slots(rate), ways))) <= -(-rate // 1)


def test_with_a_pause_now_and_then_it_holds_the_pace() -> None:
    chance = random.Random(3)
    ways = [(0.15 if n % 200 == 199 else chance.uniform(0.001, 0.01), 0.003) for n in range(900)]
    moments = run(arrivals(Slots(30.0), ways))
    assert fullest(moments) <= 30
    assert (len(moments) - 1) / (moments[-1] - moments[0]) >= 30 * 0.97


def test_a_platform_that_is_slow_as_a_rule_is_held_to_its_pace_and_not_waited_for() -> None:
    chance = random.Random(3)
    ways = [(chance.uniform(0.05, 0.15), 1.0 + chance.uniform(0.0, 0.02)) for _ in range(800)]
    moments = run(arrivals(Slots(30.0), ways, at_once=64))
    assert fullest(moments) <= 30
    late = moments[400:]
    assert (len(late) - 1) / (late[-1] - late[0]) >= 30 / 1.25


class Stopping:
    """A network that stops for a while: what was in it arrives when it goes on, all at once."""

    def __init__(self, stops: list[tuple[float, float]]) -> None:
        self.stops, self.found = stops, list[float]()

    async def send(self, slots: Slots) -> None:
        loop = asyncio.get_running_loop()
        async with slots.slot(waits=True):
            left = loop.time()
            arrives = max([left + 0.01, *(end for begin, end in self.stops if begin <= left + 0.01 < end)])
            await asyncio.sleep(arrives - left)
            self.found.append(loop.time())
            await asyncio.sleep(0.01)

    async def run(self, slots: Slots, count: int) -> list[float]:
        gates = asyncio.Semaphore(64)

        async def one() -> None:
            async with gates:
                await self.send(slots)

        await asyncio.gather(*(one() for _ in range(count)))
        return sorted(self.found)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0.5, 4.0), st.floats(0.01, 3.0)), min_size=1, max_size=4))
def test_what_was_longer_on_its_way_than_anybody_thought_counts_when_it_can_have_arrived(
    gaps: list[tuple[float, float]],
) -> None:
    stops, moment = [], 1000.0
    for after, lasts in gaps:
        stops.append((moment + after, moment + after + lasts))
        moment += after + lasts
    assert fullest(run(Stopping(stops).run(Slots(30.0), 200))) <= 30


def test_what_a_stop_cost_is_caught_up_where_the_second_has_room() -> None:
    stops = [(1000.0 + n, 1000.1 + n) for n in range(1, 30, 2)]
    moments = run(Stopping(stops).run(Slots(30.0), 900))
    assert (len(moments) - 1) / (moments[-1] - moments[0]) >= 30 * 0.97


def test_replies_wait_for_nothing_and_are_counted() -> None:
    moments = run(arrivals(Slots(30.0), [(0.0, 0.01)] * 60, replies=20))
    assert sum(moment < 1000.01 for moment in moments) >= 20
    assert fullest(moments) <= 30


def test_without_a_limit_nobody_waits() -> None:
    moments = run(arrivals(Slots(0.0), [(0.0, 0.0)] * 50))
    assert moments[-1] == pytest.approx(1000.0)
    assert Slots(0.0).room() is None


def test_a_slow_platform_is_not_waited_for() -> None:
    moments = run(arrivals(Slots(30.0), [(0.01, 5.0)] * 9))
    assert moments[-1] < 1001


def test_no_more_are_claimed_than_leave_before_their_check_is_old() -> None:
    async def waiting() -> int | None:
        slots = Slots(30.0)
        tasks = [asyncio.ensure_future(arrivals(slots, [(0.0, 0.0)])) for _ in range(9)]
        for _ in range(4):
            await asyncio.sleep(0)
        left = slots.room()
        await asyncio.gather(*tasks)
        return left

    assert Slots(30.0).room() == 9
    assert Slots(1.0).room() == 1
    assert run(waiting()) in (0, 1)
