"""The state of one's own incentive: a time line and the one next thing; for a chat without a link the tree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import RowMapping

from handlers import answers, handoff, handoff_reasons, incentive_state, telling, typed
from handlers.catalogue import rupiah
from handlers.course_texts import with_mark
from handlers.forms import open_form
from handlers.incentive_advice import complaint, holidays
from handlers.incentive_check import FORM
from handlers.incentive_state import Next
from handlers.messages import Option, Reply
from handlers.record import Record, linked, record
from handlers.turn import Answer, Turn, answer
from storage import incentives, subscriptions

__all__ = ["FORM", "check", "status"]

SHOWN_PAYMENTS = 3
MOST = 500  # characters of an answer (design: Voice)
TITLES = (40, 14)  # letters of a title in the time line; fewer where the message would grow too long


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
        finished = course["finished_on"] if course else None
        replies += complaint(turn, own.row["wave"], course["title"] if course else None, fact, finished=finished)
    return answer(turn, *replies)


def unpaid(turn: Turn, intent: str) -> Answer:
    """ "Belum cair", "gagal": a connected chat is told of its own record, any other gets the general answer.

    Where the record says that the money has come, a person must look.
    """
    if turn.understanding.subject != "self" or linked(turn) is None:
        return answers.faq(turn, intent)
    found = status(turn)
    needed = handoff.required(turn, "disputed") if handoff_reasons.is_disputed(turn) else None
    return replace(found, replies=(*found.replies, needed)) if needed else found


def too_early(turn: Turn) -> str | None:
    """Why a case about a payment would be too early, by the person's own record; None where it is not, or nothing is known.

    The data must be newer than what happened plus its normal lag (5 working days for money, a day for the schedule).
    """
    own = record(turn, "laporan")
    if own is None:
        return None
    course = incentives.first_course(turn.connection, own.row["id"])
    payment = incentive_state.main_payment(incentives.payments(turn.connection, own.row["id"]))
    if not telling.fresh(turn, incentive_state.oldest(own.row, course, payment)):
        return None
    due = incentive_state.look_again(own.row, course, payment, telling.today(turn), holidays(turn))
    if due is None:
        return None
    if not own.shows_amounts:
        return turn.content.text("incentive_next_data_old_part")
    return turn.content.text("incentive_next_data_old", due=telling.day(due))


def check(turn: Turn) -> Answer:
    """The tree by the dashboard's words; needs no login and no data."""
    key = "incentive_no_link" if turn.understanding.subject == "self" else "incentive_other"
    return open_form(turn, FORM, before=turn.say(key))


def _part(turn: Turn, payment: RowMapping | None, following: Next, as_of: str) -> Reply:
    """Level 2a: the stage and the next step, no amount, no date of a payment, no account."""
    stage = turn.content.text(f"incentive_stage_{payment['state'] if payment else 'none'}")
    if following.reason == "bni_check":  # names the bank
        following = Next(reason="account_inactive")
    elif following.state and following.due:
        following = Next(state=f"{following.state}_part")
    text = turn.content.text("incentive_part", as_of=as_of, stage=stage) + "\n" + _next(turn, following)
    ways = typed.labelled(turn, ("link_option_manage", "form:link_manage"), ("option_human", "intent:human_agent"))
    return Reply(text=text, options=ways)


def _full(
    turn: Turn, own: Record, course: RowMapping | None, payments: Sequence[RowMapping], following: Next, as_of: str
) -> Reply:
    """Level 2: the time line with amounts, dates and the masked account."""
    say = turn.content.text
    main = incentive_state.main_payment(payments)
    lines = [say("incentive_head", as_of=as_of)]
    if following.reason == "revoked" or following.state in ("not_member", "no_course"):
        lines = [_next(turn, following), say("incentive_source", as_of=as_of)]
    else:
        shown = [row for row in payments if row is main or row in payments[-SHOWN_PAYMENTS:]]
        told = [_payment_line(turn, row, explained=row is main) for row in shown]
        around = [[*lines, *_course_lines(turn, course, most), _wallet_line(turn, own)] for most in TITLES]
        lines = _fitting(around, told, _next(turn, following))
    return Reply(text="\n".join(lines), options=_ways(turn, following))


def _fitting(around: Sequence[list[str]], payments: list[str], after: str) -> list[str]:
    """All lines; where the message would grow too long with a shorter title (the next of `around`), then without earlier payments."""
    ways = [[*before, *payments, after] for before in around]
    ways += [[*around[-1], *payments[first:], after] for first in range(1, len(payments))]
    return next((lines for lines in ways if len("\n".join(lines)) <= MOST), ways[-1])


def _ways(turn: Turn, following: Next) -> tuple[Option, ...]:
    """To be told of changes, to report what is late or has failed (not what only takes its time), and a person."""
    topics = subscriptions.topics(turn.connection, turn.chat_id)
    told = not {"insentif", subscriptions.EVERYTHING}.isdisjoint(topics)
    early = following.due is not None and following.state != "overdue"
    pairs = [] if told else [("incentive_option_tell", "intent:subscribe")]
    pairs += [] if early or following.state == "paid" else [("option_report", "intent:report_problem")]
    return typed.labelled(turn, *pairs, ("option_human", "intent:human_agent"))


def _wallet_line(turn: Turn, own: Record) -> str:
    row = own.row
    if row["wallet_state"] is None and not row["wallet"]:
        return turn.content.text("incentive_line_wallet_unknown")
    if not row["wallet"] or row["wallet_state"] == "unlinked":
        return turn.content.text("incentive_line_no_wallet")
    name = turn.content.files["incentive"]["wallets"].get(row["wallet"], row["wallet"])
    state = turn.content.text(f"incentive_wallet_{row['wallet_state'] or 'linked'}")
    return turn.content.text("incentive_line_wallet", wallet=name, masked=row["wallet_masked"] or "", state=state)


def _course_lines(turn: Turn, course: RowMapping | None, most: int) -> list[str]:
    if course is None:
        return []
    say = turn.content.text
    state = say(f"incentive_course_{course['state']}")
    if course["finished_on"]:
        state = say("incentive_done_on", state=state, day=telling.day(course["finished_on"]))
    line = say("incentive_line_course", title=with_mark(turn, course, most), state=state)
    days = [course[column] for column in ("certificate_on", "rated_on", "reviewed_on")]
    if all(days):
        return [line, say("incentive_line_met", day=telling.day(max(days)))]
    return [
        line,
        say("incentive_line_certificate", state=_since(turn, course["certificate_on"])),
        say(
            "incentive_line_review",
            rating=_since(turn, course["rated_on"]),
            review=_since(turn, course["reviewed_on"]),
        ),
    ]


def _since(turn: Turn, day: date | None) -> str:
    return turn.content.text("incentive_since", day=telling.day(day)) if day else turn.content.text("incentive_no")


def _payment_line(turn: Turn, row: RowMapping, *, explained: bool) -> str:
    """How far a payment has come; why it failed, unless that is `explained` below."""
    say = turn.content.text
    days = {
        name: telling.day(row[name]) if row[name] else say("incentive_day_unknown")
        for name in ("scheduled_on", "paid_on")
    }
    state = say(f"incentive_state_{row['state']}", day=days["paid_on" if row["state"] == "paid" else "scheduled_on"])
    if row["state"] in ("paid", "failed") and row["scheduled_on"]:
        state = say("incentive_after_schedule", schedule=days["scheduled_on"], state=state)
    if row["state"] == "failed" and not explained and (reason := turn.content.files["unpaid"].get(row["reason"])):
        state = say("incentive_because", state=state, reason=reason["title"])
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
