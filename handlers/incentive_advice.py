"""What the answers of the tree "belum cair" come to: the reason, what to do about it, and a complaint to paste."""

from __future__ import annotations

from datetime import date
from typing import Any

from handlers import desk_calendar, telling, typed
from handlers.catalogue import shown_date
from handlers.forms import Data
from handlers.incentive_state import WORKING_DAYS
from handlers.messages import Reply
from handlers.turn import Turn

UNKNOWN = "?"
NO_SCHEDULE, FAILED, RECENT, OLDER = "none", "failed", "recent", "older"
MISSING = {
    "certificate": "certificate_missing",
    "rating": "not_rated",
    "review": "not_reviewed",
    "account": "no_account",
    "upgraded": "no_kyc",
    "same_number": "phone_differs",
}
"""The yes-no steps in their order, and the reason that a "no" means."""
ORDER = (*MISSING, "schedule")


def holidays(turn: Turn) -> frozenset[date]:
    """National holidays and cuti bersama of last year, this one and the next."""
    year = telling.today(turn).year
    return frozenset(day for one in range(year - 1, year + 2) for day in desk_calendar.national_days(one))


def outcome(turn: Turn, data: Data) -> tuple[str | None, str]:
    """(reason of unpaid.yml or None, key of the sentence where there is no such reason)."""
    for step, reason in MISSING.items():
        value = str(data.get(step, ""))
        if value.startswith("reason:"):
            return value.removeprefix("reason:"), ""
        if value == typed.NO:
            return reason, ""
    schedule = str(data.get("schedule", ""))
    if schedule.startswith("reason:"):
        return schedule.removeprefix("reason:"), ""
    if schedule == FAILED:
        return str(data.get("failed_why", "technical")), ""
    if schedule == NO_SCHEDULE:
        return ("rated_recently", "") if data.get("rated_when") == RECENT else (None, "incentive_no_schedule")
    if schedule == UNKNOWN:
        return None, "incentive_unknown_schedule"
    due = telling.working_days_after(date.fromisoformat(schedule), WORKING_DAYS, holidays(turn))
    return ("scheduled_recently", "") if telling.today(turn) <= due else (None, "incentive_overdue")


def advice(turn: Turn, reason: str | None, key: str) -> str:
    """Why, and the one thing to do in the programme's state."""
    if reason is None:
        return turn.content.text(key)
    entry: dict[str, Any] = turn.content.files["unpaid"][reason]
    action = entry["action"] if turn.content.state == "open" else entry["closed"]
    source = f"{entry['source']['name']}, {shown_date(str(entry['source']['date']))}"
    return turn.content.text(
        "incentive_advice",
        explain=turn.content.fill(entry["explain"]),
        action=turn.content.fill(action),
        source=source,
        years=entry["years"],
    )


def complaint(
    turn: Turn,
    wave: int | None,
    course: str | None,
    facts: str,
    *,
    order: str | None = None,
    finished: date | None = None,
) -> list[Reply]:
    """Where to send it, and the text to paste in a bubble of its own; what is not known is a blank to fill in."""
    blank = turn.content.text("incentive_blank")
    text = turn.content.text(
        "incentive_complaint",
        wave=wave or blank,
        course=course or blank,
        order=order or blank,
        finished=telling.day(finished) if finished else blank,
        facts=facts,
    )
    lead = turn.content.text("incentive_complaint_lead")
    if blank in text:
        lead += " " + turn.content.text("incentive_complaint_blanks")
    return [Reply(text=lead), Reply(text=text, alone=True)]


def facts(turn: Turn, data: Data) -> str:
    """The sentence of the complaint that says what stands on the dashboard."""
    reason, key = outcome(turn, data)
    if key == "incentive_overdue":
        return turn.content.text("incentive_fact_schedule", day=telling.day(date.fromisoformat(str(data["schedule"]))))
    if reason == "scheduled_recently":
        return turn.content.text("incentive_fact_early", day=telling.day(date.fromisoformat(str(data["schedule"]))))
    if reason:
        return turn.content.text("incentive_fact_reason", title=turn.content.files["unpaid"][reason]["title"])
    return turn.content.text("incentive_fact_no_schedule")
