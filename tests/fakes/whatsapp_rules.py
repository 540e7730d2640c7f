"""What the Cloud API accepts and refuses, written from its documentation and never from Pandu's own limits.

Every number has its page beside it, so that a wrong constant of ours is refused here. Pages are those of
https://developers.facebook.com/documentation/business-messaging/whatsapp/ (the last part of the address is named).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.fakes.pictures import looked_at

TEXT_BODY = 4096  # messages/text-messages
BUTTONS, BUTTON_TITLE, BUTTON_ID = 3, 20, 256  # messages/interactive-reply-buttons-messages
ROWS, SECTIONS = 10, 10  # messages/interactive-list-messages
ROW_TITLE, ROW_DESCRIPTION, ROW_ID, SECTION_TITLE, LIST_BUTTON = 24, 72, 200, 24, 20
# one page each: reply buttons, list, cta-url; business-scoped-user-ids for the last, whose length an integrator names
BODY = {"button": 1024, "list": 4096, "cta_url": 1024, "request_contact_info": 1024}
HEADER, FOOTER = 60, 60  # the same three pages
CAPTION, IMAGE = 1024, 5 * 1_048_576  # messages/image-messages
LINK_TEXT = 20  # messages/interactive-cta-url-messages
LINK = 2000  # templates/components: address of a button
CALLBACK_DATA = 512  # messages/send-messages: biz_opaque_callback_data
NUMBER = re.compile(r"\+?[\d\s().-]{5,30}")  # messages/send-messages: digits, plus, hyphens, brackets, spaces
BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")  # business-scoped-user-ids

# code → (HTTP status, title): support/error-codes
ERRORS = {
    0: (401, "AuthException"),
    1: (400, "API Unknown"),
    2: (503, "API Service"),
    3: (500, "API Method"),
    4: (400, "API Too Many Calls"),
    10: (403, "Permission Denied"),
    33: (400, "Parameter value is not valid"),
    100: (400, "Invalid parameter"),
    190: (401, "Access token has expired"),
    200: (403, "API Permission"),
    368: (403, "Temporarily blocked for policies violations"),
    2200: (400, "Callback verification failed"),
    2500: (400, "Unknown path components"),
    80007: (400, "Rate limit issues"),
    130429: (400, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    130497: (403, "Business account is restricted from messaging users in this country."),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131016: (500, "Service unavailable"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131031: (403, "Account has been locked"),
    131037: (400, "WhatsApp provided number needs display name approval before message can be sent."),
    131042: (400, "Business eligibility payment issue"),
    131045: (500, "Incorrect certificate"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam Rate limit hit"),
    131049: (400, "This message was not delivered to maintain healthy ecosystem engagement."),
    131050: (400, "User has stopped marketing messages"),
    131051: (400, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131056: (400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (500, "Account in maintenance mode"),
    131062: (400, "Business-scoped User ID (BSUID) recipients are not supported for this message."),
    132000: (400, "Template Param Count Mismatch"),
    132001: (404, "Template name does not exist in the translation"),
    132005: (400, "Template Hydrated Text Too Long"),
    132007: (400, "Template Format Character Policy Violated"),
    132012: (400, "Template Parameter Format Mismatch"),
    132015: (400, "Template is Paused"),
    132016: (400, "Template is Disabled"),
    132018: (400, "Template parameters issue"),
    133000: (500, "Incomplete Deregistration"),
    133004: (503, "Server Temporarily Unavailable"),
    133005: (400, "Two step verification PIN Mismatch"),
    133010: (400, "Phone number Not Registered"),
    133016: (400, "Account register/deregister rate limit exceeded"),
    135000: (400, "Generic user error"),
}


class GraphError(Exception):
    """An answer with `error`: code, title and details as Meta words them."""

    def __init__(self, code: int, details: str = "", *, status: int | None = None, **more: Any) -> None:
        known, title = ERRORS.get(code, (400, "Error"))
        super().__init__(f"(#{code}) {title}: {details}")
        self.code, self.details, self.title, self.status, self.more = code, details, title, status or known, more

    def body(self, trace: str) -> dict[str, Any]:
        """The JSON that the client reads."""
        kind = "GraphMethodException" if self.more.get("error_subcode") == 33 else "OAuthException"
        error: dict[str, Any] = {"message": f"(#{self.code}) {self.title}", "type": kind, "code": self.code}
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        return {"error": error | self.more | {"fbtrace_id": trace}}

    def in_status(self) -> dict[str, Any]:
        """The same, as a `failed` status tells it."""
        told = {"code": self.code, "title": self.title, "message": self.title}
        href = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"
        return told | {"error_data": {"details": self.details or self.title}, "href": href}


def keys(given: Any, where: str, needed: str, allowed: str = "") -> dict[str, Any]:
    """An object that has every needed key and no unknown one."""
    if not isinstance(given, dict):
        raise GraphError(100, f"Param {where} must be a JSON object.")
    if unknown := sorted(set(given) - set(needed.split()) - set(allowed.split())):
        raise GraphError(100, f'Unexpected key "{unknown[0]}" on param "{where}".')
    if missing := [key for key in needed.split() if given.get(key) is None]:
        raise GraphError(131008, f"Parameter '{where}['{missing[0]}']' is required.")
    return given


def string(given: Any, where: str, limit: int, *, least: int = 1) -> str:
    """A text of at most `limit` characters; more than white space where `least` is not 0."""
    if not isinstance(given, str):
        raise GraphError(100, f"Param {where} must be a string.")
    if len(given) > limit:
        raise GraphError(131009, f"{where} length invalid. Min length: {least}, Max length: {limit}")
    if least and not given.strip():
        raise GraphError(131009, f"{where} cannot be empty.")
    if "\0" in given:
        raise GraphError(100, f"Param {where} holds a character that is not allowed.")
    return given


def each(given: Any, where: str, most: int) -> list[Any]:
    """A list of 1 to `most` items."""
    if not isinstance(given, list):
        raise GraphError(100, f"Param {where} must be an array.")
    if not 1 <= len(given) <= most:
        raise GraphError(131009, f"{where}: invalid count {len(given)}. Min allowed: 1, Max allowed: {most}")
    return given


def _unique(values: list[str], where: str) -> None:
    if twice := [value for place, value in enumerate(values) if value in values[:place]]:
        raise GraphError(131009, f"{where}: duplicated value '{twice[0]}'.")


def _identifier(given: Any, where: str, limit: int) -> str:
    if string(given, where, limit) != given.strip():
        raise GraphError(131009, f"{where} has leading or trailing spaces.")
    return str(given)


def link(given: Any, where: str) -> str:
    """A web address with a host."""
    parts = urlsplit(string(given, where, LINK))
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in given:
        raise GraphError(131009, f"{where} is not a valid URL.")
    return str(given)


def recipient(given: Mapping[str, Any]) -> tuple[str, str]:
    """("phone", digits as typed with or without +) or ("bsuid", …); `to` wins (business-scoped-user-ids)."""
    if given.get("recipient_type", "individual") != "individual":
        raise GraphError(100, "Param recipient_type must be one of {individual}.")
    if given.get("to") is not None:
        if not isinstance(given["to"], str) or not NUMBER.fullmatch(given["to"]):
            raise GraphError(131009, "Param to is not a valid WhatsApp phone number.")
        digits = re.sub(r"\D", "", given["to"])
        if not 7 <= len(digits) <= 15:  # E.164
            raise GraphError(131009, "Param to is not a valid WhatsApp phone number.")
        return "phone", ("+" if given["to"].startswith("+") else "") + digits
    if given.get("recipient") is None:
        raise GraphError(131008, "The parameter to is required.")
    if not isinstance(given["recipient"], str) or not BSUID.fullmatch(given["recipient"]):
        raise GraphError(131009, "Param recipient is not a valid business-scoped user ID.")
    return "bsuid", given["recipient"]


def message(given: Any) -> str:
    """Checks one body of POST …/messages that sends; gives its type. Templates are filled in `whatsapp_templates`."""
    kind = given.get("type", "text") if isinstance(given, dict) else "text"
    if kind not in ("text", "image", "interactive", "template", "reaction"):
        raise GraphError(100, f"Param type: {kind!r} is nothing that this server knows.")
    common = "to recipient recipient_type context biz_opaque_callback_data type"
    keys(given, "message", f"messaging_product {kind}", common)
    _product(given)
    if "context" in given:
        string(keys(given["context"], "context", "message_id")["message_id"], "context['message_id']", 512)
    if "biz_opaque_callback_data" in given:
        string(given["biz_opaque_callback_data"], "biz_opaque_callback_data", CALLBACK_DATA)
    {"text": _text, "image": _image, "interactive": interactive, "reaction": _reaction}.get(kind, lambda _: None)(
        given[kind]
    )
    return str(kind)


def _product(given: Mapping[str, Any]) -> None:
    if given["messaging_product"] != "whatsapp":
        raise GraphError(100, "Param messaging_product must be one of {WHATSAPP}.")


def _text(given: Any) -> None:
    keys(given, "text", "body", "preview_url")
    string(given["body"], "text['body']", TEXT_BODY)
    if not isinstance(given.get("preview_url", False), bool):
        raise GraphError(100, "Param text['preview_url'] must be a boolean.")


def _image(given: Any) -> None:
    keys(given, "image", "id", "caption")
    string(given["id"], "image['id']", 64)
    if "caption" in given:
        string(given["caption"], "image['caption']", CAPTION)


def upload(given: Any) -> tuple[bytes, str]:
    """(file, kind) of a form that uploads a picture: business-phone-numbers/media."""
    keys(given, "media", "messaging_product file", "type file_type")
    _product(given)
    data = given["file"]
    if not isinstance(data, bytes) or given["file_type"] not in ("image/jpeg", "image/png"):
        kinds = "image/jpeg, image/png, audio/aac, …"
        told = f"Param file must be a file with one of the following types: {kinds}. Received file of type '{given['file_type']}'."
        raise GraphError(100, told)
    found = looked_at(data)
    if len(data) > IMAGE or found is None or found.mime != given["file_type"]:
        raise GraphError(131053, "The file is too large, or is not what its type says.")
    return data, found.mime


def _reaction(given: Any) -> None:
    keys(given, "reaction", "message_id emoji")
    string(given["emoji"], "reaction['emoji']", 20, least=0)


def interactive(given: Any) -> None:
    """Reply buttons, a list, one link, or the wish for the person's number."""
    kind = given.get("type") if isinstance(given, dict) else None
    if kind not in BODY:
        raise GraphError(100, f"Param interactive['type']: {kind!r} is nothing that this server knows.")
    keys(given, "interactive", "type body action", "header footer")
    body = keys(given["body"], "interactive['body']", "text")["text"]
    string(body, "interactive['body']['text']", BODY[kind])
    if "header" in given:
        header = keys(given["header"], "interactive['header']", "type text")
        if header["type"] != "text":
            raise GraphError(100, "Param interactive['header']['type'] must be text here.")
        string(header["text"], "interactive['header']['text']", HEADER)
    if "footer" in given:
        string(keys(given["footer"], "interactive['footer']", "text")["text"], "interactive['footer']['text']", FOOTER)
    {"button": _buttons, "list": _rows, "cta_url": _link}.get(kind, _contact)(given["action"])


def _buttons(action: Any) -> None:
    where = "interactive['action']['buttons']"
    buttons = each(keys(action, "interactive['action']", "buttons")["buttons"], where, BUTTONS)
    replies = []
    for button in buttons:
        if keys(button, where, "type reply")["type"] != "reply":
            raise GraphError(100, f"Param {where}['type'] must be one of {{reply}}.")
        replies.append(keys(button["reply"], f"{where}['reply']", "id title"))
    titles = [string(reply["title"], f"{where}['reply']['title']", BUTTON_TITLE) for reply in replies]
    _unique(titles, f"{where}['reply']['title']")
    _unique([_identifier(reply["id"], f"{where}['reply']['id']", BUTTON_ID) for reply in replies], f"{where} id")


def _rows(action: Any) -> None:
    keys(action, "interactive['action']", "button sections")
    string(action["button"], "interactive['action']['button']", LIST_BUTTON)
    where = "interactive['action']['sections']"
    sections = each(action["sections"], where, SECTIONS)
    rows = []
    for section in sections:
        keys(section, where, "rows", "title")
        if len(sections) > 1 or "title" in section:
            string(section.get("title", ""), f"{where}['title']", SECTION_TITLE)
        rows += each(section["rows"], f"{where}['rows']", ROWS)
    if len(rows) > ROWS:
        raise GraphError(131009, f"Total row count exceed max allowed count: {ROWS}")
    for row in rows:
        keys(row, f"{where}['rows']", "id title", "description")
        string(row["title"], f"{where}['rows']['title']", ROW_TITLE)
        string(row.get("description", ""), f"{where}['rows']['description']", ROW_DESCRIPTION, least=0)
    _unique([_identifier(row["id"], f"{where}['rows']['id']", ROW_ID) for row in rows], f"{where} row id")


def _link(action: Any) -> None:
    keys(action, "interactive['action']", "name parameters")
    if action["name"] != "cta_url":
        raise GraphError(100, "Param interactive['action']['name'] must be cta_url.")
    parameters = keys(action["parameters"], "interactive['action']['parameters']", "display_text url")
    string(parameters["display_text"], "interactive['action']['parameters']['display_text']", LINK_TEXT)
    link(parameters["url"], "interactive['action']['parameters']['url']")


def _contact(action: Any) -> None:
    if keys(action, "interactive['action']", "name")["name"] != "request_contact_info":
        raise GraphError(100, "Param interactive['action']['name'] must be request_contact_info.")


def read_mark(given: Any) -> tuple[str, bool]:
    """(message id, whether typing is shown): messages/mark-message-as-read, typing-indicators."""
    keys(given, "message", "messaging_product status message_id", "typing_indicator")
    _product(given)
    if given["status"] != "read":
        raise GraphError(100, "Param status must be one of {read}.")
    typing = given.get("typing_indicator")
    if typing is not None and keys(typing, "typing_indicator", "type")["type"] != "text":
        raise GraphError(100, "Param typing_indicator['type'] must be text.")
    return string(given["message_id"], "message_id", 512), typing is not None
