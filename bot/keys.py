"""Separate keys for separate purposes, derived from the one secret (HKDF-SHA256, RFC 5869)."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


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
    """For codes and links that come back to us."""
    return derive(secret, "sign")
