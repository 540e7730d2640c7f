"""An upgrade from a real older version under load: its processes, the migration, ours beside them, ours alone. `python -m benchmarks.upgrade OLD_TREE`.

OLD_TREE is a checkout of the older version (`git worktree add OLD_TREE REVISION`). People write in the web chat; each message must be answered, and none twice.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
from sqlalchemy import Connection, func, select

from benchmarks.processes import ROOT, Process, free_port, postgres_url, until_up
from storage import migrate
from storage.database import Database
from storage.schema import inbox, messages, outbox

PEOPLE = 10
SECONDS_A_PHASE = 8
_START = "import sys; sys.path.insert(0, {tree!r}); from bot.cli import main; main()"


def process(tree: Path, env: dict[str, str], *command: str, ready: str = "") -> Process:
    """A `pandu` of that tree."""
    return Process([sys.executable, "-c", _START.format(tree=str(tree)), *command], env, ready_url=ready)


class Crowd:
    """People who write on, at whichever web process answers."""

    def __init__(self, ports: list[int]) -> None:
        self.ports, self.sent, self.repeated, self.going = ports, 0, 0, True

    async def person(self, number: int) -> None:
        async with httpx.AsyncClient(timeout=10) as client:
            session = (await self._ask(client, "POST", "sessions")).json()["session"]
            head = {"Authorization": f"Bearer {session}"}
            while self.going:
                body = {
                    "id": f"m{self.sent}-{number}",
                    "text": f"kapan gelombang dibuka nomor-{_letters(self.sent)}x{_letters(number)}",
                }
                self.sent += 1
                await self._ask(client, "POST", "messages", json=body, headers=head)
                await asyncio.sleep(0.25)

    async def _ask(self, client: httpx.AsyncClient, method: str, path: str, **more: object) -> httpx.Response:
        """As a page does: again, with the same id, until somebody has stored it."""
        while True:
            for port in self.ports:
                try:
                    answer = await client.request(method, f"http://127.0.0.1:{port}/api/chat/v1/{path}", **more)  # type: ignore[arg-type]
                    if answer.status_code < 300:
                        return answer
                    self.repeated += answer.status_code != 429  # too fast is no failure
                except httpx.HTTPError:
                    self.repeated += 1
            await asyncio.sleep(0.1)


def _letters(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(number))


async def phases(old_tree: Path, url: str) -> int:
    """The whole upgrade; 0 where nothing was lost or doubled."""
    old_port, new_port = free_port(), free_port()
    base = {"PANDU_DATABASE_URL": url, "PANDU_SECRET_KEY": "test" * 10}
    old_env, new_env = base | {"PANDU_BIND": f"127.0.0.1:{old_port}"}, base | {"PANDU_BIND": f"127.0.0.1:{new_port}"}
    first = process(old_tree, base, "db", "upgrade")
    await first.start()
    assert await first.wait() == 0
    database = Database(url)
    before = await database.read(migrate.current)
    old = [process(old_tree, old_env, "run", "--role", role) for role in ("web", "worker", "sender")]
    await asyncio.gather(*(one.start() for one in old))
    await until_up(f"http://127.0.0.1:{old_port}/healthz")
    crowd = Crowd([old_port, new_port])
    people = [asyncio.create_task(crowd.person(number)) for number in range(PEOPLE)]
    await asyncio.sleep(SECONDS_A_PHASE)
    upgrade = process(ROOT, base, "db", "upgrade")
    began = time.monotonic()
    await upgrade.start()
    assert await upgrade.wait() == 0
    print(
        f"schema {before} → {await database.read(migrate.current)} in {time.monotonic() - began:.1f} s with the old processes at work"
    )
    new = [process(ROOT, new_env, "run", "--role", role) for role in ("web", "worker", "sender")]
    await asyncio.gather(*(one.start() for one in new))
    await until_up(f"http://127.0.0.1:{new_port}/readyz")
    await asyncio.sleep(SECONDS_A_PHASE)
    for one in old:
        await one.kill(signal.SIGTERM)
    await asyncio.sleep(SECONDS_A_PHASE)
    crowd.going = False
    await asyncio.gather(*people)
    for _ in range(400):
        if not await database.read(_left):
            break
        await asyncio.sleep(0.1)
    bad = await database.read(lambda c: _wrong(c, crowd.sent))
    for one in new:
        await one.kill(signal.SIGTERM)
    await database.close()
    print(
        f"{crowd.sent} messages of {PEOPLE} people, {crowd.repeated} sent again to another process; wrong: {bad or 'nothing'}"
    )
    return int(bool(bad))


def _left(connection: Connection) -> int:
    waiting = connection.execute(select(func.count()).where(inbox.c.state == "pending")).scalar_one()
    return int(
        waiting
        + connection.execute(select(func.count()).where(outbox.c.state.in_(("pending", "sending")))).scalar_one()
    )


def _wrong(connection: Connection, sent: int) -> list[str]:
    found = []
    said = " ".join(connection.execute(select(messages.c.text).where(messages.c.author == "person")).scalars())
    marks = Counter(word for word in said.split() if word.startswith("nomor-"))
    if len(marks) != sent:
        found.append(f"{sent - len(marks)} messages are lost")
    if doubled := [mark for mark, count in marks.items() if count > 1]:
        found.append(f"{len(doubled)} messages were taken twice")
    stored = Counter(connection.execute(select(inbox.c.state)).scalars())
    if stored != {"done": sent}:
        found.append(f"events: {dict(stored)} of {sent}")
    states = Counter(connection.execute(select(outbox.c.state)).scalars())
    if set(states) - {"accepted", "cancelled"}:
        found.append(f"replies: {dict(states)}")
    return found


if __name__ == "__main__":
    with postgres_url() as found_url:
        raise SystemExit(asyncio.run(phases(Path(sys.argv[1]).resolve(), found_url)))
