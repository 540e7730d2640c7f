"""The programme's state, incident lines and facts: one person asks, another approves, ends lapse by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk import answers
from bot.desk.answer_form import dates_of, moment
from bot.desk.visit import Visit
from handlers import editing_acts
from handlers.answer_check import Finding
from handlers.catalogue import Catalogue, placeholders
from storage import desk_view, editing, program
from storage.database import database_now
from storage.editing import RefusedError

KINDS = {program.STATE: "Keadaan program", program.NOTICE: "Kabar gangguan", program.FACT: "Fakta"}
STANDINGS = {"asked": "menunggu", "refused": "ditolak", "ended": "diakhiri"}


async def show(visit: Visit) -> Response:
    """What holds now, what waits, and the forms."""
    return await _page(visit)


async def _page(visit: Visit, *, status: int = 200, found: list[Finding] | None = None, refused: str = "") -> Response:
    rows, people = await visit.read(lambda c: (program.listed(c), desk_view.aliases(c)))
    content, policy = visit.content, visit.desk.parts().policy
    told = content.files["editing"]
    values = {**content.common, "operator": policy.operator, "helplines": policy.helplines}
    values["link_hosts"] = " ".join(policy.link_hosts)
    return visit.page(
        "program.html",
        status,
        content=content,
        values=values,
        told=told,
        waiting=[row for row in rows if row["state"] == program.ASKED],
        rows=[{**row, "standing": _standing(row, visit.now)} for row in rows if row["state"] != program.ASKED],
        people=people,
        used=_used(content),
        KINDS=KINDS,
        value_of=lambda row: told["states"].get(row["value"], row["value"]) if row["kind"] == "state" else row["value"],
        key_of=lambda row: _key(told, row),
        typed=lambda kind, name: visit.sent.get(name, "") if found and visit.sent.get("kind") == kind else "",
        problems=[(_FIELDS.get(one.field, one.field), answers.words_of(visit, one)) for one in found or []],
        refused=told["refused"].get(refused, refused),
    )


_FIELDS = {"value": "Isi", "key": "Nama", "reason": "Alasan", "valid_to": "Sampai", "valid_from": "Mulai"}


def _used(content: Catalogue) -> dict[str, list[str]]:
    """Fact → the answers that name it, whose dates beside it may need a change too."""
    found: dict[str, list[str]] = {}
    for intent, entry in content.answers.items():
        texts = [*entry.text, *(entry.text_2020_2022 or ()), *entry.sms, entry.more]
        for name in {name for text in texts if "{" in text for name in placeholders(text)}:
            found.setdefault(name, []).append(intent)
    return found


def _key(told: Mapping[str, Any], row: Mapping[Any, Any]) -> str:
    if row["kind"] == program.NOTICE:
        return str(told["groups"][row["key"]]["title"]) if row["key"] in told["groups"] else "Semua jawaban"
    return str(told["facts"].get(row["key"], row["key"]))


def _standing(row: Mapping[Any, Any], now: datetime) -> str:
    if row["state"] != program.APPROVED:
        return STANDINGS[row["state"]]
    if row["valid_from"] > now:
        return "menunggu tanggal mulai"
    return "berlaku" if editing.holds(row, now) else "berakhir"


async def ask(visit: Visit) -> Response:
    """Asks for a change; nothing changes yet."""
    asked, unread = asked_for(visit.sent)
    if asked["kind"] not in KINDS:
        return visit.missing()
    found = unread or editing_acts.row_findings(visit.content, asked, visit.now, link_hosts=visit.link_hosts)
    if found:
        return await _page(visit, status=422, found=found)
    await visit.write(lambda c: program.ask(c, **asked, asked_by=visit.actor, now=database_now(c)))
    return visit.go("/program", done="program_asked")


def asked_for(sent: Mapping[str, str]) -> tuple[dict[str, Any], list[Finding]]:
    """The row that the fields of a form make, and what of them cannot be read."""
    kind = sent.get("kind", "")
    key = "" if kind == program.STATE else (sent.get("key", "").strip() or sent.get("new_key", "").strip())[:40]
    source = {name: sent.get(f"source_{name}", "").strip()[:200] for name in ("name", "date", "url")}
    dates, unread = dates_of(sent, moment, moment)
    asked = {
        "kind": kind,
        "key": key,
        "value": " ".join(sent.get("value", "").split()),
        "reason": sent.get("reason", "").strip(),
        "source": source if any(source.values()) else None,
    }
    return {**asked, **dates}, unread


async def act(visit: Visit) -> Response:
    """Approves, refuses or ends a row."""
    step = visit.request.path_params["step"]
    if step not in ("approve", "refuse", "end"):
        return visit.missing()
    reason = visit.sent.get("reason", "").strip()

    def work(connection: Connection) -> None:
        key, by, now = visit.number("row"), visit.actor, database_now(connection)
        if step == "approve":
            hosts = visit.link_hosts
            editing_acts.approve(connection, visit.content, key, by=by, now=now, link_hosts=hosts)
        elif step == "refuse":
            program.refuse(connection, key, by=by, now=now)
        else:
            editing_acts.end(connection, key, by=by, reason=reason, now=now)

    try:
        await visit.write(work)
    except RefusedError as error:
        return await _page(visit, status=422 if str(error) == "reason" else 409, refused=str(error))
    answers.changed(visit)
    return visit.go("/program", done=f"program_{step}")
