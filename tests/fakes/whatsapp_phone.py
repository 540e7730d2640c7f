"""WhatsApp on the page with phones."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.fakes.pictures import Stored, looked_at
from tests.fakes.whatsapp_limits import WINDOW
from tests.fakes.whatsapp_people import Person, Sent

if TYPE_CHECKING:
    from tests.fakes.whatsapp import FakeWhatsApp

KINDS = {"audio": "🎤 0:04", "sticker": "🙂", "location": "📍", "document": "📄", "reaction": "👍"}
PLACE = {"latitude": -6.2, "longitude": 106.8}


class WhatsAppCarrier:
    """People of a fake Cloud API as phones."""

    look: str = "whatsapp"
    acts: tuple[str, ...] = (
        "contact",
        "other_contact",
        "voice",
        "image",
        "location",
        "sticker",
        "reaction",
        "hide",
        "block",
        "close",
    )

    def __init__(self, fake: FakeWhatsApp) -> None:
        self.fake, self.bot = fake, f"+{fake.display}"

    def phones(self) -> list[dict[str, str]]:
        """Everybody on WhatsApp."""
        people = self.fake.people.values()
        return [{"id": one.number, "name": one.name, "number": f"+{one.number}"} for one in people]

    def add(self, name: str) -> None:
        """Somebody new."""
        self.fake.person(str(6281200000007 + len(self.fake.people)), name)

    def screen(self, phone: str) -> dict[str, Any]:
        """The chat; of our messages how far they came, of the person's whether they were read."""
        person = self.fake.people[phone]
        read = [mark for mark, _ in self.fake.read_marks]
        own = [entry["id"] for entry in person.log if isinstance(entry, dict)]
        last = max((own.index(mark) for mark in read if mark in own), default=-1)  # earlier ones become read too
        seen = set(own[: last + 1])
        shown = [_ours(entry, self.fake) if isinstance(entry, Sent) else _theirs(entry, seen) for entry in person.log]
        return {"messages": shown, "keyboard": [], "note": self._note(person)}

    def _note(self, person: Person) -> str:
        flags = {"blocked": person.blocked, "number hidden": person.hidden, "chat closed": not person.reading}
        notes = [name for name, on in flags.items() if on]
        if person.window_open and person.written is not None:
            end = datetime.fromtimestamp(person.written + WINDOW, UTC).astimezone()
            notes.append(f"window until {end:%d %b %H:%M}")
        else:
            notes.append("no window")
        return " · ".join([*notes, "typing…"] if person.shows else notes)

    def picture(self, name: str) -> Stored | None:
        """A picture that a phone shows."""
        found = self.fake.uploads.get(name)
        return looked_at(found.data) if found else None

    def act(self, phone: str, act: str, args: dict[str, Any]) -> None:
        """What the person does."""
        person, forwarded = self.fake.people[phone], bool(args.get("forwarded"))
        match act:
            case "say":
                person.says(args["text"], forwarded=forwarded)
            case "tap":
                self._tap(person, str(args["message"]), int(args["place"]))
            case "contact" | "other_contact":
                person.shares_contact(None if act == "contact" else "6281299990000", forwarded=forwarded)
            case "voice":
                person.sends_voice()
            case "image":
                person.sends_image(args.get("text") or None, forwarded=forwarded)
            case "sticker":
                person.sends_media("sticker", "image/webp")
            case "location":
                person.sends("location", PLACE)
            case "reaction":
                person.reacts(next(entry.id for entry in reversed(person.log) if isinstance(entry, Sent)))
            case _:
                self._switch(person, act)

    def _tap(self, person: Person, message: str, place: int) -> None:
        sent = next(entry for entry in person.log if isinstance(entry, Sent) and entry.id == message)
        kind = sent.request.get("interactive", {}).get("type")
        if kind == "request_contact_info":
            person.grants(sent)
        else:
            person.taps(sent, place)

    def _switch(self, person: Person, act: str) -> None:
        match act:
            case "block":
                person.blocked = not person.blocked
            case "hide":
                person.hidden = not person.hidden
            case "close" if person.reading:
                person.reading = False
            case "close":
                person.opens_chat()
            case _:
                raise ValueError(act)

    def signal(self, phone: str, *, on: bool) -> None:
        """What waited is delivered, and reported."""
        person = self.fake.people[phone]
        if on:
            person.comes_online()
        else:
            person.online = False


def _ours(sent: Sent, fake: FakeWhatsApp) -> dict[str, Any]:
    content = sent.request.get("interactive", {})
    options = [
        {"label": one["title"], "description": one.get("description", ""), "place": place}
        for place, one in enumerate(sent.buttons, 1)
    ]
    if sent.request["type"] == "template":
        replies = enumerate(fake.quick_replies(sent), 1)
        options = [{"label": text, "description": "", "place": place} for place, (_, text) in replies]
    if content.get("type") == "request_contact_info":
        options = [{"label": "Share contact info", "description": "", "place": 1}]
    action = content.get("action", {})
    link = {"label": action["parameters"]["display_text"], "url": sent.link} if sent.link else None
    state = sent.statuses[-1] if sent.statuses else "accepted"
    return {
        "id": sent.id,
        "mine": False,
        "text": sent.text,
        "picture": sent.picture,
        "at": sent.at,
        "state": state + (f": {sent.failure.code} {sent.failure.title}" if sent.failure else ""),
        "category": sent.category,
        "options": options,
        "list": action.get("button", ""),
        "link": link,
    }


def _theirs(message: dict[str, Any], seen: set[str]) -> dict[str, Any]:
    kind = message["type"]
    content = message[kind]
    match kind:
        case "text":
            text = content["body"]
        case "interactive":
            text = content[content["type"]]["title"]
        case "button":
            text = content["text"]
        case "contacts":
            text = f"👤 {content[0]['name']['formatted_name']} {content[0]['phones'][0]['phone']}"
        case "image":
            text = f"🖼 {content.get('caption', '')}"
        case _:
            text = KINDS.get(kind, kind)
    return {
        "id": message["id"],
        "mine": True,
        "text": text,
        "at": int(message["timestamp"]),
        "forwarded": bool(message.get("context", {}).get("forwarded")),
        "state": "read" if message["id"] in seen else "sent",
        "options": [],
    }
