"""Writing on an answer: the draft's form, its second reader, publishing, going back to an old version, withdrawing one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk import answers
from bot.desk.answer_form import begins, body_of, dates_of, ends, fields_of, first_day, last_day
from bot.desk.visit import Visit, is_whole
from handlers import answer_check, editing_acts
from handlers.answer_check import Finding
from storage import editing
from storage.database import database_now
from storage.editing import RefusedError

_NOTE = 500


async def show(visit: Visit) -> Response:
    """The form with the draft, else with what holds now."""
    intent = visit.request.path_params["intent"]
    if intent not in visit.content.answers:
        return visit.missing()
    rows = await visit.read(lambda c: editing.history(c, intent))
    draft = next((row for row in rows if row["state"] in editing.OPEN), None)
    begun = draft or next((row for row in rows if row["id"] == visit.content.versions.get(intent)), None)
    fields = fields_of(begun["body"] if begun else answers.seed_of(visit.content, intent))
    fields["reason"] = draft["reason"] if draft else ""
    fields["valid_from"] = first_day(draft["valid_from"]) if draft else ""
    fields["valid_to"] = last_day(draft["valid_to"]) if draft else ""
    found: list[Finding] = []
    if draft is not None:
        found = editing_acts.findings(visit.content, intent, draft, visit.now, link_hosts=visit.link_hosts)
    return _form(visit, intent, fields, draft["revision"] if draft else 0, found)


def _form(
    visit: Visit,
    intent: str,
    fields: Mapping[str, str],
    revision: int,
    found: list[Finding],
    *,
    status: int = 200,
    refused: str = "",
) -> Response:
    content = visit.content
    told = content.files["editing"]
    wrong: dict[str, list[str]] = {}
    for one in found:
        wrong.setdefault(_field(one.field), []).append(answers.words_of(visit, one))
    known = {**content.common, **content.schemes[content.default_scheme].values}
    return visit.page(
        "answer_edit.html",
        status,
        intent=intent,
        entry=content.answers[intent],
        fields=fields,
        revision=revision,
        wrong=wrong,
        refused=told["refused"].get(refused, ""),
        told=told,
        known=known,
        most=answer_check,
        reason=editing_acts.REASON,
        has_older=bool(content.older_scheme),
    )


def _field(name: str) -> str:
    """A field of the check as the form names it."""
    key, _, wording = name.partition(".")
    return f"{key}_{wording or 'open'}" if key in ("text", "text_2020_2022", "sms") else key


async def save(visit: Visit) -> Response:
    """Keeps the draft, whatever is still wrong with it; only what cannot be read or kept is refused."""
    intent, sent = visit.request.path_params["intent"], visit.sent
    if intent not in visit.content.answers:
        return visit.missing()
    body, unread = body_of(sent)
    dates, unknown = dates_of(sent, begins, ends)
    revision = int(sent["revision"]) if is_whole(sent.get("revision", "")) else 0
    fields = {**dict.fromkeys(fields_of({}), ""), **dict.fromkeys(("reason", "valid_from", "valid_to"), ""), **sent}
    if unread or unknown:
        return _form(visit, intent, fields, revision, [*unread, *unknown], status=422)

    def work(connection: Connection) -> None:
        editing.save(
            connection,
            intent,
            body,
            author=visit.actor,
            reason=sent.get("reason", "").strip()[: editing_acts.REASON],
            **dates,
            revision=revision,
            now=database_now(connection),
        )

    try:
        await visit.write(work)
    except RefusedError as error:
        return _form(visit, intent, fields, revision, [], status=409, refused=str(error))
    return visit.go(f"/answers/{intent}", done="draft")


async def act(visit: Visit) -> Response:
    """A step of a draft or a version, by its name."""
    intent, step = visit.request.path_params["intent"], visit.request.path_params["step"]
    if intent not in visit.content.answers or step not in _STEPS:
        return visit.missing()
    try:
        await visit.write(lambda c: _STEPS[step](c, visit, intent))
    except RefusedError as error:
        return await answers.page(visit, status=422 if str(error) == "reason" else 409, refused=str(error))
    answers.changed(visit)
    return visit.go(f"/answers/{intent}", done=f"answer_{step}")


def _revision(visit: Visit) -> int:
    sent = visit.sent.get("revision", "")
    return int(sent) if is_whole(sent) else 0


def _version(connection: Connection, visit: Visit, intent: str) -> int:
    sent = visit.sent.get("version", "")
    row = editing.get(connection, int(sent)) if is_whole(sent) else None
    if row is None or row["intent"] != intent:
        raise RefusedError("not_published")
    return int(row["id"])


def _submit(connection: Connection, visit: Visit, intent: str) -> None:
    now, hosts = database_now(connection), visit.link_hosts
    editing_acts.submit(connection, visit.content, intent, revision=_revision(visit), now=now, link_hosts=hosts)


def _publish(connection: Connection, visit: Visit, intent: str) -> None:
    done: dict[str, Any] = {"revision": _revision(visit), "reader": visit.actor, "now": database_now(connection)}
    editing_acts.publish(connection, visit.content, intent, **done, link_hosts=visit.link_hosts)


def _back(connection: Connection, visit: Visit, intent: str) -> None:
    note = visit.sent.get("note", "").strip()[:_NOTE]
    editing.give_back(connection, intent, revision=_revision(visit), reader=visit.actor, note=note)


def _discard(connection: Connection, visit: Visit, intent: str) -> None:
    editing.discard(connection, intent, revision=_revision(visit))


def _rollback(connection: Connection, visit: Visit, intent: str) -> None:
    version, reason = _version(connection, visit, intent), visit.sent.get("reason", "").strip()
    editing_acts.roll_back(
        connection,
        visit.content,
        version,
        actor=visit.actor,
        reason=reason,
        now=database_now(connection),
        link_hosts=visit.link_hosts,
    )


def _withdraw(connection: Connection, visit: Visit, intent: str) -> None:
    version, reason = _version(connection, visit, intent), visit.sent.get("reason", "").strip()
    editing_acts.withdraw(connection, version, actor=visit.actor, reason=reason, now=database_now(connection))


_STEPS: Mapping[str, Callable[[Connection, Visit, str], None]] = {
    "submit": _submit,
    "publish": _publish,
    "back": _back,
    "discard": _discard,
    "rollback": _rollback,
    "withdraw": _withdraw,
}
