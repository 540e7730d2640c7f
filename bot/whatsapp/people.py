"""Who sent it: a number, a business-scoped user id, or both (platform-rules 2.9).

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from bot.whatsapp import limits

_BSUID: Final = re.compile(limits.BSUID_PATTERN)
_NUMBER: Final = re.compile(r"\+?[0-9]{7,15}")  # E.164: at most 15 digits


def phone_of(value: Any) -> str | None:
    """ "+62…" from a wa_id, which has the country code and no plus; None where it is none."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return None
    return f"+{value.removeprefix('+')}"


def bsuid_of(value: Any) -> str | None:
    """A business-scoped user id as it stands; None where it is none."""
    return value if isinstance(value, str) and _BSUID.fullmatch(value) else None


def own_ids(message: Mapping[str, Any], contact: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What is vouched for of the sender: ("bsuid", …) and, last, ("phone", "+62…"). Either form may stand in `from`."""
    sender = message.get("from")
    bsuid = bsuid_of(message.get("from_user_id")) or bsuid_of(sender) or bsuid_of(contact.get("user_id"))
    phone = phone_of(sender) or phone_of(contact.get("wa_id"))
    return tuple((kind, value) for kind, value in (("bsuid", bsuid), ("phone", phone)) if value)
