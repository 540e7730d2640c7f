"""What a preview's estimate rests on, from the settings."""

from __future__ import annotations

from decimal import Decimal

from bot import campaign_files
from bot.campaign_preview import Means
from bot.settings import Settings
from handlers import templates
from handlers.catalogue import Catalogue


def means(settings: Settings, content: Catalogue) -> Means:
    """Rates, templates and prices; raises `SettingsError` for an SMS file that cannot be used."""
    price = Decimal(0)
    if settings.sms_config:
        from bot.sms.send import read_config

        price = read_config(settings).price
    return Means(
        rates=campaign_files.sources(settings),
        wanted=templates.wanted(content),
        account_id=settings.whatsapp_account_id,
        sms_price=price,
    )
