"""The Graph API over aiohttp: requests with the token, answers as JSON, errors as Meta tells them.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, ConnectionTimeoutError, FormData

from bot.channel import Outcome, Retry, Unknown
from bot.whatsapp.outcomes import Refusal, outcome

CONNECT_SECONDS: Final = 10.0  # up to here nothing has left: `Retry`
REQUEST_SECONDS: Final = 9.0  # a send that takes longer is `Unknown`; shorter than the ten seconds that a stop may take
_SHOWN: Final = 200  # characters of an answer that is no JSON

_JSON: Final = {"Content-Type": "application/json"}

Answer = dict[str, Any]


class GraphError(Exception):
    """Meta refused, or nobody can say whether it did; `outcome` is what that means for a send."""

    def __init__(self, meaning: Outcome, refusal: Refusal | None = None) -> None:
        super().__init__(getattr(meaning, "reason", "") or (refusal.shown if refusal else type(meaning).__name__))
        self.outcome = meaning
        self.refusal = refusal


class Graph:
    """A client of one number's token; opens its connections with the first request."""

    def __init__(self, token: str, *, api: str, version: str, seconds: float = REQUEST_SECONDS) -> None:
        self._base = f"{api.rstrip('/')}/{version}"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._timeout = ClientTimeout(total=seconds, connect=CONNECT_SECONDS)
        self._session: ClientSession | None = None

    async def post(self, path: str, body: Mapping[str, Any], *, token: str = "") -> Answer:
        """Sends a body to a path below the version; raises `GraphError`. `token`: instead of our own."""
        return await self._request("POST", path, token, _JSON, data=json.dumps(body).encode())

    async def upload(self, path: str, fields: Mapping[str, str], file: bytes, *, name: str, mime: str) -> Answer:
        """Sends a file with the fields beside it, as a form; raises `GraphError`."""
        form = FormData(fields)
        form.add_field("file", io.BytesIO(file), filename=name, content_type=mime)
        return await self._request("POST", path, data=form)

    async def get(self, path: str, *, token: str = "", **query: str) -> Answer:
        """Asks a path below the version; raises `GraphError`. `token`: instead of our own."""
        return await self._request("GET", path, token, params=query)

    async def _request(
        self, method: str, path: str, token: str = "", kind: Mapping[str, str] | None = None, **more: Any
    ) -> Answer:
        if self._session is None:
            self._session = ClientSession(timeout=self._timeout)
        headers = {**self._headers, **(kind or {})}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        address = f"{self._base}/{path}"
        try:
            async with self._session.request(
                method, address, headers=headers, allow_redirects=False, **more
            ) as response:
                status, content = response.status, await response.read()
        except (ClientConnectorError, ConnectionTimeoutError) as error:
            raise GraphError(Retry(f"no connection ({type(error).__name__})")) from error
        except (ClientError, TimeoutError) as error:
            raise GraphError(Unknown(f"cut ({type(error).__name__})")) from error
        return _answer(status, content)

    async def close(self) -> None:
        """Frees the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _answer(status: int, content: bytes) -> Answer:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    error = found.get("error") if isinstance(found, dict) else None
    if isinstance(error, dict):
        refusal = refusal_of(error, status)
        raise GraphError(outcome(refusal), refusal)
    if status >= 300:
        refusal = Refusal(-1, f"HTTP {status}", status=status)
        raise GraphError(outcome(refusal), refusal)
    if not isinstance(found, dict):  # a yes that no one can read: it may have gone
        raise GraphError(Unknown(f"unreadable answer (HTTP {status})"))
    return found


def refusal_of(error: Mapping[str, Any], status: int = 0) -> Refusal:
    """An `error` object of an answer, or one of the `errors` of a `failed` status; whatever is in it, nothing is raised."""
    details = error.get("error_data")
    told = details.get("details") if isinstance(details, Mapping) else None
    words = [error.get("error_user_msg"), error.get("title") or error.get("message"), told]
    text = ", ".join(dict.fromkeys(str(word) for word in words if word)) or "no reason given"
    return Refusal(_number(error.get("code")), text[:_SHOWN], _number(error.get("error_subcode")), status)


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return -1
