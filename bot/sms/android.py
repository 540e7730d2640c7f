"""A telephone with the app SMS Gateway for Android, spoken to directly or through its server.

https://docs.sms-gate.app/integration/api/, fields: smsgateway/domain_messages.go of android-sms-gateway/client-go.
"""

from __future__ import annotations

import base64
import json

from bot.channel import Accepted, Outcome, Throttled
from bot.sms import limits
from bot.sms.gateway import Answer, Request, by_status, message_id
from bot.sms.spec import Android

_ACCEPTED = (200, 201, 202)
_KNOWN = 409  # "Message with the same ID already exists": an earlier attempt had arrived


class AndroidGateway:
    """Implements `bot.sms.gateway.Gateway`."""

    def __init__(self, phone: Android, *, user: str, key: str) -> None:
        """`user`, `key`: the credentials that the app shows."""
        self._phone = phone
        plain = f"{user}:{key}".encode()
        self._headers = {
            "Authorization": f"Basic {base64.b64encode(plain).decode()}",
            "Content-Type": "application/json",
        }

    def request(self, to: str, text: str, key: int) -> Request:
        """Our own id makes a repeat harmless; the priority passes the app's delays, so that replies keep their order."""
        own_id = message_id(key, to, text)
        body = {
            "id": own_id,
            "textMessage": {"text": text},
            "phoneNumbers": [to],
            "withDeliveryReport": True,
            "ttl": self._phone.ttl,
            "priority": limits.PRIORITY,
            **({"simNumber": self._phone.sim} if self._phone.sim else {}),
        }
        path = "/message" if self._phone.mode == "local" else "/messages"
        return Request(
            method="POST", url=self._phone.url + path, headers=self._headers, body=json.dumps(body).encode(), id=own_id
        )

    def outcome(self, answer: Answer, request: Request) -> Outcome:
        """202 is "in the queue"; what becomes of it is told by webhook."""
        if answer.status in (*_ACCEPTED, _KNOWN):
            return Accepted(request.id)
        if answer.status == 503:
            return Throttled(answer.retry_after or limits.QUEUE_FULL_SECONDS, "account")
        return by_status(answer) or Throttled(limits.QUEUE_FULL_SECONDS, "account")

    def webhooks(self) -> Request:
        """The request that lists the webhooks which the telephone, or its server, knows."""
        return self._ask("GET", "/webhooks")

    def health(self) -> Request:
        """The request that asks whether it works (docs/features/health.md)."""
        return self._ask("GET", "/health")

    def register(self, event: str, url: str) -> Request:
        """The request that asks to be told of an event; the same id replaces an earlier one."""
        body = {"id": f"pandu-{event.replace(':', '-')}"[: limits.ID_CHARACTERS], "url": url, "event": event}
        return self._ask("POST", "/webhooks", json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> Request:
        return Request(method=method, url=self._phone.url + path, headers=self._headers, body=body, id="")
