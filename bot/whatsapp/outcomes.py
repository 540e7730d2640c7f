"""What Meta's error codes mean for us: one table (platform-rules 2.8 and 4), for refusals at once and for `failed` statuses later.

The code decides, never the title or the HTTP status: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from bot.channel import Down, Failed, Gone, Outcome, Retry, Shut, Throttled

log = structlog.get_logger()

MINUTES: Final = 120.0  # "back off for minutes"
MOMENT: Final = 5.0  # the number is too fast: the budget goes on slower behind this
MAINTENANCE: Final = 60.0  # "again in a minute or more"
A_DAY: Final = 24 * 3600.0  # what may not be tried again by machine; a proactive message has expired by then
PAIR: Final = -1.0  # the wait grows with each refusal, see pace.py


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as Meta tells it."""

    code: int
    text: str  # title and details, for the log and the operator
    subcode: int = 0
    status: int = 0  # of HTTP; 0 where a status told it

    @property
    def shown(self) -> str:
        """Code and words, as they stand in the outbox."""
        return f"{self.code}: {self.text}" if self.code >= 0 else self.text


Meaning = Callable[[str], Outcome]


def _down(mend: str) -> Meaning:
    return lambda told: Down(f"{told}; {mend}")


def _wait(seconds: float, scope: Any, note: str = "") -> Meaning:
    return lambda told: Throttled(seconds, scope, f"{note} ({told})" if note else "")


def _noted(mend: str) -> Meaning:
    return lambda told: Failed(told, f"{told}; {mend}")


_TOKEN = _down("make a new token of the system user and set PANDU_WHATSAPP_TOKEN")
_RIGHTS = _down("give the system user whatsapp_business_messaging and whatsapp_business_management")
_LOCKED = _down("Meta has restricted the account: look into the Business Support Home, appeal; other channels go on")
_REGISTER = _down("the number is not (properly) registered: run `pandu whatsapp check`, then `setup`")
_OURS = _noted("a fault of ours: report it with this line")
_TEMPLATE = _noted("the template does not fit what Meta holds: run `pandu whatsapp templates --sync`")
_WORDING = _noted("mend the template's wording in handlers/content/whatsapp_templates.yml and submit it again")

TABLE: Final[dict[int, Meaning]] = {
    # the channel itself
    **dict.fromkeys((0, 190), _TOKEN),
    **dict.fromkeys(
        (3, 10, *range(200, 300), 131005), _RIGHTS
    ),  # 131005 concerns every message, so nothing is given up
    **dict.fromkeys((368, 131031), _LOCKED),
    131042: _down("Meta wants a payment method: WhatsApp Manager, Payment settings"),
    **dict.fromkeys((131045, 133000, *range(133005, 133011), 133015, 133016), _REGISTER),
    131037: _down("the display name is not approved: WhatsApp Manager, Phone numbers"),
    33: _down("PANDU_WHATSAPP_NUMBER_ID is no number of this account: run `pandu whatsapp check`"),  # as 131005
    # too fast
    **dict.fromkeys((4, 80007), _wait(MINUTES, "account")),
    130429: _wait(MOMENT, "account"),
    131056: _wait(PAIR, "chat"),
    **dict.fromkeys(
        (131048, 471), _wait(A_DAY, "lane", "WhatsApp calls it spam: announcements wait a day; look at the quality")
    ),
    131057: _wait(MAINTENANCE, "account"),
    132069: _wait(MINUTES, "lane"),
    # passing
    **dict.fromkeys((1, 2, 131000, 131016, 131053, 133004), Retry),
    # the window
    **dict.fromkeys((131047, 470), Shut),
    # this person here
    **dict.fromkeys((131026, 1013), Gone),
    130497: lambda told: Gone(told, note=f"{told}; Meta does not let this account write to the person's country"),
    131050: lambda told: Gone(told, opted_out=True),
    # this message
    **dict.fromkeys((130472, 131049, 131051, 131052, 131060), Failed),
    131062: _noted("this kind of message needs the person's number, WhatsApp has given only an id"),
    **dict.fromkeys((100, 131008, 131009, 131021, 135000), _OURS),
    # templates
    **dict.fromkeys((132000, 132001, 132012, 132015, 132016, 132018), _TEMPLATE),
    **dict.fromkeys((132005, 132007), _WORDING),
    132068: _noted("a Flow is blocked; Pandu sends none"),
}
"""Code → what it means. 470, 471 and 1013 are those of the retired product, which old accounts may still tell."""

_NOT_OURS: Final = 33  # subcode of 100: the id in the address is unknown, or we may not use it


def outcome(refusal: Refusal) -> Outcome:
    """What a refusal means; codes that are in no document are judged by HTTP's status."""
    told = refusal.shown
    if refusal.code == 100 and refusal.subcode == _NOT_OURS:
        return TABLE[33](told)
    if meaning := TABLE.get(refusal.code):
        return meaning(told)
    log.warning("whatsapp refused in an unknown way", code=refusal.code, status=refusal.status)
    if refusal.status >= 500:
        return Retry(told)
    if refusal.status == 429:
        return Throttled(MINUTES, "account")
    return Down(told) if refusal.status in (401, 403) else Failed(told)
