"""How fast one person may be written to (platform-rules 2.7): one message each six seconds, in bursts of up to 45.

Every process keeps this for itself. That is enough: a chat's messages leave one after the other, and what several
senders overlook together, Meta refuses with 131056.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.whatsapp import limits


@dataclass(slots=True)
class _Person:
    left: float  # messages of the burst
    at: float  # when `left` was right
    refused: int = 0  # times in a row that Meta said "too many"


@dataclass(slots=True)
class Pace:
    """The people written to lately."""

    clock: Callable[[], float]
    people: OrderedDict[str, _Person] = field(default_factory=OrderedDict)

    def wait(self, address: str) -> float:
        """Seconds until one more message may go to this person; 0 counts it as sent."""
        person = self._person(address)
        if person.left < 1:
            return (1 - person.left) * limits.PERSON_SECONDS
        person.left -= 1
        return 0.0

    def refused(self, address: str) -> float:
        """Seconds to wait after Meta has refused one more: 4^n, from one second on."""
        person = self._person(address)
        seconds = min(float(limits.PAIR_RETRY_BASE**person.refused), limits.PAIR_WAIT_SECONDS)
        person.refused += 1
        return seconds

    def accepted(self, address: str) -> None:
        """Meta takes messages to this person again."""
        self._person(address).refused = 0

    def _person(self, address: str) -> _Person:
        now = self.clock()
        person = self.people.pop(address, None) or _Person(limits.PERSON_BURST, now)
        person.left = min(float(limits.PERSON_BURST), person.left + (now - person.at) / limits.PERSON_SECONDS)
        person.at = now
        self.people[address] = person
        while len(self.people) > limits.PEOPLE_REMEMBERED:
            self.people.popitem(last=False)
        return person
