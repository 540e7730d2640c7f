"""What the commands of `pandu broadcast` share: the settings, the campaign by its name, and what stands in its way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping

from bot import settings
from bot.commands.content_acts import Desk
from bot.commands.running import stop
from handlers import announcement, templates
from handlers.announcement import Frame
from handlers.catalogue import Catalogue
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


def frame(campaign: Any, content: Catalogue) -> Frame:
    """What stands around its text."""
    return Frame(kind=campaign["kind"], source=campaign["official_source"] or "", catalogue=content)


def in_the_way(connection: Connection, loaded: settings.Settings, campaign: RowMapping, size: int) -> list[str]:
    """Why it may not start now; a template is looked up as Meta holds it."""
    desk = Desk.open(connection)
    wanted = templates.wanted(desk.content)
    around = frame(campaign, desk.content)
    found = announcement.problems(campaign["content"], around, hosts=desk.hosts, wanted=wanted)
    template = campaign["content"].get("template")
    if template and any(one.startswith("whatsapp:") for one in campaign["sources"]):
        from bot.whatsapp.templates import problems

        held = problems(connection, loaded.whatsapp_account_id, wanted, name=template["name"])
        found += [problem.message for problem in held]
    if why := campaigns.obstacle(campaign, size, int(loaded.broadcast_approval_from)):
        found.append(why)
    return found
