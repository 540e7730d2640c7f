"""What an imported record says about the incentive, and the one next thing to do.

Conditions: the official FAQ of 29 Nov 2023 (facts 6.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import RowMapping

from handlers import telling
from handlers.turn import ZONES

SCHEDULE_APPEARS = timedelta(days=1)  # after rating and review (facts 6.2)
WORKING_DAYS = 5  # the money arrives 3 to 5 working days after the date scheduled (facts 6.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The next thing: a reason of content/unpaid.yml, or one of the states "incentive_next_…" of the texts."""

    reason: str | None = None
    state: str | None = None
    due: date | None = None


def next_thing(
    participant: RowMapping,
    course: RowMapping | None,
    payment: RowMapping | None,
    today: date,
    holidays: frozenset[date],
) -> Next:
    """The first condition that is not met, in the order of facts 6.4, else what the payment's state asks for."""
    if participant["membership"] == "revoked":
        return Next(reason="revoked")
    if payment and payment["state"] == "paid":
        return Next(state="paid")
    if participant["membership"] in ("applied", "failed"):
        return Next(state="not_member")
    if payment and payment["state"] in ("scheduled", "sent", "failed"):
        return _on_its_way(payment, today, holidays)
    return _condition(participant, course, today)


def _on_its_way(payment: RowMapping, today: date, holidays: frozenset[date]) -> Next:
    if payment["state"] == "failed":
        return Next(reason=payment["reason"] or "technical")
    scheduled = payment["scheduled_on"]
    if scheduled is None:
        return Next(state=f"{payment['state']}_undated")
    due = telling.working_days_after(scheduled, WORKING_DAYS, holidays)
    if today <= due:
        return Next(state=payment["state"], due=due)
    return Next(state="overdue", due=due) if _day(payment) > due else Next(state="data_old", due=today)


def _condition(participant: RowMapping, course: RowMapping | None, today: date) -> Next:
    if course is None:
        return Next(state="no_course")
    if reason := unmet(participant, course):
        return Next(reason=reason)
    last = max(course["rated_on"], course["reviewed_on"]) + SCHEDULE_APPEARS
    if today <= last:
        return Next(reason="rated_recently", due=last)
    if participant["wallet_state"] is None:
        return Next(state="wallet_unknown")
    return Next(state="waiting") if _day(course) > last else Next(state="data_old", due=today)


def unmet(participant: RowMapping, course: RowMapping) -> str | None:
    """The first condition that the record shows as not met, as a code of content/unpaid.yml; what it does not say is not claimed."""
    if course["state"] in ("bought", "running"):
        return "course_unfinished"
    for column, reason in (
        ("certificate_on", "certificate_missing"),
        ("rated_on", "not_rated"),
        ("reviewed_on", "not_reviewed"),
    ):
        if course[column] is None:
            return reason
    return _ACCOUNTS.get(participant["wallet_state"] or "linked", "no_account")


_ACCOUNTS = {"linked": None, "not_upgraded": "no_kyc", "failed": "account_inactive"}


def look_again(
    participant: RowMapping,
    course: RowMapping | None,
    payment: RowMapping | None,
    today: date,
    holidays: frozenset[date],
) -> date | None:
    """The day after which it is worth looking again, where it is too early for a case: the data is no newer than what happened plus
    its normal lag. None where a case may open."""
    following = next_thing(participant, course, payment, today, holidays)
    return (
        following.due
        if following.state in ("scheduled", "sent", "data_old") or following.reason == "rated_recently"
        else None
    )


def _day(row: RowMapping) -> date:
    """The day of which a row speaks, by the programme's clock."""
    moment: datetime = row["as_of"]
    return moment.astimezone(ZONES["WIB"]).date()


def main_payment(payments: Sequence[RowMapping]) -> RowMapping | None:
    """The payment that is spoken of: the first training incentive that is not paid, else a survey's that is on its way, else the last paid."""
    training = [row for row in payments if row["kind"].startswith("training")]
    unpaid = [row for row in training if row["state"] != "paid"]
    moving = [row for row in payments if row not in training and row["state"] in ("scheduled", "sent", "failed")]
    return next(iter((*unpaid, *(moving if training else ()), *reversed(training))), None)


def oldest(*rows: RowMapping | None) -> datetime:
    """The moment of which all that is told speaks: the oldest of the rows."""
    moments: list[datetime] = [row["as_of"] for row in rows if row is not None]
    return min(moments)
