"""The state of one's own incentive: a time line and the one next thing; for a chat without a link the tree."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import RowMapping

from handlers import answers, incentive_state, telling, typed
from handlers.catalogue import rupiah
from handlers.course_texts import with_mark
from handlers.forms import open_form
from handlers.incentive_advice import complaint, holidays
from handlers.incentive_check import FORM
from handlers.incentive_state import Next
from handlers.messages import Reply
from handlers.record import Record, linked, record
from handlers.turn import Answer, Turn, answer
from storage import incentives

__all__ = ["FORM", "check", "status"]

SHOWN_PAYMENTS = 3


def status(turn: Turn) -> Answer:
    """What is known of the person's own incentive, at the level of proof; without a link the tree."""
    own = record(turn, "insentif")
    if own is None:
        return check(turn)
    course = incentives.first_course(turn.connection, own.row["id"])
    payments = incentives.payments(turn.connection, own.row["id"])
    payment = incentive_state.main_payment(payments)
    as_of = incentive_state.oldest(own.row, course, payment)
    if not telling.fresh(turn, as_of):
        ways = typed.labelled(turn, ("option_human", "intent:human_agent"))
        return answer(turn, turn.say("incentive_stale", as_of=telling.moment(turn, as_of), options=ways))
    following = incentive_state.next_thing(own.row, course, payment, telling.today(turn), holidays(turn))
    shown = telling.moment(turn, as_of)
    if not own.shows_amounts:
        return answer(turn, _part(turn, payment, following, shown))
    replies = [_full(turn, own, course, payments, following, shown)]
    if following.state == "overdue" and payment and payment["scheduled_on"]:
        fact = turn.content.text("incentive_fact_schedule", day=telling.day(payment["scheduled_on"]))
        replies += complaint(turn, own.row["wave"], course["title"] if course else None, fact)
    return answer(turn, *replies)


def unpaid(turn: Turn, intent: str) -> Answer:
    """ "Belum cair", "gagal": a connected chat is told of its own record, any other gets the general answer."""
    own = turn.understanding.subject == "self" and linked(turn) is not None
    return status(turn) if own else answers.faq(turn, intent)


def check(turn: Turn) -> Answer:
    """The tree by the dashboard's words; needs no login and no data."""
    key = "incentive_no_link" if turn.understanding.subject == "self" else "incentive_other"
    return open_form(turn, FORM, before=turn.say(key))


def _part(turn: Turn, payment: RowMapping | None, following: Next, as_of: str) -> Reply:
    """Level 2a: the stage and the next step, no amount, no date of a payment, no account."""
    stage = turn.content.text(f"incentive_stage_{payment['state'] if payment else 'none'}")
    if following.reason == "bni_check":  # names the bank
        following = Next(reason="account_inactive")
    elif following.due:
        following = Next(state=f"{following.state}_part")
    text = turn.content.text("incentive_part", as_of=as_of, stage=stage) + "\n" + _next(turn, following)
    ways = typed.labelled(turn, ("link_option_manage", "form:link_manage"), ("option_human", "intent:human_agent"))
    return Reply(text=text, options=ways)


def _full(
    turn: Turn, own: Record, course: RowMapping | None, payments: Sequence[RowMapping], following: Next, as_of: str
) -> Reply:
    """Level 2: the time line with amounts, dates and the masked account."""
    say = turn.content.text
    lines = [say("incentive_head", as_of=as_of)]
    if following.reason == "revoked" or following.state in ("not_member", "no_course"):
        lines = [_next(turn, following), say("incentive_source", as_of=as_of)]
    else:
        lines += [_payment_line(turn, row) for row in payments[-SHOWN_PAYMENTS:]]
        lines += [*_course_lines(turn, course), _wallet_line(turn, own), _next(turn, following)]
    ways = typed.labelled(turn, ("option_report", "intent:report_problem"), ("option_human", "intent:human_agent"))
    return Reply(text="\n".join(lines), options=ways)


def _wallet_line(turn: Turn, own: Record) -> str:
    row = own.row
    if not row["wallet"] or row["wallet_state"] == "unlinked":
        return turn.content.text("incentive_line_no_wallet")
    name = turn.content.files["incentive"]["wallets"].get(row["wallet"], row["wallet"])
    state = turn.content.text(f"incentive_wallet_{row['wallet_state'] or 'linked'}")
    return turn.content.text("incentive_line_wallet", wallet=name, masked=row["wallet_masked"] or "", state=state)


def _course_lines(turn: Turn, course: RowMapping | None) -> list[str]:
    if course is None:
        return []
    say = turn.content.text
    yes_no = {True: say("incentive_yes"), False: say("incentive_no")}
    certificate = course["certificate_on"]
    state = say(f"incentive_course_{course['state']}")
    return [
        say("incentive_line_course", title=with_mark(turn, course), state=state),
        say(
            "incentive_line_certificate",
            state=say("incentive_since", day=telling.day(certificate)) if certificate else yes_no[False],
        ),
        say(
            "incentive_line_review", rating=yes_no[bool(course["rated_on"])], review=yes_no[bool(course["reviewed_on"])]
        ),
    ]


def _payment_line(turn: Turn, row: RowMapping) -> str:
    say = turn.content.text
    moment: date | None = row["paid_on"] if row["state"] == "paid" else row["scheduled_on"]
    told = telling.day(moment) if moment else say("incentive_day_unknown")
    state = say(f"incentive_state_{row['state']}", day=told)
    return say("incentive_line_payment", kind=_kind(turn, row["kind"]), amount=rupiah(row["amount"]), state=state)


def _kind(turn: Turn, kind: str) -> str:
    """The name of a payment; one that the texts do not know is told as imported."""
    key = f"incentive_kind_{kind}"
    return turn.content.text(key) if key in turn.content.texts else kind


def _next(turn: Turn, following: Next) -> str:
    """The one next thing, by the programme's state."""
    if following.reason:
        reason: dict[str, Any] = (
            turn.content.files["unpaid"].get(following.reason) or turn.content.files["unpaid"]["technical"]
        )
        explain = turn.content.fill(reason["explain"])
        action = turn.content.fill(reason["action"] if turn.content.state == "open" else reason["closed"])
        return explain + "\n" + turn.content.text("incentive_next", action=action)
    due = telling.day(following.due) if following.due else ""
    return turn.content.text(f"incentive_next_{following.state}", due=due)
