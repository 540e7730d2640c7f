"""Where a request comes from, for the limits by address. Behind a proxy uvicorn has already put the person's address in (PANDU_TRUSTED_PROXIES)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.requests import Request

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Origins:
    """Tells people's addresses from those of our own proxies."""

    def __init__(self, trusted: Sequence[str]) -> None:
        """`trusted`: addresses and networks of the proxies."""
        self._trusted: list[Network] = [ipaddress.ip_network(one) for one in trusted]

    def of(self, request: Request) -> str:
        """The address a limit counts; "" where it is not a person's: then limiting it would stop everybody at once."""
        try:
            found = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            return ""
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        if any(found in network for network in self._trusted):
            return ""
        if isinstance(
            found, ipaddress.IPv6Address
        ):  # a household gets at least a /64 (RFC 6177), and could use each address once
            return str(ipaddress.ip_network((found, 64), strict=False))
        return str(found)
