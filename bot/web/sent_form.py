"""A form as a browser sends it, and whether a page of ours has sent it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from starlette.requests import ClientDisconnect, Request

_TYPE = "application/x-www-form-urlencoded"


def from_own_page(request: Request) -> bool:
    """Whether nothing says that the form was sent from another site; the proof is a token or a key, this is a second lock."""
    site, origin = request.headers.get("sec-fetch-site", "same-origin"), request.headers.get("origin", "null")
    return site in ("same-origin", "none") and (
        origin == "null" or urlsplit(origin).netloc == request.headers.get("host")
    )


async def fields(request: Request, *, most: int, count: int) -> dict[str, list[str]] | None:
    """The fields, each with all its values; None where the body has more than `most` bytes or `count` fields, or is no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        return None
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > most:
                return None
    except ClientDisconnect:
        return None
    try:
        return parse_qs(body.decode(), keep_blank_values=True, max_num_fields=count)
    except ValueError:
        return None
