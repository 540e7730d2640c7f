"""What the commands of `pandu broadcast` share: the settings, the campaign by its name, and what it is judged with."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from bot import campaign_means, settings
from bot.campaign_means import Room
from bot.commands.content_acts import Desk
from bot.commands.running import stop
from storage import campaigns


def loaded_settings() -> settings.Settings:
    """The settings; what is wrong with them as one line and exit code 2."""
    try:
        return settings.load()
    except settings.SettingsError as error:
        raise stop(str(error), 2) from None


def known(connection: Connection, name: str) -> RowMapping:
    """The campaign; ValueError where there is none of this name."""
    if (found := campaigns.by_name(connection, name)) is None:
        raise ValueError(f"no campaign {name!r}; `pandu broadcast report` shows them")
    return found


def room(connection: Connection) -> Room:
    """The settings, the content and the hosts as they are now."""
    desk = Desk.open(connection)
    return Room(ways=campaign_means.ways(settings.load()), catalogue=desk.content, hosts=desk.hosts)
