"""People with WhatsApp: what they send, and what their phones report about what they got.

Shapes: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages (and the
pages below it, one a type), …/messages/status, …/business-scoped-user-ids.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.whatsapp_limits import DAY, WINDOW
from tests.fakes.whatsapp_rules import GraphError

if TYPE_CHECKING:
    from tests.fakes.whatsapp import FakeWhatsApp

UNSUPPORTED = {"code": 131051, "title": "Message type unknown", "message": "Message type unknown"}
PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=")


@dataclass(eq=False)
class Sent:
    """One message that was accepted for somebody."""

    id: str
    to: Person
    request: dict[str, Any]
    text: str  # as read on the phone
    at: float
    category: str  # service, utility, marketing, authentication
    statuses: list[str] = field(default_factory=list)
    failure: GraphError | None = None  # reported later, by status

    @property
    def buttons(self) -> list[dict[str, Any]]:
        """What can be tapped, in reading order: {"id", "title"} of buttons and rows, {"text", …} of a template."""
        action = self.request.get("interactive", {}).get("action", {})
        rows = [row for section in action.get("sections", []) for row in section["rows"]]
        return [button["reply"] for button in action.get("buttons", [])] + rows

    @property
    def picture(self) -> str:
        """The id of the picture that it is; "" where it is none."""
        return str(self.request.get("image", {}).get("id", ""))

    @property
    def link(self) -> str:
        """The address behind its one link button."""
        parameters = self.request.get("interactive", {}).get("action", {}).get("parameters", {})
        return str(parameters.get("url", ""))


class Person:
    """Somebody with a phone; `number` has no plus, as in webhooks."""

    def __init__(self, fake: FakeWhatsApp, number: str, name: str) -> None:
        self.fake, self.number, self.name = fake, number, name
        self.user_id = f"ID.{int(hashlib.sha256(number.encode()).hexdigest(), 16) % 10**17:017d}"
        self.hidden = False  # took a username: the number is left out where Meta leaves it out
        self.online = self.reading = True  # the phone has a signal; the chat is open
        self.blocked = self.stopped_marketing = self.in_experiment = self.capped = False
        self.written: float | None = None  # their last message: opens the window
        self.dialled: float | None = None  # we wrote to the number last
        self.shows = ""  # "typing" while we are said to be typing
        self.inbox: list[Sent] = []
        self.log: list[dict[str, Any] | Sent] = []  # both sides, in order, failed messages too

    @property
    def window_open(self) -> bool:
        """Whether free-form messages reach this person now."""
        return self.written is not None and self.fake.clock() < self.written + WINDOW

    # -- what they send --------------------------------------------------------------------------------------------

    def sends(self, kind: str, content: Any, *, forwarded: bool = False, **more: Any) -> dict[str, Any]:
        """Sends anything: `sends("sticker", {…})`; the message that the app gets."""
        message: dict[str, Any] = {"id": self.fake.next_id(), "timestamp": str(int(self.fake.clock())), "type": kind}
        message |= self.named("from", "from_user_id") | {kind: content} | more
        if forwarded:
            message["context"] = {"forwarded": True} | message.get("context", {})
        self.written = self.fake.clock()
        self.log.append(message)
        self.fake.received(self, message)
        return message

    def says(self, text: str, *, forwarded: bool = False) -> dict[str, Any]:
        """Types a message."""
        return self.sends("text", {"body": text}, forwarded=forwarded)

    def taps(self, sent: Sent, place: int) -> dict[str, Any]:
        """Taps the n-th button or row (from 1); of a template its n-th quick reply."""
        context = {"from": self.fake.display, "id": sent.id}
        if sent.request["type"] == "template":
            button = self.fake.quick_replies(sent)[place - 1]
            return self.sends("button", {"payload": button[0], "text": button[1]}, context=context)
        chosen = sent.buttons[place - 1]
        kind = "list_reply" if sent.request["interactive"]["type"] == "list" else "button_reply"
        reply = {key: chosen[key] for key in ("id", "title", "description") if chosen.get(key)}
        return self.sends("interactive", {"type": kind, kind: reply}, context=context)

    def shares_contact(self, phone: str | None = None, *, forwarded: bool = False) -> dict[str, Any]:
        """Sends a card from the address book (their own number where none is given)."""
        digits = (phone or self.number).lstrip("+")
        name = {"formatted_name": self.name, "first_name": self.name}
        card = {"name": name, "phones": [{"phone": f"+{digits}", "wa_id": digits, "type": "CELL"}]}
        return self.sends("contacts", [card], forwarded=forwarded)

    def grants(self, sent: Sent) -> dict[str, Any]:
        """Taps "Share contact info" below a request for the number."""
        assert sent.request["interactive"]["type"] == "request_contact_info"
        card = {"name": {"formatted_name": self.name}, "vcard": "BEGIN:VCARD", "phones": [{"phone": f"+{self.number}"}]}
        return self.sends("contacts", [card], origin="contact_request", context={"id": sent.id})

    def sends_media(self, kind: str, mime: str, data: bytes = PICTURE, **more: Any) -> dict[str, Any]:
        """Sends an image, document, video, audio or sticker; the file can be fetched for 7 days."""
        forwarded = more.pop("forwarded", False)
        return self.sends(kind, self.fake.stored(data, mime) | more, forwarded=forwarded)

    def sends_image(self, caption: str | None = None, *, forwarded: bool = False) -> dict[str, Any]:
        """Sends a picture."""
        more: dict[str, Any] = {"caption": caption} if caption else {}
        return self.sends_media("image", "image/jpeg", forwarded=forwarded, **more)

    def sends_voice(self) -> dict[str, Any]:
        """Records a voice note."""
        return self.sends_media("audio", "audio/ogg; codecs=opus", b"OggS", voice=True)

    def reacts(self, message_id: str, emoji: str | None = "👍") -> dict[str, Any]:
        """Reacts to a message; None takes the reaction back."""
        return self.sends("reaction", {"message_id": message_id} | ({"emoji": emoji} if emoji else {}))

    def sends_unsupported(self) -> dict[str, Any]:
        """Sends what the Cloud API cannot carry (a poll, a view-once picture)."""
        return self.sends("unsupported", {"type": "unknown"}, errors=[UNSUPPORTED])

    def edits(self, message: dict[str, Any], text: str) -> dict[str, Any]:
        """Changes an earlier message (as the webhook reference has it; Meta has it switched off since June 2026)."""
        changed = {"type": "text", "text": {"body": text}}
        return self.sends("edit", {"original_message_id": message["id"], "message": changed})

    def revokes(self, message: dict[str, Any]) -> dict[str, Any]:
        """Deletes an earlier message for everyone."""
        return self.sends("revoke", {"original_message_id": message["id"]})

    def changes_number(self, number: str) -> dict[str, Any]:
        """Moves to another number; the id of the person changes with it."""
        old, told = self.number, f"User {self.name} changed from {self.number} to {number}"
        del self.fake.people[old]
        was = self.named("from", "from_user_id")
        fresh = Person(self.fake, number, self.name)
        self.number, self.user_id = number, fresh.user_id
        self.fake.people[number] = self
        content = {"body": told, "wa_id": number, "user_id": self.user_id, "type": "user_changed_number"}
        message: dict[str, Any] = {"id": self.fake.next_id(), "timestamp": str(int(self.fake.clock()))}
        message |= {"type": "system", "system": content} | was
        self.fake.push_message(message, contacts=[])
        return message

    def named(self, number_key: str, id_key: str) -> dict[str, Any]:
        """The two names of a person; the number is missing for whoever took a username and was not dialled for 30 days."""
        named = {id_key: self.user_id}
        recent = self.dialled is not None and self.fake.clock() < self.dialled + 30 * DAY
        return named if self.hidden and not recent else {number_key: self.number} | named

    @property
    def contact(self) -> dict[str, Any]:
        """How a webhook names the person."""
        profile = {"name": self.name} | ({"username": self.name.lower()} if self.hidden else {})
        return {"profile": profile} | self.named("wa_id", "user_id")

    # -- what the phone reports ------------------------------------------------------------------------------------

    def comes_online(self) -> None:
        """The signal is back: everything that waited is delivered."""
        self.online = True
        for sent in self.inbox:
            self.fake.progress(sent)

    def opens_chat(self) -> None:
        """Reads everything."""
        self.reading = True
        self.comes_online()
