"""Separate keys for separate purposes, derived from the one secret (HKDF-SHA256, RFC 5869)."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

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


def keys_of(secret: str) -> Keys:
    """All three."""
    return Keys(lookup=lookup_key(secret), sealing=sealing_key(secret), signing=signing_key(secret))
