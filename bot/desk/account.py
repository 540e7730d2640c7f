"""Accounting for it: consents in numbers, the register of processing with the times kept, and the breach pack."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from bot.desk.visit import Visit
from bot.privacy import breach as breach_pack
from handlers import register
from handlers.turn import ZONES
from storage import consents
from storage.privacy_rules import RULES

_FIRST, _LAST = 2000, 2999  # years; beyond them the arithmetic of moments ends


async def consented(visit: Visit) -> Response:
    """How many consents hold, were withdrawn or ran out, by purpose and wording."""
    rows = await visit.read(lambda c: consents.overview(c, visit.now))
    names = {
        key.removeprefix("privacy_purpose_"): text
        for key, text in visit.content.texts.items()
        if key.startswith("privacy_purpose_")
    }
    return visit.page("consents.html", rows=rows, names=names)


async def processing(visit: Visit) -> Response:
    """The register, and for each table how long it is kept."""
    labels = register.tables(visit.content)
    kept = [(labels[name], name, RULES[name]) for name in labels]
    return visit.page("processing.html", rows=register.processing(visit.content), kept=kept)


async def ask_breach(visit: Visit) -> Response:
    """The form with the steps."""
    return visit.page("breach.html", pack=None, letters={}, sent=visit.sent, problem="")


async def breach(visit: Visit) -> Response:
    """What the span of time touched, with both letters."""
    try:
        span = _span(visit)
    except ValueError as error:
        return visit.page("breach.html", 422, pack=None, letters={}, sent=visit.sent, problem=str(error))

    def work(connection: Connection) -> dict[str, Any]:
        return breach_pack.collect(connection, visit.content, span)

    pack = await visit.read(work)
    letters = breach_pack.letters(visit.content, pack, visit.desk.parts().policy.operator)
    return visit.page("breach.html", pack=pack, letters=letters, sent=visit.sent, problem="", span=span)


def _span(visit: Visit) -> breach_pack.Span:
    typed = [visit.sent.get(name, "") for name in ("since", "until", "noticed")]
    try:
        moments = [datetime.fromisoformat(one).replace(tzinfo=ZONES["WIB"]) for one in typed]
    except ValueError:
        raise ValueError("Isi ketiga waktu.") from None
    since, until, noticed = moments
    if until <= since:
        raise ValueError("Akhir harus sesudah awal.")
    if not all(_FIRST <= one.year <= _LAST for one in moments):
        raise ValueError("Periksa tahunnya.")
    return breach_pack.Span(since=since, until=until, noticed=noticed)
