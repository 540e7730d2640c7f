"""How fast and to whom: window, pair rate, throughput, tier, management calls. Numbers from the pages named beside them.

All times are the injected clock's; nothing sleeps.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from tests.fakes.whatsapp_rules import GraphError

DAY = 86_400.0
WINDOW = DAY  # messages/send-messages: 24 hours after the person's last message or call
PAIR_SECONDS, PAIR_BURST = (
    6.0,
    45,
)  # about-the-platform#rate-limits: one in 6 s; 45 at once, then as long as they'd have taken
THROUGHPUT = 80  # throughput: messages a second, sent and received together
TIERS = {"TIER_250": 250, "TIER_2K": 2_000, "TIER_10K": 10_000, "TIER_100K": 100_000}  # messaging-limits
MANAGEMENT = 5_000  # about-the-platform#rate-limits: an hour, for an account with a registered number (200 before)
MANAGEMENT_NEW = 200


@dataclass
class Limits:
    """What an account and its number may do; `on = False` lets everything but the window pass."""

    on: bool = True
    throughput: int = THROUGHPUT
    tier: str = "TIER_250"  # any other name: unlimited
    refused: dict[int, int] = field(default_factory=dict)  # code → how often
    _pairs: dict[str, tuple[float, int, float]] = field(default_factory=dict)  # person → (burst began, count, paid at)
    _recent: deque[float] = field(default_factory=deque)
    _started: dict[str, float] = field(default_factory=dict)  # person → last business-initiated message
    _calls: deque[float] = field(default_factory=deque)

    def passed(self, now: float) -> None:
        """A message came in: it counts, too, and is never refused."""
        self._recent.append(now)

    def sent(self, person: str, now: float) -> None:
        """Counts a message to a person; raises 130429 or 131056."""
        if not self.on:
            return
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= self.throughput:
            raise self._refusal(130429, "Cloud API message throughput has been reached.")
        began, count, paid = self._pairs.get(person, (now, 0, now))
        if now >= paid:
            began, count, paid = now, 0, now
        elif count >= PAIR_BURST or now - began > PAIR_SECONDS:
            raise self._refusal(131056, "Too many messages sent from the sender to the same recipient in a short time.")
        self._pairs[person] = (began, count + 1, paid + PAIR_SECONDS)
        self._recent.append(now)

    def started(self, person: str, now: float) -> None:
        """Counts a person who is written to outside the window; raises 131048 beyond the tier (the code is inferred)."""
        if not self.on or self.tier not in TIERS:
            return
        known = self._started.get(person, -DAY * 2)
        people = sum(1 for at in self._started.values() if at > now - DAY)
        if known <= now - DAY and people >= TIERS[self.tier]:
            raise self._refusal(131048, "The limit of people in 24 hours has been reached.")
        self._started[person] = now

    def managed(self, now: float, *, active: bool) -> None:
        """Counts a management call; raises 80007."""
        while self._calls and self._calls[0] <= now - 3600:
            self._calls.popleft()
        if self.on and len(self._calls) >= (MANAGEMENT if active else MANAGEMENT_NEW):
            raise self._refusal(80007, "The WhatsApp Business account has reached its rate limit.")
        self._calls.append(now)

    def _refusal(self, code: int, details: str) -> GraphError:
        self.refused[code] = self.refused.get(code, 0) + 1
        return GraphError(code, details)
