"""By what announcements leave and which limits the operator has set: read from the settings once, for commands and pages alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from bot import campaign_files
from bot.campaign_preview import Means
from bot.settings import Settings
from bot.telegram import limits
from handlers import templates
from handlers.catalogue import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Channel accounts with their pace and price, and the operator's limits."""

    rates: Mapping[str, float] = field(default_factory=dict)  # messages a second, by channel account
    account_id: str = ""  # WhatsApp business account
    sms_price: Decimal = Decimal(0)  # rupiah a part
    star_price: Decimal = Decimal(0)  # Stars a message on Telegram, where announcements are paid for
    approval_from: int = 1000
    wave_hours: float = 4

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels that are configured."""
        return tuple(source.partition(":")[0] for source in self.rates)

    def sources(self, channels: Sequence[str]) -> list[str]:
        """The accounts of these channels, in this order."""
        by_channel = {source.partition(":")[0]: source for source in self.rates}
        return [by_channel[name] for name in dict.fromkeys(channels) if name in by_channel]

    def means(self, content: Catalogue) -> Means:
        """What a preview's estimate rests on."""
        return Means(
            rates=self.rates,
            wanted=templates.wanted(content),
            account_id=self.account_id,
            sms_price=self.sms_price,
            star_price=self.star_price,
        )


NONE: Final = Ways()


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What an announcement is made and judged with."""

    ways: Ways
    catalogue: Catalogue
    hosts: Sequence[str]  # beside .go.id, that may stand in texts


def ways(settings: Settings) -> Ways:
    """As the settings have them; raises `SettingsError` for an SMS file that cannot be used."""
    price = Decimal(0)
    if settings.sms_config:
        from bot.sms.send import read_config

        price = read_config(settings).price
    return Ways(
        rates=campaign_files.sources(settings),
        account_id=settings.whatsapp_account_id,
        sms_price=price,
        star_price=limits.PAID_STARS if settings.telegram_paid_rate else Decimal(0),
        approval_from=int(settings.broadcast_approval_from),
        wave_hours=settings.broadcast_wave_hours,
    )
