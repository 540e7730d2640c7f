"""What conversations must know of the settings."""

from __future__ import annotations

from urllib.parse import urlsplit

from bot import keys
from bot.settings import Settings
from bot.settings_check import identity_problems
from handlers.turn import Policy


def policy(settings: Settings) -> Policy:
    """The operator's decisions and keys; NIK and KK are asked only where everything for it is configured."""
    present = keys.present(settings)
    asks = not identity_problems(settings)
    return Policy(
        operator=settings.operator,
        official=settings.official,
        helplines=settings.helplines,
        web_chat_url=f"{settings.public_url.rstrip('/')}/chat" if settings.public_url else "",
        secure_form_url=f"{settings.public_url.rstrip('/')}/f/" if settings.public_url else "",
        link_hosts=settings.link_hosts,
        similar=settings.similar,
        replies_a_day=int(settings.sms_replies_a_day),
        hook=bool(settings.hook_url),
        lookup_key=present.lookup,
        sealing_key=present.sealing,
        signing_key=present.signing,
        formers=keys.former(settings),
        identity_transfer=settings.identity_transfer if asks else "",
        identity_basis=settings.identity_basis if asks else "",
    )


def own_hosts(settings: Settings, listed: tuple[str, ...]) -> tuple[str, ...]:
    """The hosts beside .go.id that may stand in messages: the operator's listed ones at present, and our own pages'."""
    public = urlsplit(settings.public_url).hostname if settings.public_url else None
    return (*listed, public) if public else listed
