"""Addresses on this machine: whether one can be had, and when it answers."""

from __future__ import annotations

import asyncio
import errno
import socket

from bot.settings import Settings


def of(settings: Settings, *, web: bool) -> dict[str, str]:
    """The addresses that a process listens on by setting: for probes where they have one of their own, for people in the `web` role."""
    named = {"PANDU_BIND": settings.bind if web else "", "PANDU_METRICS_BIND": settings.metrics_bind}
    return {name: address for name, address in named.items() if address}


def trouble(name: str, address: str) -> str:
    """Why the setting's host:port cannot be listened on, with the mend; "" where it can."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
            probe.listen()
        except PermissionError:
            return f"{name}: port {port} needs rights that Pandu should not have; take one from 1024 on, behind a proxy"
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return f"{name}: {address} cannot be used ({error.strerror}); it must be an address of this machine"
            if answers_as_pandu(address):
                return f"{name}: a Pandu is running at {address} already"
            return f"{name}: another program has {address}; choose another port"
    return ""


def answers_as_pandu(address: str) -> bool:
    """Whether a Pandu answers there."""
    host, _, port = address.rpartition(":")
    reach = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104 - read, not bound
    try:
        with socket.create_connection((reach, int(port)), timeout=1) as there:
            there.sendall(b"GET /healthz HTTP/1.0\r\nHost: pandu\r\n\r\n")
            return there.recv(1024).endswith(b"ok")
    except OSError:
        return False


async def answering(address: str) -> None:
    """Returns as soon as somebody listens there; the caller knows that it was free before."""
    host, _, port = address.rpartition(":")
    while True:
        try:
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
