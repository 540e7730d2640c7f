"""Passwords of the desk: Argon2id with the parameters of RFC 9106 (the library's own defaults), checked in a thread."""

from __future__ import annotations

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 256

_hasher = PasswordHasher()


@cache
def _nobody() -> str:
    """A hash that no password has: an unknown name must take as long as a known one."""
    return _hasher.hash("\0nobody")


async def hashed(password: str) -> str:
    """The hash to store; raises ValueError for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"a password has {SHORTEST} to {LONGEST} characters")
    return await asyncio.to_thread(_hasher.hash, password)


async def is_right(stored: str | None, password: str) -> bool:
    """Whether the password has this hash; takes as long where there is no hash."""
    return await asyncio.to_thread(_verify, stored, password[: LONGEST + 1])


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _nobody(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False
