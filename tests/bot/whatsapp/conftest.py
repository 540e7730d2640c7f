"""Fixtures of the channel's receiving half: captured bodies, a signature, a store that may be away."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from starlette.applications import Starlette

from bot import metrics
from bot.receiver import Receiver
from bot.wake import Wake
from bot.whatsapp import limits
from bot.whatsapp.webhook import Intake
from storage.database import Database
from tests.conftest import NOW

PAYLOADS = Path(__file__).with_name("payloads")
SECRET, VERIFY = "rahasia-aplikasi", "kata-sandi-webhook"
NUMBER, ACCOUNT = "106540352242922", "102290129340398"
SOURCE, PATH = f"whatsapp:{NUMBER}", f"/whatsapp/{NUMBER}"
SENT = datetime.fromtimestamp(1_764_000_000, UTC)
PHONE, BSUID = "+6281234567890", "ID.1A2b3C4d5E6f"


def payload(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    return found


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


Post = Callable[..., Any]


class Door:
    """Meta at our webhook, over a real database."""

    def __init__(self, database: Database, client: AsyncClient) -> None:
        self.database = database
        self.client = client

    async def post(self, body: bytes | dict[str, Any] | str, *, signed: str | None = None) -> Response:
        """Delivers a body (bytes, an object, or the name of a captured one) with its signature."""
        named = payload(body) if isinstance(body, str) else body
        raw = named if isinstance(named, bytes) else json.dumps(named).encode()
        headers = {limits.SIGNATURE_HEADER: signature(raw) if signed is None else signed}
        return await self.client.post(PATH, content=raw, headers=headers)

    async def says(self, text: str, event_id: str, *, sent: int = 1_764_000_000, **ids: str | None) -> Response:
        """A text of a person; ids: phone (digits), bsuid."""
        body = payload("text")
        value = body["entry"][0]["changes"][0]["value"]
        message = {"id": event_id, "timestamp": str(sent), "type": "text", "text": {"body": text}}
        contact: dict[str, Any] = {"profile": {"name": "Siti"}}
        if ids.get("phone"):
            message["from"] = contact["wa_id"] = str(ids["phone"])
        if ids.get("bsuid"):
            message["from_user_id"] = contact["user_id"] = str(ids["bsuid"])
        value.update(messages=[message], contacts=[contact])
        return await self.post(body)


@pytest.fixture(autouse=True)
def _counters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counters start at nothing and are put back."""
    for counter in (metrics.ignored, metrics.refused, metrics.rejected, metrics.deliveries):
        monkeypatch.setattr(counter, "values", {})


def intake(database: Database, **values: Any) -> Intake:
    made = {"number_id": NUMBER, "account_id": ACCOUNT, "app_secret": SECRET, "verify_token": VERIFY, **values}
    return Intake(database, clock=lambda _: NOW, **made)


@pytest.fixture
async def door(database: Database) -> AsyncIterator[Door]:
    receiver = Receiver(database, Wake(database), clock=lambda _: NOW)
    application = Starlette(routes=list(intake(database).routes(receiver.receive)))
    async with AsyncClient(transport=ASGITransport(application), base_url="http://pandu") as client:
        yield Door(database, client)
