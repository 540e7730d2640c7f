"""`make fake-telegram`, `make fake-whatsapp`, `make fake-sms`: a fake platform beside a running Pandu, with phones to chat from.

Prints the lines to copy into the shell where Pandu runs.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from bot.sms import config as sms_config
from bot.sms.webhook import path_of
from tests.fakes import telegram, whatsapp
from tests.fakes.sms_phone import SmsWithPhones

PEOPLE = ("Siti", "Budi")
PORTS = {"telegram": 8081, "whatsapp": 8082, "sms": 8083}
SMS_SAMPLE, SMS_CONFIG = Path("docs/samples/sms/android.yml"), Path("var/fake-sms.yml")


@dataclass(frozen=True)
class Started:
    """A fake and what Pandu must know of it."""

    app: Any
    environment: dict[str, str]
    prepare: Callable[[], None]


def telegram_server(address: str, _pandu: str) -> Started:
    """The Bot API, with its real speeds; Pandu polls it."""
    fake = telegram.FakeTelegram(scale=1.0)
    fake.flood.on = True
    for number, name in enumerate(PEOPLE, 7):
        fake.person(number, name)
    return Started(fake, {"PANDU_TELEGRAM_API": address, "PANDU_TELEGRAM_TOKEN": fake.token}, lambda: None)


def whatsapp_server(address: str, pandu: str) -> Started:
    """The Graph API; its webhook is set, and templates are approved as soon as they are submitted."""
    fake = whatsapp.FakeWhatsApp(scale=1.0)
    fake.base, fake.reviews = address, "APPROVED"
    for number, name in enumerate(PEOPLE, 6281200000007):
        fake.person(str(number), name)
    environment = {
        "PANDU_WHATSAPP_API": address,
        "PANDU_WHATSAPP_TOKEN": fake.token,
        "PANDU_WHATSAPP_NUMBER_ID": fake.number_id,
        "PANDU_WHATSAPP_ACCOUNT_ID": fake.account_id,
        "PANDU_WHATSAPP_APP_ID": fake.app_id,
        "PANDU_WHATSAPP_APP_SECRET": fake.secret,
        "PANDU_WHATSAPP_VERIFY_TOKEN": fake.verify,
    }
    fields = "messages message_template_status_update message_template_quality_update account_update"
    return Started(fake, environment, lambda: fake.hook(f"{pandu}/whatsapp/{fake.number_id}", fields=fields))


def sms_server(address: str, pandu: str) -> Started:
    """The telephone of docs/samples/sms/android.yml, with this address; the file goes to var/."""
    fake = SmsWithPhones()
    for name in PEOPLE:
        fake.carrier.add(name)
    SMS_CONFIG.parent.mkdir(exist_ok=True)
    SMS_CONFIG.write_text(re.sub(r'url: "[^"]*"', f'url: "{address}"', SMS_SAMPLE.read_text(encoding="utf-8")))
    fake.hook = pandu + path_of(sms_config.load(SMS_CONFIG))
    environment = {
        "PANDU_SMS_CONFIG": str(SMS_CONFIG.resolve()),
        "PANDU_SMS_USER": fake.user,
        "PANDU_SMS_KEY": fake.key,
        "PANDU_SMS_WEBHOOK_SECRET": fake.secret,
    }
    return Started(fake, environment, lambda: None)


MAKERS = {"sms": sms_server, "telegram": telegram_server, "whatsapp": whatsapp_server}


async def run(started: Started, port: int) -> None:
    """Serves until Ctrl-C."""
    started.prepare()
    config = uvicorn.Config(
        started.app, host="127.0.0.1", port=port, log_level="warning", timeout_graceful_shutdown=1, lifespan="off"
    )
    await uvicorn.Server(config).serve()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("platform", choices=sorted(MAKERS))
    parser.add_argument("--port", type=int)
    parser.add_argument("--pandu", default="http://127.0.0.1:8080", help="where Pandu takes webhooks")
    chosen = parser.parse_args()
    port = chosen.port or PORTS[chosen.platform]
    address = f"http://127.0.0.1:{port}"
    started = MAKERS[chosen.platform](address, chosen.pandu)
    lines = [
        f"Phones: {address}/_/phone",
        "",
        "Copy these lines into the shell where Pandu is to run, then `pandu run`:",
        "",
    ]
    lines += [f"export {name}={value}" for name, value in started.environment.items()]
    print("\n".join([*lines, "", "Stop with Ctrl-C."]), flush=True)
    asyncio.run(run(started, port))


if __name__ == "__main__":
    main()
