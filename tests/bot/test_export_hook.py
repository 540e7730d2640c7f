"""The outgoing webhook: signed, at least once, given up after a day, and nothing of what was erased."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Connection

from bot.hook import Answer, HookSender, Poster, check_url, sign
from storage import exports, privacy, registrations
from storage.database import Database
from storage.schema import hook_deliveries
from tests.bot.exchange import rows_of
from tests.storage.test_people import add_chat

URL = "https://hook.example/pandu"
SECRET = "a test's secret of at least 32 characters"


class Receiver:
    """Answers as it is told, and keeps what came."""

    def __init__(self, *statuses: int, retry_after: float = 0.0) -> None:
        self.statuses = list(statuses)
        self.retry_after = retry_after
        self.posts: list[tuple[bytes, Mapping[str, str]]] = []

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.posts.append((body, headers))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return Answer(status, "" if status else "TimeoutError", self.retry_after)

    @property
    def ids(self) -> list[str]:
        return [headers["X-Pandu-Delivery"] for _, headers in self.posts]


class Clock:
    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self, connection: Connection) -> datetime:
        return self.now


def prepare(connection: Connection, now: datetime, number: str = "P-000001", event_id: str = "EVENT1") -> None:
    chat = add_chat(connection, number, now)
    data = {"age": "27", "region": "3273", "work": "=Tukang cukur"}
    registrations.save(connection, chat, number=number, data=data, now=now, kept_until=now + timedelta(days=365))
    exports.enqueue_hook(connection, number=number, event_id=event_id, now=now)


def sender(database: Database, receiver: Receiver, clock: Clock) -> HookSender:
    return HookSender(database, URL, SECRET, clock=clock, chance=random.Random(1), post=receiver)


async def test_a_registration_is_posted_once_and_signed(database: Database, now: datetime) -> None:
    receiver, clock = Receiver(204), Clock(now)
    await database.write(lambda connection: prepare(connection, now))
    hook = sender(database, receiver, clock)
    assert [await hook.deliver(), await hook.deliver()] == [1, 0]
    body, headers = receiver.posts[0]
    assert (
        headers["X-Pandu-Signature"]
        == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        == sign(body, SECRET)
    )
    assert headers["X-Pandu-Event"] == "registration.prepared"
    told = json.loads(body)
    assert told["id"] == headers["X-Pandu-Delivery"] == "EVENT1"
    assert told["registration"] == {
        "number": "P-000001",
        "channel": "telegram",
        "prepared_at": now.isoformat(),
        "kept_until": (now + timedelta(days=365)).isoformat(),
        "data": {"age": "27", "region": "3273", "work": "Tukang cukur"},
    }
    row = (await rows_of(database, hook_deliveries))[0]
    assert (row["state"], row["attempts"], row["owner"], row["done_at"]) == ("delivered", 1, None, now)

    def old(connection: Connection) -> list[int]:
        return [exports.delete_done_hooks(connection, before=now + timedelta(seconds=age), limit=9) for age in (0, 1)]

    assert await database.write(old) == [0, 1]


async def test_refusals_are_tried_again_with_growing_pauses_for_a_day(database: Database, now: datetime) -> None:
    receiver, clock = Receiver(0, 500, 404, 302, 503), Clock(now)
    await database.write(lambda connection: prepare(connection, now))
    hook = sender(database, receiver, clock)
    pauses = []
    while True:
        assert await hook.deliver() == 1
        row = (await rows_of(database, hook_deliveries))[0]
        if row["state"] == "failed":
            break
        pauses.append((row["not_before"] - clock.now).total_seconds())
        clock.now = row["not_before"] - timedelta(seconds=0.1)
        assert await hook.deliver() == 0, "not before its time"
        clock.now = row["not_before"]
    assert set(receiver.ids) == {"EVENT1"}, "a repeat carries the same id"
    assert 5 <= pauses[0] <= 10
    assert all(1_800 <= pause <= 3_600 for pause in pauses[10:])
    assert timedelta(hours=22) <= clock.now - now <= timedelta(hours=24)
    assert row["reason"] == "HTTP 503"
    assert len(pauses) < 60


async def test_retry_after_is_kept_and_gone_is_final(database: Database, now: datetime) -> None:
    receiver, clock = Receiver(429, 410, retry_after=120.0), Clock(now)
    await database.write(lambda connection: prepare(connection, now))
    hook = sender(database, receiver, clock)
    await hook.deliver()
    row = (await rows_of(database, hook_deliveries))[0]
    assert row["not_before"] == now + timedelta(seconds=120)
    clock.now = row["not_before"]
    await hook.deliver()
    assert (await rows_of(database, hook_deliveries))[0]["state"] == "failed"


async def test_a_sender_that_died_is_followed_by_another(database: Database, now: datetime) -> None:
    await database.write(lambda connection: prepare(connection, now))
    dead = sender(database, Receiver(200), Clock(now))
    await database.write(dead._claim)
    receiver, clock = Receiver(200), Clock(now + timedelta(seconds=59))
    hook = sender(database, receiver, clock)
    assert await hook.deliver() == 0
    clock.now = now + timedelta(seconds=61)
    assert await hook.deliver() == 1
    late = (await rows_of(database, hook_deliveries))[0]
    await database.write(
        lambda c: exports.mark_hook(c, late["id"], token="dead", state="failed", reason="x", not_before=None, now=now)
    )
    assert (await rows_of(database, hook_deliveries))[0]["state"] == "delivered", "whoever lost the claim marks nothing"


async def test_changed_before_it_was_sent_is_sent_once_and_erased_is_not_sent(
    database: Database, now: datetime
) -> None:
    def work(connection: Connection) -> None:
        prepare(connection, now)
        exports.enqueue_hook(connection, number="P-000001", event_id="EVENT2", now=now)
        prepare(connection, now, "P-000002", "EVENT3")
        privacy.erase(connection, 2, now)

    await database.write(work)
    receiver = Receiver(200)
    hook = sender(database, receiver, Clock(now))
    await hook.deliver()
    assert receiver.ids == ["EVENT1"]
    await database.write(lambda c: exports.enqueue_hook(c, number="P-000001", event_id="EVENT4", now=now))
    await hook.deliver()
    assert receiver.ids == ["EVENT1", "EVENT4"], "a later change is told again"
    assert [row["event_id"] for row in await database.read(exports.hooks)] == ["EVENT4", "EVENT1"]


async def test_a_mark_that_fails_is_a_repeat_never_a_loss(
    database: Database, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.write(lambda connection: prepare(connection, now))
    receiver, clock = Receiver(200), Clock(now)
    hook = sender(database, receiver, clock)

    def away(*_: object, **__: object) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(exports, "mark_hook", away)
        with pytest.raises(OSError, match="away"):
            await hook.deliver()
    clock.now += timedelta(seconds=61)
    assert await hook.deliver() == 1
    assert receiver.ids == ["EVENT1", "EVENT1"]


async def test_run_delivers_and_stops(sqlite: Database, now: datetime) -> None:
    receiver = Receiver(200)
    hook = sender(sqlite, receiver, Clock(now))
    running = asyncio.create_task(hook.run())
    await sqlite.write(lambda connection: prepare(connection, now))
    async with asyncio.timeout(20):
        while not receiver.posts:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        hook.stop()
        await running
    assert receiver.ids == ["EVENT1"]
    assert [row["state"] for row in await rows_of(sqlite, hook_deliveries)] == ["delivered"]


@pytest.mark.parametrize("url", ["http://hook.example/", "ftp://x", "hook.example", "https://", ""])
def test_only_https(url: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        check_url(url)


# -- over a real connection ---------------------------------------------------------------------------------------


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts for a server on 127.0.0.1 and for a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())


async def test_over_tls(tmp_path: Path, unused_tcp_port: int) -> None:
    seen: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        seen.append(await request.read())
        if request.path == "/moved":
            raise web.HTTPFound("/")
        return web.Response(status=503 if request.path == "/busy" else 200, headers={"Retry-After": "7"})

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    server, client = certificate(tmp_path)
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port, ssl_context=server).start()
    base = f"https://127.0.0.1:{unused_tcp_port}"
    async with Poster(client) as poster:
        assert (await poster.post(f"{base}/", b"{}", {})).status == 200
        assert await poster.post(f"{base}/busy", b"{}", {}) == Answer(503, retry_after=7.0)
        assert (await poster.post(f"{base}/moved", b"{}", {})).status == 302, "redirects are not followed"
    assert len(seen) == 3
    async with Poster() as poster:
        answer = await poster.post(f"{base}/", b"{}", {})
        assert (answer.status, answer.reason) == (0, "ClientConnectorCertificateError"), (
            "an unknown certificate is refused"
        )
    await runner.cleanup()
    async with Poster(client) as poster:
        assert (await poster.post(f"{base}/", b"{}", {})).status == 0
    await asyncio.sleep(0)


def test_signing_is_documented_as_it_is() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "data.md").read_text(encoding="utf-8")
    for name in (
        "X-Pandu-Signature",
        "X-Pandu-Delivery",
        "X-Pandu-Event",
        "registration.prepared",
        "PANDU_HOOK_URL",
        "PANDU_HOOK_SECRET",
    ):
        assert name in page
    body = b'{"id":"EVENT1"}'
    assert sign(body, "rahasia") in page
