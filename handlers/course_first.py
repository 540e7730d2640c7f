"""What must be done before a course can be bought: three videos watched, then an account linked (facts 5.4).

From the record of a linked chat, else as a reminder. While nothing can be bought, nothing is said.
"""

from __future__ import annotations

from handlers import telling
from handlers.record import Record
from handlers.turn import Turn
from storage import incentives

VIDEOS = 3
_BUYS = ("selected", "active")  # memberships of people who may still buy


def check(turn: Turn, own: Record | None) -> str:
    """The one thing that is missing, "" when nothing is. What the record does not say is not claimed."""
    if turn.content.state != "open" or turn.understanding.subject != "self":
        return ""
    if own is None or not own.fresh:
        return turn.content.text("course_first")
    row = own.row
    if row["membership"] not in _BUYS:
        return ""
    as_of = telling.moment(turn, row["as_of"])
    first = incentives.first_course(turn.connection, row["id"])
    if first:
        unfinished = first["state"] in ("bought", "running")
        return turn.content.text("course_first_running", as_of=as_of) if unfinished else ""
    if row["videos_watched"] is not None and row["videos_watched"] < VIDEOS:
        return turn.content.text("course_first_videos", as_of=as_of, watched=row["videos_watched"])
    if row["wallet_state"] is not None and row["wallet_state"] != "linked":
        return turn.content.text("course_first_wallet", as_of=as_of)
    if row["videos_watched"] is None or row["wallet_state"] is None:
        return turn.content.text("course_first")
    return ""
