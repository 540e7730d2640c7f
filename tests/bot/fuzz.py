"""A whole Pandu under wild input at every address it answers: webhooks, web chat, secure form, kiosk, desk. Nothing may be a 500.

The same seed makes the same inputs: `python -m tests.bot.fuzz COUNT [SEED [URL]]` (`make fuzz`) prints each failure with its number.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import re
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

import structlog
from argon2 import PasswordHasher
from starlette.routing import Route

from bot import app, samples, settings
from bot.desk.routes import rules
from bot.desk.visit import PREFIX
from handlers import secure
from storage import agents, dead_letters, handoffs, migrate, ownership
from storage.database import Database, database_now
from storage.schema import secure_forms as form_rows
from tests.bot import fuzz_values as wild
from tests.storage import desk as rows

ROOT = Path(__file__).parents[2]
_PAYLOADS = {
    name: [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((Path(__file__).parent / name / "payloads").glob("*.json"))
    ]
    for name in ("telegram", "whatsapp")
}
_SMS_IN = {
    "messages": [
        {
            "from": "+6281234567890",
            "body": "halo",
            "id": "m1",
            "received_at": "2026-11-24T03:00:00Z",
            "part": {"ref": "7", "of": 2, "no": 1},
        }
    ]
}
_SMS_REPORT = {"reports": [{"id": "1", "state": "delivered", "error": "x", "at": "2026-11-24T03:00:00Z"}]}
_CHAT_BODIES = ({"id": "m1", "text": "halo"}, {"id": "m2", "choose": {"version": 1, "number": 2}})
_CSRF = re.compile(r'data-csrf="([0-9a-f]{64})"')
_FIELD = re.compile(r'name="([a-z_]+)"')
_OPEN = ("live",)  # streams without end
_SECRET = "rahasia-" * 5
_PASSWORD = "kuda biru makan awan"
_SETTLE_EVERY = 250
_QUICK = PasswordHasher(
    time_cost=1, memory_cost=8, parallelism=1
)  # Argon2 is slow on purpose; what checks reads the costs from the hash


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


@dataclass
class Outcome:
    """What came of a run."""

    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    troubled: dict[str, int] = field(default_factory=dict)


class Fuzz:
    """The target, with somebody of each role logged in."""

    def __init__(self, url: str) -> None:
        """`url`: an empty database."""
        self.url = url
        env = {
            "PANDU_SECRET_KEY": _SECRET,
            "PANDU_DATABASE_URL": self.url,
            "PANDU_PUBLIC_URL": "https://pandu.example",
            "PANDU_KIOSK": "true",
            "PANDU_TELEGRAM_TOKEN": "123456789:x",
            "PANDU_TELEGRAM_MODE": "webhook",
            "PANDU_TELEGRAM_SECRET": "rahasia",
            "PANDU_WHATSAPP_TOKEN": "t" * 20,
            "PANDU_WHATSAPP_NUMBER_ID": "106540352242922",
            "PANDU_WHATSAPP_ACCOUNT_ID": "102290129340398",
            "PANDU_WHATSAPP_APP_SECRET": _SECRET,
            "PANDU_WHATSAPP_VERIFY_TOKEN": _SECRET,
            "PANDU_SMS_CONFIG": str(ROOT / "docs/samples/sms/json.yml"),
            "PANDU_SMS_WEBHOOK_SECRET": _SECRET,
            "PANDU_SMS_KEY": "k",
        }
        self.loaded = settings.load(env)
        self.sessions: list[str] = []
        self.cookies: dict[str, tuple[str, str]] = {}  # role → (cookie, token against forgery)
        self.forms: list[str] = []
        fields = {
            name
            for page in (ROOT / "bot/desk/templates").glob("*.html")
            for name in _FIELD.findall(page.read_text(encoding="utf-8"))
        }
        self.fields = sorted(fields - {"csrf"})

    async def prepare(self) -> None:
        """Fills the database and logs everybody in."""
        database = Database(self.url)
        await database.write(migrate.upgrade)
        await database.write(lambda c: samples.fill(c, now=database_now(c)))
        self.parts = app.parts(self.loaded)
        await database.write(self._people)
        await database.close()
        self.service = app.Service(self.loaded, self.parts)
        self.routes = [route for route in self.service.web.routes if isinstance(route, Route)]
        self.let_in = {(rule.method, PREFIX + rule.path): rule.roles for rule in rules(self.service.hub)}
        for role in agents.ROLES:
            await self._log_in(role)
        for _ in range(5):
            _, _, body = await self._ask(Asked("POST", "/api/chat/v1/sessions"))
            self.sessions.append(json.loads(body)["session"])

    def _people(self, connection: Any) -> None:
        now = database_now(connection)
        hashed = _QUICK.hash(_PASSWORD)
        for role in agents.ROLES:
            key = rows.add_agent(connection, f"orang-{role}", now, role=role, code=f"P-{role[:6].upper()}")
            agents.change(connection, key, password_hash=hashed)
        for number in range(6):
            request = rows.ask(connection, f"warga{number}", now)
            if number < 3:
                ownership.take(connection, request, 1, now)
        row = handoffs.get(connection, 1)
        assert row is not None
        for number in range(40):
            key = f"{number:032d}"
            fields = ("nik", "birth_date") if number % 2 else ("nik", "kk")
            kept = {"chat_id": row["chat_id"], "purpose": "registration", "fields": list(fields)}
            until = now.replace(year=now.year + 1)
            connection.execute(form_rows.insert().values(key=key, created_at=now, expires_at=until, **kept))
            self.forms.append(secure.signed(key, self.parts.policy))

    async def _log_in(self, role: str) -> None:
        _, headers, page = await self._ask(Asked("GET", "/desk/login"))
        before, token = _cookie(headers), _csrf(page)
        sent = urlencode({"csrf": token, "name": f"orang-{role}", "password": _PASSWORD}).encode()
        status, headers, _ = await self._ask(_form("/desk/login", sent, before))
        assert status == 303, (role, status)
        cookie = _cookie(headers)
        for path in ("/desk/", "/desk/canned", "/desk/hours", "/desk/looks", "/desk/supervision", "/desk/quality"):
            _, _, page = await self._ask(Asked("GET", path, headers=(("cookie", cookie),)))
            if token := _csrf(page):
                self.cookies[role] = (cookie, token)
                return
        raise AssertionError(f"no page for {role}")

    async def _ask(self, asked: Asked) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """(status, headers, body); raises what the program raised."""
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "https", "method": asked.method,
            "path": unquote(asked.path), "raw_path": asked.path.encode("ascii", "replace"), "root_path": "",
            "query_string": asked.query.encode("latin-1", "replace"), "client": ("127.0.0.1", 1), "server": ("pandu.example", 443),
            "headers": [(b"host", b"pandu.example"), *((k.encode(), v.encode("latin-1", "replace")) for k, v in asked.headers)],
        }  # fmt: skip
        parts = [{"type": "http.request", "body": asked.body, "more_body": False}]
        found: dict[str, Any] = {"status": 0, "headers": [], "body": b""}

        async def receive() -> dict[str, Any]:
            return parts.pop(0) if parts else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                found.update(status=message["status"], headers=list(message["headers"]))
            else:
                found["body"] += message.get("body", b"")

        await asyncio.wait_for(self.service.web(scope, receive, send), 60)
        return found["status"], found["headers"], found["body"]

    async def run(self, count: int, seed: int, tell: Callable[[int], None] = lambda done: None) -> Outcome:
        """So many inputs; between them the worker takes what was stored."""
        made = Outcome()
        kinds: Sequence[Callable[[random.Random], Asked]] = (
            self.telegram, self.whatsapp, self.sms, self.web_chat, self.secure_form, self.desk, self.desk, self.anywhere,
        )  # fmt: skip
        for number in range(count):
            chance = random.Random(f"{seed}:{number}")
            kind = kinds[number % len(kinds)]
            asked = kind(chance)
            try:
                status, _, _ = await self._ask(asked)
                made.statuses[kind.__name__, status] += 1
                if status >= 500:
                    made.failures.append(f"{seed}:{number} {kind.__name__} {status} {asked!r}"[:2000])
            except Exception:
                made.statuses[kind.__name__, 500] += 1
                made.failures.append(f"{seed}:{number} {asked!r}"[:1500] + "\n" + traceback.format_exc()[-3000:])
            if number % _SETTLE_EVERY == _SETTLE_EVERY - 1 or number == count - 1:
                await self._settle()
                tell(number + 1)
        made.troubled = await self.service.database.read(_troubled)
        return made

    async def _settle(self) -> None:
        while await self.service.worker.run_once():
            pass

    async def close(self) -> None:
        """Ends everything."""
        self.service.hub.stop()
        for channel in self.service.channels:
            await channel.close()
        await self.service.database.close()

    # -- the kinds of input

    def telegram(self, chance: random.Random) -> Asked:
        shape = wild.mutated(chance.choice(_PAYLOADS["telegram"]), chance)
        if isinstance(shape, dict) and chance.random() < 0.8:
            shape["update_id"] = chance.randrange(1 << 31)
        secret = "rahasia" if chance.random() < 0.95 else wild.text(chance)
        return _json("/telegram/123456789", wild.as_json(shape, chance), ("x-telegram-bot-api-secret-token", secret))

    def whatsapp(self, chance: random.Random) -> Asked:
        if chance.random() < 0.05:
            query = urlencode(
                {"hub.mode": "subscribe", "hub.verify_token": _SECRET, "hub.challenge": _plain(wild.text(chance))}
            )
            return Asked("GET", self._path("/whatsapp"), query)
        body = wild.as_json(wild.mutated(chance.choice(_PAYLOADS["whatsapp"]), chance), chance)
        return _json(self._path("/whatsapp"), body, ("x-hub-signature-256", f"sha256={_signed(body, chance)}"))

    def sms(self, chance: random.Random) -> Asked:
        inbound = chance.random() < 0.7
        shape = wild.mutated(_SMS_IN if inbound else _SMS_REPORT, chance)
        body = wild.as_json(shape, chance)
        path = self._path("/sms", "in" if inbound else "report")
        return _json(path, body, ("x-contoh-signature", _signed(body, chance)))

    def web_chat(self, chance: random.Random) -> Asked:
        head = (
            "authorization",
            f"Bearer {chance.choice(self.sessions)}" if chance.random() < 0.9 else wild.text(chance),
        )
        if chance.random() < 0.3:
            query = urlencode({"after": _plain(wild.text(chance)) if chance.random() < 0.7 else "0", "wait": "0"})
            return Asked("GET", "/api/chat/v1/replies", query, (head,))
        shape = wild.mutated(chance.choice(_CHAT_BODIES), chance)
        if isinstance(shape, dict) and chance.random() < 0.7:
            shape["id"] = f"m{chance.randrange(1 << 30)}"
        path = chance.choice(["messages"] * 6 + ["sessions", "kiosk/sessions", "kiosk/carry", "kiosk/end", "demo"])
        return _json(f"/api/chat/v1/{path}", wild.as_json(shape, chance), head)

    def secure_form(self, chance: random.Random) -> Asked:
        link = chance.choice(self.forms) if chance.random() < 0.85 else quote(_plain(wild.text(chance)), safe="")[:200]
        if chance.random() < 0.2:
            return Asked("GET", f"/f/{link}")
        fields = {
            name: _plain(wild.text(chance)) for name in chance.sample(("nik", "kk", "birth_date", "confirm", "x"), 3)
        }
        return _form(f"/f/{link}", urlencode(fields).encode(), "")

    def desk(self, chance: random.Random) -> Asked:
        route = chance.choice(
            [route for route in self.routes if route.path.startswith("/desk") and not route.path.endswith(_OPEN)]
        )
        path = re.sub(r"\{(\w+):(\w+)\}", lambda found: self._part(found[2], chance), route.path)
        let_in = (
            self.let_in.get(("POST" if "POST" in (route.methods or ()) else "GET", route.path))
            if chance.random() < 0.85
            else None
        )
        cookie, token = self.cookies[chance.choice(sorted(let_in or self.cookies))]
        if chance.random() < 0.03:
            cookie, token = f"pandu_desk={quote(_plain(wild.text(chance)))}", _plain(wild.text(chance))
        if path.endswith("/logout"):
            token = "no"  # the run needs the sessions
        fields = {name: _plain(wild.text(chance)) for name in chance.sample(self.fields, min(8, len(self.fields)))}
        if "POST" in (route.methods or ()):
            sent = urlencode({"csrf": token, **fields}).encode()
            extra = (("x-part", "1"),) if chance.random() < 0.3 else ()
            return _form(path, sent if chance.random() < 0.97 else sent[:-3] + b"%FF\x00", cookie, *extra)
        return Asked("GET", path, urlencode(fields), (("cookie", cookie),))

    def anywhere(self, chance: random.Random) -> Asked:
        if chance.random() < 0.5:
            path = "/" + quote(_plain(wild.text(chance)), safe="/")[:300]
        else:
            route = chance.choice([route for route in self.routes if not route.path.endswith(_OPEN)])
            path = re.sub(r"\{(\w+):(\w+)\}", lambda found: self._part(found[2], chance), route.path)
        method = chance.choice(("GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH", "BREW"))
        headers = tuple(
            (name, wild.text(chance))
            for name in ("authorization", "content-type", "content-length", "cookie", "if-none-match")
            if chance.random() < 0.4
        )
        query = "" if path.endswith("/replies") else _plain(wild.text(chance))
        return Asked(method, path, query, headers, _plain(wild.text(chance)).encode())

    def _part(self, kind: str, chance: random.Random) -> str:
        if kind == "int":
            return str(chance.choice((1, 2, 3, 4, 5, 6, 0, 99, 2**31, 2**63 - 1, 2**63, 10**30)))
        return chance.choice(("L-warga1", "L-warga2", quote(_plain(wild.text(chance)), safe="")[:200] or "x"))

    def _path(self, begin: str, end: str = "") -> str:
        return next(route.path for route in self.routes if route.path.startswith(begin) and route.path.endswith(end))


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _signed(body: bytes, chance: random.Random) -> str:
    key = _SECRET if chance.random() < 0.95 else "wrong"
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


def _json(path: str, body: bytes, *headers: tuple[str, str]) -> Asked:
    return Asked("POST", path, "", (("content-type", "application/json"), *headers), body)


def _form(path: str, body: bytes, cookie: str, *headers: tuple[str, str]) -> Asked:
    return Asked(
        "POST", path, "", (("content-type", "application/x-www-form-urlencoded"), ("cookie", cookie), *headers), body
    )


def _cookie(headers: list[tuple[bytes, bytes]]) -> str:
    return "; ".join(value.decode().partition(";")[0] for name, value in headers if name.lower() == b"set-cookie")


def _csrf(page: bytes) -> str:
    found = _CSRF.search(page.decode("utf-8", "replace"))
    return found[1] if found else ""


def _troubled(connection: Any) -> dict[str, int]:
    return dict(Counter(f"{row['state']} {row['error']}" for row in dead_letters.troubled(connection, 10_000)))


async def main(count: int, seed: int, url: str = "") -> int:
    """Runs and prints, on a database of its own or an empty one; 1 where anything failed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory(prefix="pandu-fuzz-") as folder:
        fuzz = Fuzz(url or f"sqlite:///{folder}/fuzz.db")
        await fuzz.prepare()
        found = await fuzz.run(count, seed, lambda done: print(f"{done:,} of {count:,}", end="\r", file=sys.stderr))
        await fuzz.close()
    for failure in found.failures[:20]:
        print(failure, end="\n\n")
    for (kind, status), times in sorted(found.statuses.items()):
        print(f"{kind:<12} {status} {times:>6,}")
    print(
        f"seed {seed}: {count:,} inputs, {len(found.failures)} failures; not stored or given up: {found.troubled or 'none'}"
    )
    return 1 if found.failures or found.troubled else 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        raise SystemExit(asyncio.run(main(int(sys.argv[1]), int((sys.argv[2:] or ["1"])[0]), *sys.argv[3:4])))
