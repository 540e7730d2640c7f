"""What a browser sends, a form or a file, and whether a page of ours has sent it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from starlette.requests import ClientDisconnect, Request

_TYPE = "application/x-www-form-urlencoded"


def from_own_page(request: Request) -> bool:
    """Whether nothing says that the form was sent from another site; the proof is a token or a key, this is a second lock."""
    site, origin = request.headers.get("sec-fetch-site", "same-origin"), request.headers.get("origin", "null")
    try:
        host = request.headers.get("host") if origin == "null" else urlsplit(origin).netloc
    except ValueError:  # "http://["
        return False
    return site in ("same-origin", "none") and host == request.headers.get("host")


async def body(request: Request, *, most: int, kind: str = _TYPE) -> bytes | None:
    """What was sent; None where it has more than `most` bytes, was cut, or is of a type that does not begin with `kind`."""
    if not request.headers.get("content-type", "").partition(";")[0].strip().lower().startswith(kind):
        return None
    found = bytearray()
    try:
        async for chunk in request.stream():
            found += chunk
            if len(found) > most:
                return None
    except ClientDisconnect:
        return None
    return bytes(found)


async def fields(request: Request, *, most: int, count: int) -> dict[str, list[str]] | None:
    """The fields, each with all its values; None where the body has more than `most` bytes or `count` fields, or is no form."""
    found = await body(request, most=most)
    if found is None:
        return None
    try:
        return parse_qs(found.decode(), keep_blank_values=True, max_num_fields=count)
    except ValueError:
        return None
