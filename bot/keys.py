"""Separate keys for separate purposes (HKDF-SHA256, RFC 5869): of one secret, or each of a secret of its own."""

from __future__ import annotations

import re

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.settings import Settings
from handlers.turn import Keys


def derive(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose."""
    return HKDF(algorithm=SHA256(), length=32, salt=b"pandu", info=purpose.encode()).derive(secret.encode())


def lookup_key(secret: str) -> bytes:
    """For the keyed hash by which an identity number is found."""
    return derive(secret, "lookup")


def sealing_key(secret: str) -> bytes:
    """For AES-GCM of secure form values."""
    return derive(secret, "seal")


def signing_key(secret: str) -> bytes:
    """For links that come back to us."""
    return derive(secret, "sign")


def keys_of(secret: str, *, lookup: str = "", sealing: str = "", signing: str = "") -> Keys:
    """All three; a secret of its own where one is given."""
    return Keys(
        lookup=lookup_key(lookup or secret),
        sealing=sealing_key(sealing or secret),
        signing=signing_key(signing or secret),
    )


def present(settings: Settings) -> Keys:
    """The keys in use."""
    own = {"lookup": settings.lookup_key, "sealing": settings.sealing_key, "signing": settings.signing_key}
    return keys_of(settings.secret_key, **own)


def former(settings: Settings) -> tuple[Keys, ...]:
    """Those of the secrets before, newest first; also of the whole setting, for a secret that has a comma itself."""
    whole = settings.secret_key_former
    parts = [part.strip() for part in re.split(r"[,\n]", whole)]
    return tuple(keys_of(secret) for secret in dict.fromkeys([*parts, whole]) if secret)
