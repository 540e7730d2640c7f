"""What proves that a request comes from the gateway: source address, shared secret, signature; all in constant time."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress

from starlette.requests import Request

from bot.sms import limits
from bot.sms.spec import Hook
from bot.web.incoming import RefusedError


def check_http(request: Request, body: bytes, hook: Hook, secret: str) -> None:
    """By the file: every proof that it names must hold. The address is the connection's, or what a proxy on this machine tells."""
    if hook.addresses and not _is_from(request, hook.addresses):
        raise RefusedError(403, "wrong address")
    if hook.secret_in:
        places = {"query": request.query_params, "header": request.headers}
        _same(places[hook.secret_in].get(hook.secret_name, "").encode("utf-8", "replace"), secret.encode(), secret)
    if hook.signature_header:
        given = request.headers.get(hook.signature_header, "")
        signed = body + request.headers.get(hook.signature_timestamp, "").encode("latin-1", "replace")
        digest = hmac.new(secret.encode(), signed, hook.signature_algorithm).digest()
        _same(_DECODED[hook.signature_encoding](given), digest, secret)


def check_android(request: Request, body: bytes, key: str, now: float) -> None:
    """HMAC-SHA256 over body and timestamp; a timestamp older than the app repeats proves nothing any more (docs/features/webhooks.md)."""
    stamp = request.headers.get(limits.TIMESTAMP_HEADER, "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise RefusedError(401, "no timestamp")
    digest = hmac.new(key.encode(), body + stamp.encode(), "sha256").digest()
    _same(_from_hex(request.headers.get(limits.SIGNATURE_HEADER, "")), digest, key)
    if not now - limits.REPEATS_SECONDS <= int(stamp) <= now + limits.CLOCK_AHEAD_SECONDS:
        raise RefusedError(401, "old timestamp")


def _is_from(request: Request, networks: tuple[str, ...]) -> bool:
    try:
        address = ipaddress.ip_address(request.client.host if request.client else "")
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network) for network in networks)


def _same(given: bytes, expected: bytes, secret: str) -> None:
    """Without a secret nothing is believed."""
    if not hmac.compare_digest(given, expected) or not secret:
        raise RefusedError(401, "wrong secret or signature")


def _from_hex(text: str) -> bytes:
    """Hexadecimal, also behind "sha256="."""
    try:
        return bytes.fromhex(text.rpartition("=")[2])
    except ValueError:
        return b""


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


_DECODED = {"hex": _from_hex, "base64": _from_base64}
