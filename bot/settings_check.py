"""What is wrong with the settings, one sentence each, with the mend."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.telegram import limits

if TYPE_CHECKING:
    from bot.settings import Settings

IDENTITY_WORDS = 80  # characters of each: both stand in one message of at most 500
_KEY = 32  # characters of a secret from which a key is made
_SMS_SECRET = 8  # the app's own signing keys are that short (docs/features/webhooks.md of android-sms-gateway/docs-web)
_FEWEST_REPLIES = 20
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def wrong(settings: Settings) -> Iterator[str]:
    """Why Pandu cannot start with these; nothing where it can."""
    yield from _address("PANDU_BIND", settings.bind)
    yield from _networks(settings)
    if settings.telegram_mode not in ("polling", "webhook"):
        yield f"PANDU_TELEGRAM_MODE: {settings.telegram_mode!r} is neither polling nor webhook"
    if settings.telegram_mode == "webhook" and settings.telegram_token and not settings.telegram_secret:
        yield ("PANDU_TELEGRAM_SECRET: needed in webhook mode, 1-256 of A-Z a-z 0-9 _ - (platform-rules 1.1)")
    paid, free = settings.telegram_paid_rate, settings.telegram_rate
    if paid and not 0 < free < paid <= limits.PAID_PER_SECOND:
        yield (
            f"PANDU_TELEGRAM_PAID_RATE: more than PANDU_TELEGRAM_RATE ({free:g}, which must not be 0) and at most {limits.PAID_PER_SECOND:g}"
        )
    yield from _whatsapp(settings)
    yield from _content(settings)
    yield from _sms(settings)
    yield from _broadcast(settings)
    if settings.nlu not in ("embedded", "semantic", "rasa"):
        yield f"PANDU_NLU: {settings.nlu!r} is none of embedded, semantic, rasa"
    if settings.nlu == "rasa":
        rasa = urlsplit(settings.rasa_url)
        if rasa.scheme not in ("https", "http") or not rasa.hostname:
            yield "PANDU_RASA_URL: no address of a Rasa server; as in http://127.0.0.1:5005"
    if settings.secret_key and len(settings.secret_key) < 32 and not settings.database_url.startswith("sqlite"):
        yield "PANDU_SECRET_KEY: at least 32 random characters; it keys the hashes of identity numbers"
    yield from _keys(settings)
    if settings.hook_url and urlsplit(settings.hook_url).scheme != "https":
        yield "PANDU_HOOK_URL: an address that begins with https:// is needed"
    if settings.hook_url and len(settings.hook_secret) < 32:
        yield "PANDU_HOOK_SECRET: at least 32 random characters; it signs what PANDU_HOOK_URL is told"
    if settings.public_url and urlsplit(settings.public_url).scheme not in ("https", "http"):
        yield f"PANDU_PUBLIC_URL: {settings.public_url!r} does not begin with https://"


def identity_problems(settings: Settings) -> list[str]:
    """Why NIK and KK are not asked although a transfer is begun to be configured; [] where they are, or nothing is set."""
    wanted = (
        ("PANDU_IDENTITY_TRANSFER", settings.identity_transfer, "name who lawfully receives them"),
        ("PANDU_IDENTITY_BASIS", settings.identity_basis, "name the legal basis of the transfer"),
    )
    if not any(value for _, value, _ in wanted):
        return []
    problems = [f"{name} is unset: NIK and KK are not asked; {mend}" for name, value, mend in wanted if not value]
    too_long = [(name, len(value)) for name, value, _ in wanted if len(value) > IDENTITY_WORDS]
    problems += [
        f"{name} has {count} characters, at most {IDENTITY_WORDS}: NIK and KK are not asked; people must be able to read it"
        for name, count in too_long
    ]
    address = urlsplit(settings.public_url)
    if address.scheme != "https" and address.hostname not in _LOOPBACK:
        problems.append("PANDU_PUBLIC_URL is no https address: NIK and KK are not asked; the secure form needs one")
    return problems


def whatsapp_problems(settings: Settings) -> list[str]:
    """What WhatsApp still needs, each with its mend; [] where it is complete, or no token is set."""
    wanted = (
        ("PANDU_WHATSAPP_NUMBER_ID", settings.whatsapp_number_id, "in the app: WhatsApp > API setup"),
        ("PANDU_WHATSAPP_ACCOUNT_ID", settings.whatsapp_account_id, "in the app: WhatsApp > API setup"),
        ("PANDU_WHATSAPP_APP_SECRET", settings.whatsapp_app_secret, "in the app: Settings > Basic"),
        ("PANDU_WHATSAPP_VERIFY_TOKEN", settings.whatsapp_verify_token, "make up at least 12 characters"),
    )
    if not settings.whatsapp_token:
        return []
    return [f"{name} is unset, and PANDU_WHATSAPP_TOKEN is set: {mend}" for name, value, mend in wanted if not value]


def _address(name: str, value: str) -> Iterator[str]:
    host, _, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdigit()) or not 0 <= int(port) < 65536:
        yield f"{name}: {value!r} is not host:port, as in 127.0.0.1:8080"


def _networks(settings: Settings) -> Iterator[str]:
    if settings.metrics_bind:
        yield from _address("PANDU_METRICS_BIND", settings.metrics_bind)
    for network in settings.trusted_proxies:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            yield (f"PANDU_TRUSTED_PROXIES: {network!r} is no address or network, as in 172.16.0.0/12")


def _keys(settings: Settings) -> Iterator[str]:
    own = {name: getattr(settings, f"{name}_key") for name in ("lookup", "sealing", "signing")}
    given = [value for value in (settings.secret_key, *own.values()) if value]
    for name, value in own.items():
        if value and len(value) < _KEY:
            yield f"PANDU_{name.upper()}_KEY: at least {_KEY} random characters, or leave it unset"
    if len(set(given)) < len(given):
        yield ("PANDU_LOOKUP_KEY, PANDU_SEALING_KEY, PANDU_SIGNING_KEY: each a secret of its own, or unset")


def _whatsapp(settings: Settings) -> Iterator[str]:
    for name in ("number_id", "account_id", "app_id"):
        value = getattr(settings, f"whatsapp_{name}")
        if value and not (value.isascii() and value.isdigit()):
            yield (f"PANDU_WHATSAPP_{name.upper()}: {value!r} is no ID; Meta's pages show it as digits, without +")
    if settings.whatsapp_verify_token and len(settings.whatsapp_verify_token) < 12:
        yield ("PANDU_WHATSAPP_VERIFY_TOKEN: at least 12 characters; whoever knows it can take the webhook")
    api = urlsplit(settings.whatsapp_api)
    if not api.hostname or (api.scheme != "https" and not (api.scheme == "http" and api.hostname in _LOOPBACK)):
        yield "PANDU_WHATSAPP_API: an address that begins with https:// is needed; the token goes there"
    if not re.fullmatch(r"v\d{1,3}\.\d", settings.whatsapp_version):
        yield f"PANDU_WHATSAPP_VERSION: {settings.whatsapp_version!r} is no version, as in v24.0"
    if settings.whatsapp_rate < 0 or settings.whatsapp_monthly_cap < 0:
        yield "PANDU_WHATSAPP_RATE, PANDU_WHATSAPP_MONTHLY_CAP: not below 0; 0 = no limit"


def _content(settings: Settings) -> Iterator[str]:
    folder = Path(settings.content)
    if settings.content and not (folder / "content" / "pack.yml").is_file():
        yield f"PANDU_CONTENT: {folder} is no content pack: it has no content/pack.yml"


def _sms(settings: Settings) -> Iterator[str]:
    if settings.sms_config and len(settings.sms_webhook_secret) < _SMS_SECRET:
        yield (
            f"PANDU_SMS_WEBHOOK_SECRET: at least {_SMS_SECRET} characters; the secret of the file's `inbound`, or the app's signing key"
        )
    if settings.sms_monthly_cap < 0:
        yield "PANDU_SMS_MONTHLY_CAP: not below 0; 0 = no cap"
    if not _FEWEST_REPLIES <= settings.sms_replies_a_day <= 10_000:
        yield (f"PANDU_SMS_REPLIES_A_DAY: from {_FEWEST_REPLIES} to 10000; a registration alone takes 15 answers")


def _broadcast(settings: Settings) -> Iterator[str]:
    if min(settings.broadcast_approval_from, settings.broadcast_ramp_minutes, settings.broadcast_wave_hours) < 0:
        yield ("PANDU_BROADCAST_APPROVAL_FROM, PANDU_BROADCAST_RAMP_MINUTES, PANDU_BROADCAST_WAVE_HOURS: not below 0")
    if not 0 < settings.broadcast_failure_rate <= 1 or not 0 < settings.broadcast_block_rate <= 1:
        yield "PANDU_BROADCAST_FAILURE_RATE, PANDU_BROADCAST_BLOCK_RATE: above 0, at most 1 (= never)"
