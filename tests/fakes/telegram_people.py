"""The other side of the fake: people who write, tap, share and block, and the waiting updates with their webhook."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.fakes import telegram_rules as rules

if TYPE_CHECKING:
    from tests.fakes.telegram import FakeTelegram
    from tests.fakes.telegram_methods import Sent

DAY, TAP = 86_400, 150  # seconds that an update is kept: Client.cpp of https://github.com/tdlib/telegram-bot-api
DEFAULT_OFF = ("chat_member", "message_reaction", "message_reaction_count")  # not sent unless asked for


class Person:
    """Somebody with a phone."""

    def __init__(self, fake: FakeTelegram, id: int, first_name: str) -> None:  # noqa: A002
        self.fake, self.id = fake, id
        self.user: dict[str, Any] = {"id": id, "is_bot": False, "first_name": first_name, "language_code": "id"}
        self.chat = {"id": id, "type": "private", "first_name": first_name}
        self.phone = f"62812{id:08d}"
        self.blocked = self.deactivated = False
        self.keyboard: dict[str, Any] | None = None  # the reply keyboard on the screen
        self.inbox: list[Sent] = []

    def sends(self, *, forward: bool = False, **content: Any) -> dict[str, Any]:
        """Sends anything: `sends(voice={…})`, `sends(sticker={…})`; the update that the bot gets."""
        date = int(self.fake.clock())
        message = {"message_id": self.fake.next_id(), "from": self.user, "chat": self.chat, "date": date, **content}
        if forward:
            message["forward_origin"] = {"type": "hidden_user", "sender_user_name": "Grup", "date": date - 3600}
        self.fake.messages[self.id, message["message_id"]] = message
        return self.fake.queue.push("message", message, key=f"chat {self.id}", lifetime=DAY)

    def says(self, text: str, *, forward: bool = False) -> dict[str, Any]:
        """Types a message (with its command entity, as the apps do)."""
        content: dict[str, Any] = {"text": text}
        if command := re.match(r"/[A-Za-z0-9_]+(?:@\w+)?", text):
            content["entities"] = [{"type": "bot_command", "offset": 0, "length": command.end()}]
        return self.sends(forward=forward, **content)

    def edits(self, update: dict[str, Any], text: str) -> dict[str, Any]:
        """Changes an earlier message."""
        message = {**update["message"], "text": text, "edit_date": int(self.fake.clock())}
        return self.fake.queue.push("edited_message", message, key=f"chat {self.id}", lifetime=DAY)

    def taps(self, sent: Sent, button: int) -> dict[str, Any]:
        """Taps the n-th button (from 1) of a message's inline keyboard."""
        return self.taps_button(sent.message, sent.buttons[button - 1])

    def taps_button(self, message: dict[str, Any], button: dict[str, Any]) -> dict[str, Any]:
        """Taps one button below a message."""
        tap: dict[str, Any] = {"id": str(self.fake.next_id() * 7919), "from": self.user, "message": message}
        tap |= {"data": button["callback_data"], "chat_instance": str(self.id * 31)}
        self.fake.taps[tap["id"]] = self.fake.clock()
        return self.fake.queue.push("callback_query", tap, key=f"tap {self.id}", lifetime=TAP)

    def shares_contact(self, *, own: bool = True, phone: str | None = None, forward: bool = False) -> dict[str, Any]:
        """Shares the own number, or a card from the address book."""
        card = {"phone_number": phone or self.phone, "first_name": self.user["first_name"]}
        if self.keyboard and self.keyboard.get("one_time_keyboard"):
            self.keyboard = None
        return self.sends(contact=card | {"user_id": self.id if own else self.id + 1}, forward=forward)

    def sends_photo(self, caption: str | None = None) -> dict[str, Any]:
        """Sends a picture."""
        sizes = [{"file_id": "p1", "file_unique_id": "u1", "width": 90, "height": 60, "file_size": 1000}]
        content: dict[str, Any] = {"photo": sizes, "caption": caption} if caption else {"photo": sizes}
        return self.sends(**content)

    def blocks(self) -> dict[str, Any]:
        """Blocks the bot."""
        return self._membership("kicked")

    def unblocks(self) -> dict[str, Any]:
        """Comes back."""
        return self._membership("member")

    def _membership(self, status: str) -> dict[str, Any]:
        old, self.blocked = "kicked" if self.blocked else "member", status == "kicked"
        change = {"chat": self.chat, "from": self.user, "date": int(self.fake.clock())}
        for key, value in (("old_chat_member", old), ("new_chat_member", status)):
            change[key] = {"user": self.fake.me, "status": value, **({"until_date": 0} if value == "kicked" else {})}
        return self.fake.queue.push("my_chat_member", change, key=f"member {self.id}", lifetime=DAY)


@dataclass(eq=False)
class Waiting:
    """An update that was not confirmed yet."""

    update: dict[str, Any]
    key: str  # updates of one key go to the webhook one after the other
    lifetime: float
    since: float
    age: float = 0.0  # seconds of waiting between attempts, before scaling


@dataclass
class Queue:
    """Updates on their way to the bot, by getUpdates or by webhook."""

    clock: Callable[[], float]
    scale: float  # 1 = real seconds between attempts, 0 = none
    waiting: list[Waiting] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    webhook: dict[str, Any] | None = None
    attempts: list[tuple[int, int]] = field(default_factory=list)  # (update_id, status; 0 = no answer)
    delays: list[float] = field(default_factory=list)  # between attempts, before scaling
    dropped: list[int] = field(default_factory=list)
    last_id: int = 1000
    poll: asyncio.Future[None] | None = None
    answered: Callable[[str, bytes], None] = lambda _kind, _body: None  # a webhook answered with a body
    noticed: Callable[[], None] = lambda: None  # something was delivered or not
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _client: aiohttp.ClientSession | None = None

    def push(self, kind: str, content: dict[str, Any], *, key: str, lifetime: float) -> dict[str, Any]:
        """Takes an update in, unless its kind was not asked for."""
        self.last_id += 1
        update = {"update_id": self.last_id, kind: content}
        if kind in self.allowed or (not self.allowed and kind not in DEFAULT_OFF):
            self.waiting.append(Waiting(update, key, lifetime, self.clock()))
            self.wake()
        return update

    def wake(self) -> None:
        """Something is there: for the waiting getUpdates or for the webhook."""
        if self.webhook is None:
            if self.poll and not self.poll.done():
                self.poll.set_result(None)
            return
        for key in {item.key for item in self.waiting}:
            if key not in self._tasks or self._tasks[key].done():
                self._tasks[key] = asyncio.ensure_future(self._deliver(key, self.webhook))

    def abort_poll(self, reason: str) -> None:
        """A waiting getUpdates loses to another one or to setWebhook."""
        if self.poll and not self.poll.done():
            self.poll.set_exception(rules.ApiError(409, f"Conflict: terminated by {reason}"))

    def fresh(self) -> list[dict[str, Any]]:
        """What waits and has not expired."""
        now = self.clock()
        self.dropped += [item.update["update_id"] for item in self.waiting if now - item.since > item.lifetime]
        self.waiting = [item for item in self.waiting if now - item.since <= item.lifetime]
        return [item.update for item in self.waiting]

    def confirm(self, offset: int) -> None:
        """Forgets updates below `offset`; a negative one keeps so many from the end."""
        if offset < 0:
            self.waiting = self.waiting[offset:]
        elif offset <= self.last_id + 10:  # a number from the future is not believed
            self.waiting = [item for item in self.waiting if item.update["update_id"] >= offset]

    async def _deliver(self, key: str, hook: dict[str, Any]) -> None:
        """Again at once, then after 2, 4, 8 … s up to 60–120, or as Retry-After says (WebhookActor.cpp)."""
        delay, failures = 1.0, 0
        while self.webhook is hook and (items := [item for item in self.waiting if item.key == key]):
            status, wait = await self._post(hook, items[0])
            done = 200 <= status < 300
            if not done:
                hook["error"] = (int(self.clock()), f"Wrong response from the webhook: {status or 'none'}")
                if not wait and failures:
                    wait = delay = min(random.uniform(60, 120), delay * 2)
                failures += 1
                self.delays.append(wait)
                items[0].age += wait
                done = items[0].age > items[0].lifetime
                self.dropped += [items[0].update["update_id"]] if done else []
            if done:
                self.waiting.remove(items[0])
                delay, failures = 1.0, 0
            self.noticed()
            await asyncio.sleep(0 if done else wait * self.scale)

    async def _post(self, hook: dict[str, Any], item: Waiting) -> tuple[int, float]:
        self._client = self._client or aiohttp.ClientSession()
        head = {"X-Telegram-Bot-Api-Secret-Token": hook["secret_token"]} if hook["secret_token"] else {}
        try:
            async with self._client.post(hook["url"], json=item.update, headers=head, allow_redirects=False) as answer:
                body, status = await answer.read(), answer.status
                after = answer.headers.get("Retry-After", "0")
                if 200 <= status < 300 and body:
                    self.answered(answer.headers.get("Content-Type", ""), body)
        except aiohttp.ClientError:
            status, after = 0, "0"
        self.attempts.append((item.update["update_id"], status))
        return status, float(min(int(after), 3600)) if after.isdigit() else 0.0

    async def close(self) -> None:
        """Stops delivering."""
        self.webhook = None
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        if self.poll and not self.poll.done():
            self.poll.set_result(None)
        if self._client:
            await self._client.close()
