"""What a message about one's own imported changes says: the state as it is now, by the level of proof, with the data's moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from handlers import telling
from handlers.catalogue import Catalogue, rupiah
from handlers.course_texts import shortened
from handlers.messages import Reply, Template
from storage import incentives, notices

SHOWN = 3  # lines; the rest is found by asking
TITLE = 60


def changed(rows: Sequence[RowMapping]) -> list[str]:
    """What has changed in the end, the newest last; what came back to where it was is none."""
    first: dict[str, Any] = {}
    last: dict[str, Any] = {}
    for row in rows:
        first.setdefault(row["what"], row["before"])
        last.pop(row["what"], None)
        last[row["what"]] = row["after"]
    return [what for what, after in last.items() if first[what] != after]


def compose(
    connection: Connection, content: Catalogue, row: Mapping[Any, Any], rows: Sequence[RowMapping], now: datetime
) -> Reply | None:
    """The message for a chat (a row of `notices.due`) about these changes; None where nothing may or need be told."""
    full = row["level"] in ("2", "3")
    lines: list[str] = []
    moments: list[datetime] = []
    for what in changed(rows)[-SHOWN:]:
        kind, _, name = what.partition(":")
        found = (
            _payment(connection, row, name)
            if kind == "incentive"
            else notices.enrolment(connection, row["participant_id"], name)
        )
        if found is None or now - found["as_of"] > telling.OLDEST:
            continue
        line = (
            _payment_line(content, found, full=full) if kind == "incentive" else _course_line(content, found, full=full)
        )
        lines += [] if line in lines else [line]
        moments.append(found["as_of"])
    if not lines:
        return None
    as_of = telling.moment_in(row["zone"] or "WIB", min(moments), now)
    text = "\n".join((content.text("notice_head", as_of=as_of), *lines, content.text("notice_end")))
    return Reply(text=text, template=Template(name="notice_change", values={"as_of": as_of}))


def _payment(connection: Connection, row: Mapping[Any, Any], kind: str) -> RowMapping | None:
    payments = incentives.payments(connection, row["participant_id"])
    return next((one for one in payments if one["kind"] == kind), None)


def _payment_line(content: Catalogue, row: RowMapping, *, full: bool) -> str:
    kind = content.texts.get(f"incentive_kind_{row['kind']}", row["kind"])
    if not full:
        return content.text("notice_payment_part", kind=kind, stage=content.text(f"incentive_stage_{row['state']}"))
    day = row["paid_on"] if row["state"] == "paid" else row["scheduled_on"]
    told = telling.day(day) if day else content.text("incentive_day_unknown")
    state = content.text(f"incentive_state_{row['state']}", day=told)
    if row["state"] == "failed" and (reason := content.files["unpaid"].get(row["reason"])):
        state = content.text("notice_failed", state=state, reason=reason["title"])
    return content.text("notice_payment", kind=kind, amount=rupiah(row["amount"]), state=state)


def _course_line(content: Catalogue, row: RowMapping, *, full: bool) -> str:
    if not full:
        return content.text("notice_course_part")
    mark = f" {content.text('course_invented')}" if row["invented"] else ""
    state = content.text(f"incentive_course_{row['state']}")
    values = {"title": shortened(row["title"], TITLE) + mark, "state": state}
    if row["certificate_on"] is None:
        return content.text("notice_course", **values)
    return content.text("notice_certificate", day=telling.day(row["certificate_on"]), **values)
