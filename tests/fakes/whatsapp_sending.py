"""POST …/messages: accepts or refuses a message, then reports what became of it; files that people sent.

…/whatsapp/messages/send-messages, …/webhooks/reference/messages/status, …/business-phone-numbers/media.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response

from tests.fakes import whatsapp_rules as rules
from tests.fakes import whatsapp_templates as templates
from tests.fakes.whatsapp_limits import DAY, Limits
from tests.fakes.whatsapp_people import Person, Sent
from tests.fakes.whatsapp_rules import GraphError
from tests.fakes.whatsapp_templates import Template
from tests.fakes.whatsapp_webhook import Webhook

RANK = ("sent", "delivered", "read")
LINK_LIFE, MEDIA_LIFE, READ_LIFE = 300.0, 7 * DAY, 30 * DAY  # media; media; messages/mark-message-as-read
UPLOAD_LIFE = 30 * DAY  # business-phone-numbers/media


@dataclass
class Media:
    """A file that somebody sent."""

    data: bytes
    mime: str
    at: float
    asked: float = field(default=0.0)  # when its address was given out

    @property
    def digest(self) -> bytes:
        """SHA-256."""
        return hashlib.sha256(self.data).digest()


class Sending:
    """What the number sends and gets."""

    clock: Callable[[], float]
    number_id: str
    display: str
    base: str
    limits: Limits
    webhook: Webhook
    late: frozenset[int]
    next_failures: list[GraphError]
    sent: list[Sent]
    people: dict[str, Person]
    received_ids: dict[str, Person]

    def __init__(self) -> None:
        self.registered = self.subscribed = True
        self.templates: dict[tuple[str, str], Template] = {}
        self.media: dict[str, Media] = {}
        self.uploads: dict[str, Media] = {}  # files that the number may send, by id
        self.read_marks: list[tuple[str, bool]] = []  # (message id, typing shown)
        self.received_at: dict[str, float] = {}
        self.country = "62"  # put before numbers without plus
        self.pacing = False  # templates are held for quality assessment
        self.skips_delivered = False  # an open chat may report `read` alone
        self.billed_service = False  # replies inside the window cost, as second-hand since October 2026

    def next_id(self) -> str:
        """A new id for a message."""
        raise NotImplementedError

    # -- coming in -------------------------------------------------------------------------------------------------

    def received(self, person: Person, message: dict[str, Any]) -> None:
        """A person's message: to the app, unless nobody subscribed (there is no history)."""
        self.limits.passed(self.clock())
        self.received_ids[message["id"]] = person
        self.received_at[message["id"]] = self.clock()
        self.push_message(message, [person.contact])

    def push_message(self, message: dict[str, Any], contacts: list[dict[str, Any]]) -> None:
        """One message as an update."""
        value: dict[str, Any] = {"messaging_product": "whatsapp", "metadata": self.metadata}
        value |= {"contacts": contacts} if contacts else {}
        self.tell("messages", value | {"messages": [message]})

    def tell(self, name: str, value: dict[str, Any]) -> None:
        """Any update of a field, where the app listens."""
        if self.subscribed:
            self.webhook.push(name, value)

    @property
    def metadata(self) -> dict[str, str]:
        """Which number it is about."""
        return {"display_phone_number": self.display, "phone_number_id": self.number_id}

    def stored(self, data: bytes, mime: str) -> dict[str, Any]:
        """Keeps a file; how a webhook names it."""
        name = str(9_000_000_000_000 + len(self.media))
        self.media[name] = Media(data, mime, self.clock())
        return {"id": name, "mime_type": mime, "sha256": base64.b64encode(self.media[name].digest).decode()}

    def get_media(self, name: str) -> dict[str, Any]:
        """Where a file is for the next five minutes."""
        media = self.media[name]
        if self.clock() > media.at + MEDIA_LIFE:
            raise GraphError(100, "The media has expired.", error_subcode=33)
        media.asked = self.clock()
        found = {"messaging_product": "whatsapp", "url": f"{self.base}/_media/{name}", "mime_type": media.mime}
        return found | {"sha256": media.digest.hex(), "file_size": len(media.data), "id": name}

    def get_file(self, name: str) -> Response:
        """The file itself."""
        media = self.media.get(name)
        if media is None or self.clock() > media.asked + LINK_LIFE:
            return Response(status_code=404)
        return Response(media.data, media_type=media.mime)

    # -- going out -------------------------------------------------------------------------------------------------

    def post_number_media(self, given: dict[str, Any]) -> dict[str, Any]:
        """Takes a file to send."""
        if not self.registered:
            raise GraphError(133010, "Phone number is not registered on the WhatsApp Business Platform.")
        data, mime = rules.upload(given)
        name = str(1_000_000_000_000 + len(self.uploads))
        self.uploads[name] = Media(data, mime, self.clock())
        return {"id": name}

    def _picture(self, name: str) -> None:
        """A message may name what was uploaded in the last 30 days."""
        found = self.uploads.get(name)
        if found is None or self.clock() > found.at + UPLOAD_LIFE:
            raise GraphError(131009, f"image['id'] {name} is not a valid media id or has expired.")

    def post_number_messages(self, given: dict[str, Any]) -> dict[str, Any]:
        """Sends, or marks as read."""
        if not self.registered:
            raise GraphError(133010, "Phone number is not registered on the WhatsApp Business Platform.")
        if "status" in given:
            return self._marked(given)
        kind = rules.message(given)
        how, address = rules.recipient(given)
        person, known = self._addressed(how, address)
        text, category, template = self._content(kind, given, how)
        now = self.clock()
        self.limits.sent(person.number, now)
        failure = self._failure(person, known, category)
        if template and not person.window_open and failure is None:
            self.limits.started(person.number, now)
        if failure and failure.code not in self.late:
            raise failure
        sent = Sent(self.next_id(), person, given, text, now, category, failure=failure)
        self.sent.append(sent)
        person.log.append(sent)
        person.shows = ""
        person.dialled = now if how == "phone" else person.dialled
        if failure is None:
            person.inbox.append(sent)
        held = template and self.pacing
        if not held:
            self.progress(sent)
        name = {"wa_id": person.number} if how == "phone" else {"user_id": address}
        accepted = {"message_status": "held_for_quality_assessment" if held else "accepted"} if template else {}
        contacts = [{"input": given.get("to") or given.get("recipient"), **name}]
        return {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": sent.id, **accepted}]}

    def _addressed(self, how: str, address: str) -> tuple[Person, bool]:
        if how == "bsuid":
            found = next((person for person in self.people.values() if person.user_id == address), None)
            return found or Person(self, address, "?"), found is not None  # type: ignore[arg-type]
        # without a plus the sender's country code is put before the number (messages/send-messages)
        number = address[1:] if address.startswith("+") else self.country + address
        if number == self.display:
            raise GraphError(131021, "Sender and recipient phone number is the same.")
        return self.people.get(number) or Person(self, number, "?"), number in self.people  # type: ignore[arg-type]

    def _content(self, kind: str, given: dict[str, Any], how: str) -> tuple[str, str, bool]:
        """(text as read, category, whether it is a template)."""
        if kind == "text":
            return given["text"]["body"], "service", False
        if kind == "image":
            self._picture(given["image"]["id"])
            return given["image"].get("caption", ""), "service", False
        if kind == "interactive":
            parts = (given["interactive"].get(part, {}).get("text") for part in ("header", "body", "footer"))
            return "\n".join(part for part in parts if part), "service", False
        if kind == "reaction":
            if given["reaction"]["message_id"] not in self.received_ids:
                raise GraphError(131009, "reaction['message_id'] is unknown.")
            return given["reaction"]["emoji"], "service", False
        wanted = rules.keys(given["template"], "template", "name language", "components")
        code = rules.keys(wanted["language"], "template['language']", "code", "policy")["code"]
        template = self.templates.get((wanted["name"], code))
        if template is None:
            raise templates.unknown(wanted["name"], code)
        if template.category == "AUTHENTICATION" and how == "bsuid":
            raise GraphError(131062, "Authentication templates need a phone number.")
        return templates.fill(template, wanted), template.category.lower(), True

    def _failure(self, person: Person, known: bool, category: str) -> GraphError | None:
        if self.next_failures:
            return self.next_failures.pop(0)
        marketing = category == "marketing"
        codes = {
            131026: not known or person.blocked,
            131047: category == "service" and not person.window_open,
            131050: marketing and person.stopped_marketing,
            130472: marketing and person.in_experiment,
            131049: marketing and person.capped and not person.window_open,
        }
        code = next((code for code, so in codes.items() if so), None)
        late = "Message failed to send because more than 24 hours have passed since the customer last replied."
        return GraphError(code, late if code == 131047 else "") if code else None

    def _marked(self, given: dict[str, Any]) -> dict[str, Any]:
        message_id, typing = rules.read_mark(given)
        person = self.received_ids.get(message_id)
        if person is None or self.clock() > self.received_at[message_id] + READ_LIFE:
            raise GraphError(131009, "Param message_id is unknown or older than 30 days.")
        self.read_marks.append((message_id, typing))
        person.shows = "typing" if typing else ""
        return {"success": True}

    # -- what becomes of it ----------------------------------------------------------------------------------------

    def progress(self, sent: Sent) -> None:
        """Reports as far as the phone has come; `failed` is the end."""
        if sent.failure:
            return self._status(sent, "failed") if not sent.statuses else None
        person = sent.to
        reached = [
            True,
            person.online and not (self.skips_delivered and person.reading),
            person.online and person.reading,
        ]
        for status, so in zip(RANK, reached, strict=True):
            if so and status not in sent.statuses:
                self._status(sent, status)
        return None

    def release_held(self, *, drop: bool = False) -> None:
        """The end of a quality assessment: held templates go, or fail with 132015."""
        for sent in self.sent:
            if not sent.statuses:
                sent.failure = (
                    GraphError(132015, "The template was paused while it was held.") if drop else sent.failure
                )
                self.progress(sent)

    def _status(self, sent: Sent, name: str) -> None:
        sent.statuses.append(name)
        person = sent.to
        status: dict[str, Any] = {"id": sent.id, "status": name, "timestamp": str(int(self.clock()))}
        status |= person.named("recipient_id", "recipient_user_id")
        if sent.failure:
            status["errors"] = [sent.failure.in_status()]
        elif name == "sent" or len(sent.statuses) == 2:  # with `sent` and with the next one
            free = sent.category == "service" and not self.billed_service
            kind = "free_customer_service" if free else "regular"
            priced = {"billable": not free, "pricing_model": "PMP", "type": kind, "category": sent.category}
            status["pricing"] = priced
        if data := sent.request.get("biz_opaque_callback_data"):
            status["biz_opaque_callback_data"] = data
        contacts = {} if sent.failure else {"contacts": [person.contact]}
        value = {"messaging_product": "whatsapp", "metadata": self.metadata, **contacts, "statuses": [status]}
        self.tell("messages", value)

    def quick_replies(self, sent: Sent) -> list[tuple[str, str]]:
        """(payload, text) of the quick replies of a template that was sent."""
        wanted = sent.request["template"]
        buttons = self.templates[wanted["name"], wanted["language"]["code"]].part("BUTTONS").get("buttons", [])
        payloads = {
            int(part["index"]): part["parameters"][0]["payload"]
            for part in wanted.get("components") or []
            if part.get("sub_type") == "quick_reply"
        }
        texts = [(place, button["text"]) for place, button in enumerate(buttons) if button["type"] == "QUICK_REPLY"]
        return [(payloads.get(place, text), text) for place, text in texts]
