"""The web chat's HTTP interface, version 1 (docs/webchat.md). A message is committed before it is answered."""

from __future__ import annotations

import hashlib
import json
import math
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot import metrics
from bot.channel import Receive, Unavailable
from bot.webchat import cursor, limits
from bot.webchat.origin import Origins
from bot.webchat.pace import Pace
from bot.webchat.refusals import NO_STORE, RefusedError
from bot.webchat.replies import ACCOUNT, CHANNEL, Reader
from handlers.messages import Inbound, Kind, option_reference
from storage.database import is_outage

log = structlog.get_logger()

PREFIX = "/api/chat/v1"
KIOSK = "kiosk_"  # how sessions of shared screens begin

Endpoint = Callable[[Request], Awaitable[Response]]

_BEARER = re.compile(rf"Bearer ({limits.SESSION})", re.IGNORECASE)
_MESSAGE_ID = re.compile(limits.MESSAGE_ID)
_WAIT = re.compile(r"\d{1,3}(\.\d{1,3})?")


def routes(receive: Receive, reader: Reader, origins: Origins) -> Sequence[Route]:
    """The three endpoints."""
    openings = Pace(limits.ADDRESS_SESSIONS_BURST, limits.ADDRESS_SESSIONS_PER_SECOND)
    requests = Pace(limits.ADDRESS_REQUESTS_BURST, limits.ADDRESS_REQUESTS_PER_SECOND)
    messages_pace = Pace(limits.MESSAGES_BURST, limits.MESSAGES_PER_SECOND)
    reads_pace = Pace(limits.READS_BURST, limits.READS_PER_SECOND)

    async def sessions(request: Request) -> Response:
        """A new chat; nothing is stored before its first message."""
        _keep_pace(openings, origins.of(request), "too_many")
        return JSONResponse({"session": new_session()}, 201, NO_STORE)

    async def messages(request: Request) -> Response:
        """Takes one message; answers once it is committed."""
        _keep_pace(requests, origins.of(request), "too_many")
        address = await _running(request, reader)
        _keep_pace(messages_pace, address)
        event = parse(await json_body(request, limits.BODY_BYTES), address, datetime.now(UTC))
        await receive([event])
        reader.stirred(address)
        return JSONResponse({"stored": True}, headers=NO_STORE)

    async def replies(request: Request) -> Response:
        """Replies after a place in the stream; waits for the first one."""
        _keep_pace(requests, origins.of(request), "too_many")
        address = await _running(request, reader)
        _keep_pace(reads_pace, address)
        after, wait = _place(request.query_params)
        if reader.full:
            raise RefusedError("busy", retry_after=limits.RETRY_SECONDS)
        found = await reader.read(address, after, wait)
        answer = {"replies": list(found.replies), "typing": found.typing, "next": str(found.cursor)}
        return JSONResponse(answer, headers=NO_STORE)

    return [
        Route(f"{PREFIX}/sessions", answered(sessions), methods=["POST"]),
        Route(f"{PREFIX}/messages", answered(messages), methods=["POST"]),
        Route(f"{PREFIX}/replies", answered(replies), methods=["GET"]),
    ]


def answered(endpoint: Endpoint) -> Endpoint:
    """Turns refusals and outages into answers, and counts them."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except RefusedError as refused:
            metrics.refused.add(1, CHANNEL, refused.reason)
            log.info("web chat request refused", reason=refused.reason)
            return refused.response()
        except ClientDisconnect:
            return Response(status_code=400)
        except Unavailable:
            return RefusedError("unavailable", retry_after=limits.RETRY_SECONDS).response()
        except Exception as error:
            if not is_outage(error):
                raise
            log.error("web chat: database away", reason=type(error).__name__)
            return RefusedError("unavailable", retry_after=limits.RETRY_SECONDS).response()

    return answer


# -- sessions -----------------------------------------------------------------------------------------------------


def new_session(kind: str = "") -> str:
    """A token that only its holder knows; `kind`: how it begins."""
    return kind + secrets.token_urlsafe(limits.SESSION_BYTES)


def address_of(session: str) -> str:
    """The chat's address: a hash, so that somebody who reads the database can open no session."""
    return hashlib.sha256(session.encode()).hexdigest()


def session_address(request: Request) -> str:
    """The address of the chat whose session the request carries."""
    return address_of(_session(request))


def _session(request: Request) -> str:
    match = _BEARER.fullmatch(request.headers.get("authorization", ""))
    if match is None:
        raise RefusedError("no_session")
    return match[1]


async def _running(request: Request, reader: Reader) -> str:
    """The address of a chat that may be used: a shared screen's session has an end."""
    session = _session(request)
    address = address_of(session)
    if session.startswith(KIOSK) and not await reader.kiosk_runs(address):
        raise RefusedError("kiosk_over")
    return address


def _keep_pace(pace: Pace, whose: str, reason: str = "too_fast") -> None:
    if whose and (seconds := pace.wait(whose)):
        raise RefusedError(reason, retry_after=seconds)


# -- requests -----------------------------------------------------------------------------------------------------


async def json_body(request: Request, most: int) -> Mapping[str, Any]:
    """The body as a JSON object; refused as soon as it is known to be too large."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError("not_json_type")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and (len(declared) > 9 or int(declared) > most):
        raise RefusedError("too_large")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise RefusedError("too_large")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):  # not UTF-8, not JSON, numbers or nesting without end
        raise RefusedError("not_json") from None
    if not isinstance(data, dict):
        raise RefusedError("not_object")
    return data


def parse(data: Mapping[str, Any], address: str, now: datetime) -> Inbound:
    """One message as an event of its chat; raises `RefusedError` with what is wrong. Unknown fields are ignored."""
    if "id" not in data:
        raise RefusedError("missing_id")
    if not isinstance(data["id"], str) or not _MESSAGE_ID.fullmatch(data["id"]):
        raise RefusedError("bad_id")
    match data:
        case {"text": _, "choose": _}:
            raise RefusedError("text_and_choose")
        case {"text": str(text)}:
            values: dict[str, Any] = {"kind": Kind.TEXT, "text": text}
        case {"text": _}:
            raise RefusedError("bad_text")
        case {"choose": choose}:
            values = {"kind": Kind.CHOICE, "choice": _choice(choose)}
        case _:
            raise RefusedError("missing_text")
    return Inbound(
        channel=CHANNEL,
        account=ACCOUNT,
        event_id=f"{address[: limits.ADDRESS_IN_EVENT]}:{data['id']}",
        chat=address,
        sender=address,
        sent_at=now,
        **values,
    )


def _choice(choose: object) -> str:
    match choose:
        case {"version": int(version), "number": int(number)} if not isinstance(version, bool):
            if 0 <= version <= limits.VERSION_MAX and 1 <= number <= limits.OPTION_MAX and number is not True:
                return option_reference(version, number)
    raise RefusedError("bad_choose")


def _place(query: Mapping[str, str]) -> tuple[cursor.Cursor, float]:
    after = cursor.parse(query.get("after", ""))
    if after is None:
        raise RefusedError("bad_after")
    wait = query.get("wait", "0")
    if not wait.isascii() or not _WAIT.fullmatch(wait) or math.floor(float(wait)) > limits.WAIT_SECONDS:
        raise RefusedError("bad_wait")
    return after, min(float(wait), limits.WAIT_SECONDS)
