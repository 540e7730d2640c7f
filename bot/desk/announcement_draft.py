"""Making an announcement: the form, how the draft looks and whom it would reach, and the deeds that lead to its start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping
from starlette.responses import Response

from bot import campaign_draft, campaign_preview, campaign_start
from bot.desk import announcement_audience, announcement_form, announcement_picture, announcements, roles
from bot.desk.announcement_words import words
from bot.desk.look import masked
from bot.desk.visit import Visit, is_whole
from handlers import announcement, templates
from storage import campaign_numbers, campaigns, desk_view, reached, segments
from storage.database import database_now
from storage.refusal import NotReadyError, Refusal

KEPT = ("draft", "scheduled")  # states that have this page; a started one has its own


async def ask(visit: Visit) -> Response:
    """An empty form."""
    return await _form(visit, announcement_form.blank(visit.desk.ways.channels))


async def make(visit: Visit) -> Response:
    """Makes a draft; what is wrong is said at its field, with everything that was typed still there."""
    wish = announcement_form.wish_of(visit.sent, await _choices(visit), visit.now)

    def work(connection: Connection) -> int:
        now = database_now(connection)
        return campaign_draft.create(connection, wish, announcements.room(visit), actor=visit.actor, now=now)

    try:
        key = await visit.write(work)
    except NotReadyError as error:
        return await _form(visit, announcement_form.typed(visit.sent), error.refusals, status=422)
    return visit.go(f"/announcements/{key}/draft", done="saved")


async def show(visit: Visit) -> Response:
    """The draft: what it says, whom it reaches (counted where the address asks for it), its deeds, and the form."""
    return await page(visit)


async def save(visit: Visit) -> Response:
    """Writes the draft anew. Who was faster keeps theirs; what was typed here stays on the page."""
    wish = announcement_form.wish_of(visit.sent, await _choices(visit), visit.now)
    key = visit.number("id")

    def work(connection: Connection) -> None:
        now, around = database_now(connection), announcements.room(visit)
        campaign_draft.edit(connection, key, wish, around, seen=seen(visit), actor=visit.actor, now=now)

    try:
        await visit.write(work)
    except (NotReadyError, Refusal) as error:
        fields = announcement_form.typed(visit.sent)
        if isinstance(error, NotReadyError):
            return await page(visit, status=422, fields=fields, found=error.refusals)
        return await page(visit, status=409, fields=fields, found=[error])
    return visit.go(f"/announcements/{key}/draft", done="saved")


async def _choices(visit: Visit) -> announcement_form.Choices:
    titles, names = await visit.read(lambda c: (reached.titles(c), reached.names(c)))
    return announcement_audience.with_series(announcements.told(visit)["choices"], titles, names)


def seen(visit: Visit) -> int:
    """The revision that the page showed."""
    sent = visit.sent.get("revision", "")
    return int(sent) if is_whole(sent) else 0


async def page(
    visit: Visit,
    *,
    status: int = 200,
    fields: Mapping[str, str] | None = None,
    found: Sequence[Refusal] = (),
    refused: Sequence[Refusal] = (),
) -> Response:
    """The draft's page; `fields`: a form that could not be saved, `found`: why; `refused`: why a deed was not done."""
    key, counts = visit.number("id"), bool(visit.asked("count"))
    campaign = await visit.read(lambda c: campaigns.get(c, key))
    if campaign is None:
        return visit.missing()
    if campaign["state"] not in KEPT and fields is None:
        return visit.go(f"/announcements/{key}")
    about = await visit.read(lambda c: _about(c, campaign))
    counted = await visit.read(lambda c: _counted(c, visit, campaign)) if counts else None
    if fields is None:
        fields = announcement_form.fields_of(campaign, await _choices(visit))
    shown = await announcements.previewed(visit, campaign)
    return await _form(
        visit,
        fields,
        found,
        status=status,
        campaign=campaign,
        counted=counted,
        shown=shown,
        refused=[announcements.sentence(visit, one) for one in refused],
        **about,
    )


async def _form(
    visit: Visit, fields: Mapping[str, str], found: Sequence[Refusal] = (), *, status: int = 200, **about: Any
) -> Response:
    content, ways = visit.content, visit.desk.ways
    saved, titles = await visit.read(lambda c: (segments.saved(c), reached.titles(c)))
    picture = await announcement_picture.facts(visit, fields["image"])
    known: dict[str, Any] = {"campaign": None, "revision": 0, "counted": None, "refused": [], "file": None}
    return visit.page(
        "announcement_draft.html",
        status,
        **{**known, **about},
        fields=fields,
        wrong=announcements.by_field(visit, found),
        told=announcements.told(visit),
        picture=announcement_picture.told(visit, picture) if picture else "",
        words=words(visit, about.get("people", {})),
        segments=saved,
        titles=titles,
        templates=templates.wanted(content),
        channels=[name for name in announcement.CHANNELS if name in ways.channels],
        ways=ways,
        TOPICS=campaign_draft.TOPICS,
        REPEATS=campaign_start.REPEATS,
        SIDES=[(side, announcement_audience.of_side(side)) for side in announcement_audience.SIDES],
    )


def _about(connection: Connection, campaign: RowMapping) -> dict[str, Any]:
    """What is known of a draft without counting people."""
    key, listed = campaign["id"], campaign["audience"].get("numbers_of")
    wrote = campaigns.writers(connection, key)
    others = desk_view.colleagues(connection, roles.ANNOUNCES)
    return {
        "revision": campaigns.revision(connection, key),
        "writers": wrote,
        "seconds": [row["alias"] for row in others if f"agent:{row['id']}" not in wrote],
        "acts": campaigns.acts(connection, key),
        "people": desk_view.aliases(connection),
        "file": None
        if listed is None
        else {"size": campaign_numbers.size(connection, listed), "worst": campaign_numbers.worst(connection, listed)},
    }


def _counted(connection: Connection, visit: Visit, campaign: RowMapping) -> dict[str, Any]:
    """Who would get it, who not and why, ten examples, how long, what it costs; in a transaction that cannot write."""
    around, now = announcements.room(visit), database_now(connection)
    means = around.ways.means(around.catalogue)
    found = campaign_preview.look(connection, campaign, means, around.catalogue, now, shown=_masked)
    in_way = campaign_start.in_the_way(connection, around, campaign, found["recipients"])
    return {**found, "in_the_way": [announcements.sentence(visit, one) for one in in_way]}


def _masked(values: Mapping[str, str]) -> dict[str, str]:
    """A person's values as the sample shows them: enough to judge the text by, nobody is known from it."""
    found = dict(values)
    if "nama" in found:
        call, _, name = found["sapaan"].rpartition(" ")
        found["sapaan"], found["nama"] = f"{call} {masked(name)}", masked(found["nama"])
    if "saldo" in found:
        found["saldo"] = "Rp•••"
    return found
