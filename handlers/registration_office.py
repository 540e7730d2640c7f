"""Where somebody without the internet is helped: what to bring, and the office of the operator's dated list (docs/sms.md)."""

from __future__ import annotations

from sqlalchemy import RowMapping

from handlers import places, telling
from handlers.forms import Data
from handlers.turn import Turn
from handlers.typed import SKIPPED
from storage import offices


def bring(turn: Turn, data: Data) -> list[str]:
    """What to bring and where, by SMS, where no identity number is ever asked; without a list the honest general sentence."""
    region = str(data.get("region", SKIPPED))
    found = offices.near(turn.connection, region) if places.zone(region) else None
    where = _told(turn, found) if found else turn.words("registration_office_none")
    return [turn.words("registration_bring"), where]


def _told(turn: Turn, office: RowMapping) -> str:
    looked = office["checked_on"] or turn.local(office["as_of"]).date()
    return turn.words(
        "registration_office",
        name=office["name"],
        region=places.short(office["region"]),
        address=office["address"],
        hours=f", {office['hours']}" if office["hours"] else "",
        as_of=telling.day(looked),
    )
