"""Random keys that people can read aloud."""

from __future__ import annotations

import secrets

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(length: int) -> str:
    """A random key in Crockford's alphabet: easy to read aloud, no look-alikes."""
    return "".join(secrets.choice(_CROCKFORD) for _ in range(length))
