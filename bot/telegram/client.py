"""aiogram's client, told what we need: own time limits, an address of the server, raw updates."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.exceptions import TelegramNetworkError, TelegramServerError
from aiogram.methods import Response, TelegramMethod
from aiogram.types import BufferedInputFile, LinkPreviewOptions
from aiohttp import ClientError, ClientTimeout, FormData

CONNECT_SECONDS = 10.0  # up to here nothing has left: `Retry`
_JSON = {"Content-Type": "application/json"}
REQUEST_SECONDS = 9.0  # a send that takes longer is `Unknown`; shorter than the ten seconds that a stop may take

# pydantic keeps a generic model only while someone holds it: without this, aiogram builds `Response[Message]` anew for every answer (1 ms of CPU).
_answers: dict[str, Any] = {}


class RawUpdates(TelegramMethod[list[Any]]):
    """getUpdates with the updates as they came: a type unknown to aiogram is no error.

    https://core.telegram.org/bots/api#getupdates
    """

    __returning__ = list[Any]
    __api_method__ = "getUpdates"

    offset: int | None = None
    timeout: int | None = None
    allowed_updates: list[str] | None = None


class Session(AiohttpSession):
    """Tells a broken gateway's page (5xx, no JSON) from an answer that cannot be read, and closes without waiting."""

    async def make_request(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:  # noqa: ASYNC109
        """As aiogram does, with a limit for connecting: what never left is told from what may have."""
        limit = ClientTimeout(total=self.timeout if timeout is None else timeout, connect=CONNECT_SECONDS)
        session = await self.create_session()
        try:
            address = self.api.api_url(token=bot.token, method=method.__api_method__)
            body, headers = self._body(bot, method)
            async with session.post(address, data=body, headers=headers, timeout=limit) as response:
                status, content = response.status, await response.text()
        except TimeoutError as error:
            raise TelegramNetworkError(method=method, message="Request timeout error") from error
        except ClientError as error:
            raise TelegramNetworkError(method=method, message=f"{type(error).__name__}: {error}") from error
        return self.check_response(bot, method, status, content).result

    def _body(self, bot: Bot, method: TelegramMethod[Any]) -> tuple[bytes | FormData, dict[str, str]]:
        """The method and its headers: as JSON (https://core.telegram.org/bots/api#making-requests); a form costs three times as much, so only with a file."""
        files: dict[str, BufferedInputFile] = {}
        values = {
            name: self.prepare_value(value, bot=bot, files=files, _dumps_json=False)
            for name, value in method.model_dump(warnings=False, exclude_none=True).items()
        }
        present = {name: value for name, value in values.items() if value is not None}
        return (_form(present, files), {}) if files else (json.dumps(present).encode(), _JSON)

    def check_response(self, bot: Bot, method: TelegramMethod[Any], status_code: int, content: str) -> Response[Any]:
        """As aiogram does, but a 5xx is a server error whatever its body is."""
        if status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and not _is_answer(content):
            raise TelegramServerError(method=method, message=f"HTTP {status_code}")
        _answers.setdefault(str(method.__returning__), Response[method.__returning__])  # type: ignore[name-defined]
        return super().check_response(bot, method, status_code, content)

    async def close(self) -> None:
        """aiogram waits 250 ms for TLS to end; plain connections (a local server, tests) need no such wait."""
        if self.api.base.startswith("https:"):
            await super().close()
        elif self._session is not None and not self._session.closed:
            await self._session.close()


def _form(values: Mapping[str, Any], files: Mapping[str, BufferedInputFile]) -> FormData:
    """Files beside what belongs to them, which is JSON where it is no text (https://core.telegram.org/bots/api#sending-files)."""
    form = FormData(quote_fields=False)
    for name, value in values.items():
        form.add_field(name, value if isinstance(value, str) else json.dumps(value))
    for name, file in files.items():
        form.add_field(name, io.BytesIO(file.data), filename=file.filename or name)
    return form


def _is_answer(content: str) -> bool:
    try:
        found = json.loads(content)
    except ValueError:
        return False
    return isinstance(found, dict) and "ok" in found and isinstance(found.get("description"), str)


def make_bot(token: str, api: str, *, seconds: float = REQUEST_SECONDS) -> Bot:
    """A client for one bot; opens nothing yet. Raises aiogram's `TokenValidationError` for what is no token."""
    session = Session(api=TelegramAPIServer.from_base(api), timeout=seconds)
    properties = DefaultBotProperties(parse_mode=ParseMode.HTML, link_preview=LinkPreviewOptions(is_disabled=True))
    return Bot(token, session=session, default=properties)
