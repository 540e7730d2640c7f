"""What an imported record says about the incentive, and the one next thing to do.

Conditions: the official FAQ of 29 Nov 2023 (facts 6.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import RowMapping

from handlers import telling

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
        return Next(state="waiting")
    due = telling.working_days_after(scheduled, WORKING_DAYS, holidays)
    if today <= due:
        return Next(state=payment["state"], due=due)
    if payment["as_of"].date() <= due:
        return Next(state="data_old", due=due)
    return Next(state="overdue", due=due)


def _condition(participant: RowMapping, course: RowMapping | None, today: date) -> Next:
    if course is None:
        return Next(state="no_course")
    if course["state"] in ("bought", "running"):
        return Next(reason="course_unfinished")
    if course["certificate_on"] is None:
        return Next(reason="certificate_missing")
    if course["rated_on"] is None:
        return Next(reason="not_rated")
    if course["reviewed_on"] is None:
        return Next(reason="not_reviewed")
    wallet = {"linked": None, "not_upgraded": "no_kyc", "failed": "account_inactive"}.get(
        participant["wallet_state"] or "", "no_account"
    )
    if wallet:
        return Next(reason=wallet)
    if (today - max(course["rated_on"], course["reviewed_on"])).days <= 1:
        return Next(reason="rated_recently")
    return Next(state="waiting")


def main_payment(payments: Sequence[RowMapping]) -> RowMapping | None:
    """The training incentive that is spoken of: the first that is not paid, else the last."""
    training = [row for row in payments if row["kind"].startswith("training")]
    unpaid = [row for row in training if row["state"] != "paid"]
    return unpaid[0] if unpaid else training[-1] if training else None


def oldest(*rows: RowMapping | None) -> datetime:
    """The moment of which all that is told speaks: the oldest of the rows."""
    moments: list[datetime] = [row["as_of"] for row in rows if row is not None]
    return min(moments)
