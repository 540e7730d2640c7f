"""The methods that Pandu uses, with limits and errors: https://core.telegram.org/bots/api#available-methods"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes import telegram_rules as rules
from tests.fakes.pictures import Stored, looked_at
from tests.fakes.telegram_people import TAP, Person, Queue
from tests.fakes.telegram_rules import ApiError, bad

ACTIONS = "typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker"
WEBHOOK_SET = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
OTHER_POLL = "other getUpdates request; make sure that only one bot instance is running"
UPGRADED = "Bad Request: group chat was upgraded to a supergroup chat"
OLD_TAP = "query is too old and response timeout expired or query ID is invalid"
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current content "
    "and reply markup of the message"
)


@dataclass(frozen=True)
class Call:
    """One request that was received."""

    method: str
    arguments: dict[str, Any]
    at: float
    status: int  # 0 = cut
    result: Any


@dataclass(frozen=True)
class Sent:
    """One message that was accepted."""

    chat: int
    text: str  # of a picture its caption
    message: dict[str, Any]
    markup: dict[str, Any] | None
    at: float
    paid: bool = False  # Stars were offered for it

    @property
    def buttons(self) -> list[dict[str, Any]]:
        """Buttons of its keyboard in reading order."""
        rows = (self.markup or {}).get("inline_keyboard") or (self.markup or {}).get("keyboard") or []
        return [button for row in rows for button in row]

    @property
    def picture(self) -> str:
        """The file_id of the picture that came with it; "" where none did."""
        return str((self.message.get("photo") or [{"file_id": ""}])[-1]["file_id"])


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of, or after, its handling."""

    kind: str = "error"  # error, html (an error page), cut_before, cut_after, slow (answered only after `fake.release`)
    method: str = "sendMessage"
    status: int = 500
    description: str = "Internal Server Error"
    parameters: dict[str, Any] = field(default_factory=dict)


class Methods:
    """One `do_<method>` each; what they work on belongs to `FakeTelegram`."""

    clock: Callable[[], float]
    me: dict[str, Any]
    queue: Queue
    flood: rules.Flood
    sent: list[Sent]
    people: dict[int, Person]
    messages: dict[tuple[int, int], dict[str, Any]]
    taps: dict[str, float]
    profile: dict[str, Any]
    migrated: dict[int, int]
    files: dict[str, Stored]  # file_id → a picture that the bot has uploaded
    uploads: list[Stored]  # every picture that came as a file, in order

    def next_id(self) -> int:
        """A new number for a message."""
        raise NotImplementedError

    def _log(self, call: Call) -> None:
        raise NotImplementedError

    async def handle(self, method: str, given: dict[str, Any]) -> Any:
        """One method call; raises `ApiError`."""
        if method.lower() == "getupdates":
            return await self._get_updates(given)
        do = getattr(self, f"do_{method.lower()}", None)
        if do is None:
            raise ApiError(404, "Not Found: method not found")
        return do(given)

    # -- receiving -------------------------------------------------------------------------------------------------

    async def _get_updates(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        queue = self.queue
        if queue.webhook:
            raise ApiError(409, f"Conflict: {WEBHOOK_SET}")
        queue.abort_poll(OTHER_POLL)
        if given.get("allowed_updates") not in (None, ""):
            queue.allowed = rules.unpacked(given["allowed_updates"])
        queue.confirm(int(given.get("offset") or 0))
        limit = min(max(int(given.get("limit") or 100), 1), 100)
        seconds = min(max(float(given.get("timeout") or 0), 0), 50)
        if not queue.fresh() and seconds:
            queue.poll = asyncio.get_running_loop().create_future()
            self._log(Call("getUpdates waits", given, self.clock(), 0, None))
            try:
                await asyncio.wait_for(asyncio.shield(queue.poll), seconds)
            except TimeoutError:
                return []
        return queue.fresh()[:limit]

    def do_setwebhook(self, given: dict[str, Any]) -> bool:
        url, secret = str(given.get("url") or ""), str(given.get("secret_token") or "")
        if not url:
            return self.do_deletewebhook(given)
        if not re.match(r"https://|http://(?:127\.0\.0\.1|localhost)[:/]", url):  # plain http, as with --local
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
            raise bad("secret token contains unallowed characters")
        if given.get("allowed_updates") not in (None, ""):
            self.queue.allowed = rules.unpacked(given["allowed_updates"])
        self._drop_pending(given)
        self.queue.abort_poll("setWebhook request")
        connections = int(given.get("max_connections") or 40)
        self.queue.webhook = {"url": url, "secret_token": secret, "max_connections": connections, "error": None}
        self.queue.wake()
        return True

    def do_deletewebhook(self, given: dict[str, Any]) -> bool:
        self._drop_pending(given)
        self.queue.webhook = None
        return True

    def _drop_pending(self, given: dict[str, Any]) -> None:
        if str(given.get("drop_pending_updates", "")).lower() in ("true", "1"):
            self.queue.waiting.clear()

    def do_getwebhookinfo(self, _given: dict[str, Any]) -> dict[str, Any]:
        hook = self.queue.webhook
        info: dict[str, Any] = {"url": hook["url"] if hook else "", "has_custom_certificate": False}
        info["pending_update_count"] = len(self.queue.fresh())
        if hook:
            info["max_connections"] = hook["max_connections"]
            if hook["error"]:
                info["last_error_date"], info["last_error_message"] = hook["error"]
        return info | ({"allowed_updates": self.queue.allowed} if self.queue.allowed else {})

    # -- sending ---------------------------------------------------------------------------------------------------

    def _person(self, given: dict[str, Any]) -> Person:
        chat = str(given.get("chat_id") or "")
        if not chat:
            raise bad("chat_id is empty")
        number = int(chat) if re.fullmatch(r"-?\d+", chat) else 0
        if number in self.migrated:
            raise ApiError(400, UPGRADED, migrate_to_chat_id=self.migrated[number])
        if number not in self.people:
            raise bad("chat not found")
        person = self.people[number]
        if person.blocked or person.deactivated:
            why = "bot was blocked by the user" if person.blocked else "user is deactivated"
            raise ApiError(403, f"Forbidden: {why}")
        return person

    def do_sendmessage(self, given: dict[str, Any]) -> dict[str, Any]:
        shown, entities = rules.text(given.get("text"), given.get("parse_mode"))
        return self._send(given, shown, {"text": shown, **({"entities": entities} if entities else {})})

    def do_sendphoto(self, given: dict[str, Any]) -> dict[str, Any]:
        shown, entities = rules.caption(given.get("caption"), given.get("parse_mode"))
        self._person(given)
        content: dict[str, Any] = {"photo": self._photo(given)} | ({"caption": shown} if shown else {})
        return self._send(given, shown, content | ({"caption_entities": entities} if entities else {}))

    def _photo(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        """Its sizes: of a file in the request, or of an id that an earlier one got."""
        photo = given.get("photo")
        if isinstance(photo, str) and photo.startswith("attach://"):
            photo = given.get(photo.removeprefix("attach://"))
        if not photo:
            raise bad("there is no photo in the request")
        if isinstance(photo, str) and photo not in self.files:
            raise bad("wrong remote file identifier specified: can't unserialize it. Wrong last symbol")
        if isinstance(photo, bytes):
            return self._uploaded(photo)
        number = str(photo)[: -len("-x")]
        return [self._size(f"{number}-m"), self._size(f"{number}-x")]

    def _uploaded(self, data: bytes) -> list[dict[str, Any]]:
        picture = rules.photo(data, looked_at(data))
        self.uploads.append(picture)
        number = f"AgACAgUAAxkBAAI{self.me['id'] % 97}{len(self.uploads):06d}"
        self.files |= {f"{number}-m": picture, f"{number}-x": picture}
        return [self._size(f"{number}-m"), self._size(f"{number}-x")]

    def _size(self, file_id: str) -> dict[str, Any]:
        picture, part = self.files[file_id], 4 if file_id.endswith("-m") else 1
        size = {"width": max(1, picture.width // part), "height": max(1, picture.height // part)}
        return {"file_id": file_id, "file_unique_id": file_id[-9:], "file_size": len(picture.data) // part, **size}

    def _send(self, given: dict[str, Any], shown: str, content: dict[str, Any]) -> dict[str, Any]:
        markup = rules.markup(given.get("reply_markup"))
        person = self._person(given)
        now, number = self.clock(), self.next_id()
        paid = rules.unpacked(given.get("allow_paid_broadcast")) is True
        self.flood.check(person.id, now, paid=paid)
        message: dict[str, Any] = {"message_id": number, "from": self.me, "chat": person.chat, "date": int(now)}
        message |= content
        message |= {"reply_markup": markup} if markup and "inline_keyboard" in markup else {}
        self.messages[person.id, number] = message
        if markup and ("keyboard" in markup or markup.get("remove_keyboard")):
            person.keyboard = markup if "keyboard" in markup else None
        sent = Sent(person.id, shown, message, markup, now, paid=paid)
        self.sent.append(sent)
        person.inbox.append(sent)
        return message

    def _own(self, given: dict[str, Any], wish: str) -> dict[str, Any]:
        message = self.messages.get((self._person(given).id, int(given.get("message_id") or 0)))
        if message is None:
            raise bad(f"message to {wish} not found")
        return message

    def do_editmessagetext(self, given: dict[str, Any]) -> dict[str, Any]:
        shown, entities = rules.text(given.get("text"), given.get("parse_mode"))
        return self._edit(given, {"text": shown, "entities": entities})

    def do_editmessagereplymarkup(self, given: dict[str, Any]) -> dict[str, Any]:
        message = self._own(given, "edit")
        return self._edit(given, {"text": message["text"], "entities": message.get("entities", [])})

    def _edit(self, given: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
        message = self._own(given, "edit")
        content["reply_markup"] = rules.markup(given.get("reply_markup"))
        content = {key: value for key, value in content.items() if value}
        if content == {key: message[key] for key in ("text", "entities", "reply_markup") if message.get(key)}:
            raise bad(NOT_MODIFIED)
        for key in ("entities", "reply_markup"):
            message.pop(key, None)
        message.update(content, edit_date=int(self.clock()))
        return message

    def do_deletemessage(self, given: dict[str, Any]) -> bool:
        message = self._own(given, "delete")
        del self.messages[message["chat"]["id"], message["message_id"]]
        return True

    def do_answercallbackquery(self, given: dict[str, Any]) -> bool:
        if len(str(given.get("text") or "")) > 200:
            raise bad("MESSAGE_TOO_LONG")
        at = self.taps.pop(str(given.get("callback_query_id")), None)
        if at is None or self.clock() - at > TAP:
            raise bad(OLD_TAP)
        return True

    def do_sendchataction(self, given: dict[str, Any]) -> bool:
        self._person(given)
        if given.get("action") not in ACTIONS.split():
            raise bad("wrong parameter action in request")
        return True

    def do_getchat(self, given: dict[str, Any]) -> dict[str, Any]:
        return {**self._person(given).chat, "accent_color_id": 0, "max_reaction_count": 11}

    # -- the bot itself --------------------------------------------------------------------------------------------

    def do_getme(self, _given: dict[str, Any]) -> dict[str, Any]:
        return self.me

    def do_setmycommands(self, given: dict[str, Any]) -> bool:
        commands = rules.unpacked(given.get("commands", "[]"))
        if len(commands) > 100 or not all(re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]) for command in commands):
            raise bad("BOT_COMMAND_INVALID")
        if not all(1 <= len(command["description"]) <= 256 for command in commands):
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
        self.profile["commands"] = commands
        return True

    def do_getmycommands(self, _given: dict[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.profile["commands"]
        return found

    def do_deletemycommands(self, _given: dict[str, Any]) -> bool:
        self.profile["commands"] = []
        return True

    def _describe(self, key: str, given: dict[str, Any], limit: int) -> bool:
        if len(str(given.get(key) or "")) > limit:
            raise bad(f"{key.upper()}_TOO_LONG")
        self.profile[key] = str(given.get(key) or "")
        return True

    def do_setmydescription(self, given: dict[str, Any]) -> bool:
        return self._describe("description", given, 512)

    def do_setmyshortdescription(self, given: dict[str, Any]) -> bool:
        return self._describe("short_description", given, 120)

    def do_logout(self, _given: dict[str, Any]) -> bool:
        return True

    do_close = do_logout
