"""One's own registration and participation: from the record of a linked chat, else where to look."""

from __future__ import annotations

from sqlalchemy import RowMapping

from handlers import telling, typed
from handlers.catalogue import rupiah
from handlers.course_texts import with_mark
from handlers.messages import Reply
from handlers.record import Record, record
from handlers.turn import Answer, Turn, answer, options
from storage import incentives, people

ENTITLED = ("selected", "active", "finished")  # memberships that have a balance


def application_status(turn: Turn) -> Answer:
    """Membership and wave, with balance and dates at level 2; every value with the moment it speaks of."""
    own = record(turn, "status")
    if own is None:
        return answer(turn, _elsewhere(turn))
    if not own.fresh:
        ways = typed.labelled(turn, ("option_human", "intent:human_agent"))
        return answer(turn, turn.say("incentive_stale", as_of=telling.moment(turn, own.row["as_of"]), options=ways))
    course = incentives.first_course(turn.connection, own.row["id"])
    following = [("incentive_option_status", "intent:incentive_status")]
    if not own.shows_amounts:
        following.append(("link_option_manage", "form:link_manage"))
    if own.row["membership"] == "revoked":
        following = [("option_human", "intent:human_agent")]
    return answer(turn, Reply(text="\n".join(_lines(turn, own, course)), options=typed.labelled(turn, *following)))


def _elsewhere(turn: Turn) -> Reply:
    if turn.understanding.subject != "self":
        return turn.say("status_other")
    ways = options((turn.content.title("selection_status"), "intent:selection_status"))
    if people.any_record(turn.connection):
        ways = (*typed.labelled(turn, ("link_option_connect", "intent:link_account")), *ways)
    return turn.say("status_no_link", options=ways)


def _lines(turn: Turn, own: Record, course: RowMapping | None) -> list[str]:
    say, row = turn.content.text, own.row
    lines = [
        say("status_head", as_of=telling.moment(turn, row["as_of"])),
        say("status_line_membership", state=say(f"status_{row['membership']}")),
    ]
    if row["wave"]:
        lines.append(say("status_line_wave", wave=row["wave"]))
    unbought = course is None and row["membership"] in ("selected", "active")
    if own.shows_amounts:
        if row["balance"] is not None and row["membership"] in ENTITLED:
            lines.append(say("status_line_balance", balance=rupiah(row["balance"])))
        if course:
            lines.append(say("status_line_course", title=with_mark(turn, course)))
        if unbought and row["buy_by"]:
            lines.append(say("status_line_buy_by", deadline=telling.deadline(turn, row["buy_by"])))
    late = unbought and row["buy_by"] is not None and row["buy_by"] < telling.today(turn)
    if late:
        return [*lines, say("status_late")]
    following = "active_no_course" if row["membership"] == "active" and course is None else row["membership"]
    return [*lines, say(f"status_next_{following}")]
