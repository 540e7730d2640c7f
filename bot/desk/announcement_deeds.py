"""What leads from an announcement's draft to its start: a test to oneself, the second person's approval, the start, and leaving it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy import Connection
from starlette.responses import Response

from bot import campaign_start, campaign_test
from bot.desk import announcement_draft, announcements
from bot.desk.announcement_draft import seen
from bot.desk.visit import Visit, is_whole
from nlu.entities.numbers import find_phones
from storage import campaign_people, campaign_run, campaigns
from storage.database import database_now
from storage.refusal import NotReadyError, Refusal

_LATE = ("stale", "no_draft")  # somebody else was faster


async def act(visit: Visit) -> Response:
    """A deed by its name; refused, the page says why."""
    step, key = visit.request.path_params["step"], visit.number("id")
    if step not in _DEEDS or await visit.read(lambda c: campaigns.get(c, key)) is None:
        return visit.missing()
    try:
        return await _DEEDS[step](visit, key)
    except NotReadyError as error:
        return await announcement_draft.page(visit, status=422, refused=error.refusals)
    except Refusal as error:
        return await announcement_draft.page(visit, status=409 if error.key in _LATE else 422, refused=[error])


async def _test(visit: Visit, key: int) -> Response:
    phones = [str(found.value) for found in find_phones(visit.sent.get("phone", "")[:40])]

    def work(connection: Connection) -> None:
        if len(phones) != 1:
            raise Refusal("phone", "a number is wanted", field="phone")
        campaign, now = campaigns.draft(connection, key, seen(visit)), database_now(connection)
        chats = campaign_people.numbers_of_chats(connection, phones[0])
        if not campaign_test.send(connection, campaign, chats, visit.content, actor=visit.actor, now=now):
            raise Refusal("no_chat", "there is no such chat", field="phone")

    await visit.write(work, sends=True)
    return visit.go(f"/announcements/{key}/draft", done="announcement_test")


async def _approve(visit: Visit, key: int) -> Response:
    def count(connection: Connection) -> int:
        campaign = campaigns.get(connection, key)
        return campaign_start.size(connection, campaign, database_now(connection)) if campaign else 0

    size = await visit.read(count)  # not in the transaction that writes: others would have to wait for it

    def work(connection: Connection) -> None:
        campaign, now = campaigns.draft(connection, key), database_now(connection)
        sent = visit.sent.get("up_to", "")
        most = int(sent) if is_whole(sent) else 0
        campaign_start.approve(connection, campaign, size, actor=visit.actor, now=now, up_to=most, seen=seen(visit))

    await visit.write(work)
    return visit.go(f"/announcements/{key}/draft", done="announcement_approve")


async def _start(visit: Visit, key: int) -> Response:
    def work(connection: Connection) -> str:
        campaign, now = campaigns.draft(connection, key, seen(visit)), database_now(connection)
        around = announcements.room(visit)
        return str(campaign_start.begin(connection, campaign, around, actor=visit.actor, now=now)["state"])

    if await visit.write(work) == "scheduled":
        return visit.go(f"/announcements/{key}/draft", done="announcement_schedule")
    return visit.go(f"/announcements/{key}", done="announcement_start")


async def _unschedule(visit: Visit, key: int) -> Response:
    await visit.write(lambda c: campaign_run.unschedule(c, key, actor=visit.actor, now=database_now(c)))
    return visit.go(f"/announcements/{key}/draft", done="announcement_unschedule")


async def _discard(visit: Visit, key: int) -> Response:
    def work(connection: Connection) -> None:
        campaigns.draft(connection, key, seen(visit))
        campaign_run.cancel(connection, key, actor=visit.actor, now=database_now(connection))

    await visit.write(work)
    return visit.go("/announcements", done="announcement_discard")


_DEEDS: Mapping[str, Callable[[Visit, int], Awaitable[Response]]] = {
    "test": _test,
    "approve": _approve,
    "start": _start,
    "unschedule": _unschedule,
    "discard": _discard,
}
