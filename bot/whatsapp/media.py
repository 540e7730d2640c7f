"""A file that somebody sent, fetched when an agent opens it: nothing is downloaded before, and nothing kept here.

Two requests, both with the token: the address by the file's id, then the file. The token goes to Meta's hosts alone.
https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout

from bot.whatsapp import limits
from bot.whatsapp.content import words

HOSTS: Final = (
    "lookaside.fbsbx.com",
    ".fbsbx.com",
    ".fbcdn.net",
    ".whatsapp.net",
)  # where Meta keeps files; "." = below it
SECONDS: Final = 60.0


class MediaError(Exception):
    """The file cannot be had; the text says why in a few words, and whether it makes sense to try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file with the kind that Meta gives it."""

    content: bytes
    mime: str


class MediaStore:
    """Fetches files of one number."""

    def __init__(self, token: str, *, api: str, version: str, seconds: float = SECONDS) -> None:
        """`api`: address of the Graph API; a file may also lie on its host (a server for trying things out)."""
        self._headers = {"Authorization": f"Bearer {token}"}
        self._base = f"{api.rstrip('/')}/{version}"
        self._api = urlsplit(api)
        self._timeout = ClientTimeout(total=seconds)

    async def fetch(self, media_id: str, *, sha256: str = "", most: int = limits.MEDIA_IN_BYTES) -> File:
        """The file of an id that came by webhook, for seven days. `sha256`: as the webhook told; `most`: bytes.

        Raises `MediaError`.
        """
        if not media_id.isascii() or not media_id.replace("_", "").replace("-", "").isalnum():
            raise MediaError("not a file's id")
        try:
            async with ClientSession(timeout=self._timeout, headers=self._headers) as session:
                address, mime, size = await self._look_up(session, media_id)
                if size > most:
                    raise MediaError(f"larger than {most // 1_048_576} MB")
                content = await self._download(session, address, most)
        except (ClientError, TimeoutError, ValueError) as error:
            raise MediaError(f"no connection ({type(error).__name__}); try again") from error
        if sha256 and sha256 not in _digests(content):
            raise MediaError("damaged on the way; try again")
        return File(content=content, mime=mime)

    async def _look_up(self, session: ClientSession, media_id: str) -> tuple[str, str, int]:
        async with session.get(f"{self._base}/{media_id}", allow_redirects=False) as response:
            if response.status != 200:
                raise MediaError(_why(response.status))
            found = await response.json(content_type=None)
        if not isinstance(found, dict):
            raise MediaError("unreadable answer")
        address = words(found.get("url"))
        if not self._is_metas(address):
            raise MediaError("the file lies on a host that is not Meta's")
        size = found.get("file_size")
        return address, words(found.get("mime_type"))[:80], int(size) if isinstance(size, int | str) and size else 0

    def _is_metas(self, address: str) -> bool:
        where = urlsplit(address)
        if where.hostname == self._api.hostname and where.port == self._api.port and where.scheme == self._api.scheme:
            return True
        host = where.hostname or ""
        known = any(host == name or (name.startswith(".") and host.endswith(name)) for name in HOSTS)
        return where.scheme == "https" and where.port in (None, 443) and known

    async def _download(self, session: ClientSession, address: str, most: int) -> bytes:
        async with session.get(address, allow_redirects=False) as response:
            if response.status != 200:
                raise MediaError(_why(response.status))
            content = bytearray()
            async for chunk in response.content.iter_chunked(65_536):
                content += chunk
                if len(content) > most:
                    raise MediaError(f"larger than {most // 1_048_576} MB")
        return bytes(content)


def _why(status: int) -> str:
    if status in (401, 403):
        return "the token is not allowed to see it; run `pandu whatsapp check`"
    if status in (400, 404, 410):
        return "Meta does not have it any more (files are kept for seven days)"
    return f"Meta answered {status}; try again"


def _digests(content: bytes) -> tuple[str, str]:
    """As the pages write it: hexadecimal from the look-up, base64 in webhooks."""
    digest = hashlib.sha256(content).digest()
    return digest.hex(), base64.b64encode(digest).decode()
