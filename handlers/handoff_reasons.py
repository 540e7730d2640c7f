"""Why somebody wants a person: the topic, how urgent it is, and whether they may not be sent away (`live`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from handlers import fraud, incentive_state, telling, typed
from handlers.messages import Kind
from handlers.turn import Turn
from storage import cases, chats, incentives, people

GENERAL = "petugas"
URGENT_AFTER = frozenset(("membership_revoked", "account_blocked", "identity_in_use", "scam_check"))
UNPAID = ("incentive_unpaid", "incentive_failed")
DEADLINE_NEAR = timedelta(hours=48)
_RECENT_LINES = 6
_FRAUD = "penipuan"
_FRAUD_RECENT = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for."""

    topic: str  # of content/reports.yml, or "petugas"
    priority: int
    live: bool  # stays in the queue however long it takes

    @property
    def skill(self) -> str | None:
        """The skill an agent should have."""
        return None if self.topic == GENERAL else self.topic


def wish(turn: Turn, *, disputed: bool = False, topic: str | None = None) -> Wish:
    """Read from this message, the question answered last, and what the record and the chat's cases say."""
    defrauded = _fraud_in_progress(turn)
    disputed = disputed or (turn.state.last_intent in UNPAID and is_disputed(turn))
    about = topic or (_FRAUD if defrauded else "uang" if disputed else _topic(turn))
    live = defrauded or disputed or _deadline_near(turn) or cannot_use_text(turn)
    urgent = live or turn.state.last_intent in URGENT_AFTER
    return Wish(topic=about, priority=cases.URGENT if urgent else cases.NORMAL, live=live)


def is_disputed(turn: Turn) -> bool:
    """Whether the record of a linked chat says that the money has come; asked for where somebody says it has not."""
    link = _link(turn)
    main = incentive_state.main_payment(incentives.payments(turn.connection, link)) if link else None
    return main is not None and main["state"] == "paid"


def cannot_use_text(turn: Turn) -> bool:
    """Whether the person says so, or has sent voice messages just now."""
    if typed.find(turn, {"": turn.content.files["handoff"]["no_text"]}):
        return True
    said = chats.transcript(turn.connection, turn.chat_id, _RECENT_LINES)
    return any(row["author"] == "person" and row["text"] == f"[{Kind.VOICE}]" for row in said)


def _topic(turn: Turn) -> str:
    by_intent = turn.content.files["handoff"]["topics"]
    last = turn.state.last_intent
    return next((topic for topic, intents in by_intent.items() if last in intents), GENERAL)


def _fraud_in_progress(turn: Turn) -> bool:
    if fraud.is_defrauded(turn) or (turn.state.asked and turn.state.last_intent == "scam_check"):
        return True
    case = cases.latest(turn.connection, turn.chat_id, topic=_FRAUD, only_open=True)
    return case is not None and turn.now - case["created_at"] <= _FRAUD_RECENT


def _deadline_near(turn: Turn) -> bool:
    """Whether the last day to buy the first course comes within two days, and nothing is bought."""
    link = _link(turn)
    row = people.get(turn.connection, link) if link else None
    if row is None or row["buy_by"] is None or row["membership"] not in ("selected", "active"):
        return False
    left = row["buy_by"] - telling.today(turn)
    return timedelta(0) <= left <= DEADLINE_NEAR and incentives.first_course(turn.connection, row["id"]) is None


def _link(turn: Turn) -> int | None:
    link = chats.active_link(turn.connection, turn.chat_id)
    return link["participant_id"] if link and link["level"] != "1" else None
