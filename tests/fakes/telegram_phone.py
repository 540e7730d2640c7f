"""Telegram on the page with phones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.pictures import Stored

if TYPE_CHECKING:
    from tests.fakes.telegram import FakeTelegram
    from tests.fakes.telegram_people import Person

VOICE = {"file_id": "v1", "file_unique_id": "v1", "duration": 4, "mime_type": "audio/ogg"}
STICKER = {"file_id": "s1", "file_unique_id": "s1", "type": "regular", "width": 512, "height": 512, "emoji": "🙂"}
PLACE = {"latitude": -6.2, "longitude": 106.8}
KINDS = {"voice": "🎤 0:04", "sticker": "🙂", "location": "📍", "document": "📄"}


class TelegramCarrier:
    """People of a fake Bot API as phones."""

    look: str = "telegram"
    acts: tuple[str, ...] = ("contact", "other_contact", "voice", "image", "location", "sticker", "block", "unblock")

    def __init__(self, fake: FakeTelegram) -> None:
        self.fake, self.bot = fake, f"@{fake.me['username']}"

    def phones(self) -> list[dict[str, str]]:
        """Everybody who has started the bot."""
        people = self.fake.people.values()
        return [{"id": str(one.id), "name": str(one.user["first_name"]), "number": f"+{one.phone}"} for one in people]

    def add(self, name: str) -> None:
        """Somebody new."""
        self.fake.person(max(self.fake.people, default=6) + 1, name)

    def screen(self, phone: str) -> dict[str, Any]:
        """The chat in its present state: edited and deleted messages, too."""
        person = self.fake.people[int(phone)]
        own = [message for (chat, _), message in sorted(self.fake.messages.items()) if chat == person.id]
        keys = [button for row in (person.keyboard or {}).get("keyboard", []) for button in row]
        labels = [button["text"] if isinstance(button, dict) else button for button in keys]
        return {
            "messages": [self._message(message, person) for message in own],
            "keyboard": labels,
            "note": "blocked" if person.blocked else "",
        }

    def _message(self, message: dict[str, Any], person: Person) -> dict[str, Any]:
        mine = message["from"]["id"] == person.id
        picture = "" if mine else str((message.get("photo") or [{"file_id": ""}])[-1]["file_id"])
        rows = message.get("reply_markup", {}).get("inline_keyboard", [])
        buttons = [button for row in rows for button in row]
        options = [{"label": one["text"], "url": one.get("url", ""), "place": n} for n, one in enumerate(buttons, 1)]
        return {
            "id": message["message_id"],
            "mine": mine,
            "text": message.get("text") or (message.get("caption", "") if picture else _told(message)),
            "picture": picture,
            "entities": message.get("entities") or message.get("caption_entities", []),
            "at": message["date"],
            "forwarded": "forward_origin" in message,
            "state": "edited" if "edit_date" in message else "sent" if mine else "",
            "options": options,
        }

    def picture(self, name: str) -> Stored | None:
        """A picture that a phone shows."""
        return self.fake.files.get(name)

    def act(self, phone: str, act: str, args: dict[str, Any]) -> None:
        """What the person does."""
        person = self.fake.people[int(phone)]
        match act:
            case "say":
                person.says(args["text"], forward=bool(args.get("forwarded")))
            case "tap":
                message = self.fake.messages[person.id, int(args["message"])]
                rows = message["reply_markup"]["inline_keyboard"]
                person.taps_button(message, [button for row in rows for button in row][int(args["place"]) - 1])
            case "press":
                self._press(person, args["text"])
            case "contact" | "other_contact":
                person.shares_contact(own=act == "contact", phone=None if act == "contact" else "6281299990000")
            case "voice":
                person.sends(voice=VOICE, forward=bool(args.get("forwarded")))
            case "image":
                person.sends_photo(args.get("text") or None)
            case "sticker":
                person.sends(sticker=STICKER)
            case "location":
                person.sends(location=PLACE)
            case "block":
                person.blocks()
            case "unblock":
                person.unblocks()
            case _:
                raise ValueError(act)

    def _press(self, person: Person, text: str) -> None:
        keys = [button for row in (person.keyboard or {}).get("keyboard", []) for button in row]
        found = next((key for key in keys if isinstance(key, dict) and key["text"] == text), {})
        if found.get("request_contact"):
            person.shares_contact()
        else:
            person.says(text)

    def signal(self, phone: str, *, on: bool) -> None:
        """Telegram keeps what is sent; the bot is not told."""


def _told(message: dict[str, Any]) -> str:
    if "photo" in message:
        return f"🖼 {message.get('caption', '')}"
    if "contact" in message:
        return f"👤 {message['contact']['first_name']} +{message['contact']['phone_number']}"
    return next((shown for kind, shown in KINDS.items() if kind in message), "…")
