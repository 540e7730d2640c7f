"""Templates on the other side: what may be submitted, what happens to it, and how one is filled.

Pages: https://developers.facebook.com/documentation/business-messaging/whatsapp/templates/ overview, components,
template-pausing, template-quality; codes 2388xxx and 132xxx from …/support/error-codes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tests.fakes import whatsapp_rules as rules
from tests.fakes.whatsapp_rules import GraphError, each, keys, string

NAME = re.compile(r"[a-z0-9_]{1,512}")  # components
LANGUAGE = re.compile(r"[a-z]{2,3}(?:_[A-Z]{2})?")
BODY, HEADER, FOOTER, BUTTONS, BUTTON_TEXT = 1024, 60, 60, 10, 25  # components
ROOM_UNVERIFIED, ROOM_VERIFIED = 250, 6_000  # overview: templates of one account
AN_HOUR = 100  # overview: new templates in an hour
VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")


def refused(subcode: int, title: str, told: str) -> GraphError:
    """Creation errors carry their number in the subcode."""
    return GraphError(100, error_subcode=subcode, is_transient=False, error_user_title=title, error_user_msg=told)


@dataclass
class Template:
    """One template in one language."""

    id: str
    name: str
    language: str
    category: str
    components: list[dict[str, Any]]
    status: str = "PENDING"  # APPROVED, REJECTED, PAUSED, DISABLED
    quality: str = "UNKNOWN"
    reason: str = "NONE"

    def told(self, wanted: set[str]) -> dict[str, Any]:
        """What a listing shows; components must be asked for only where `fields` is given."""
        whole: dict[str, Any] = {"id": self.id, "name": self.name, "language": self.language, "status": self.status}
        whole |= {"category": self.category, "components": self.components, "rejected_reason": self.reason}
        whole["quality_score"] = {"score": self.quality, "date": 0}
        return {key: value for key, value in whole.items() if not wanted or key in wanted or key == "id"}

    def part(self, kind: str) -> dict[str, Any]:
        """One component, {} where there is none."""
        return next((part for part in self.components if part["type"] == kind), {})


def checked(given: Any) -> dict[str, Any]:
    """A body of POST …/message_templates; raises as the API does."""
    allowed = "allow_category_change message_send_ttl_seconds parameter_format"
    keys(given, "template", "name language category components", allowed)
    if not isinstance(given["name"], str) or not NAME.fullmatch(given["name"]):
        raise GraphError(100, "name: lower-case letters, digits and underscores, at most 512.")
    if not isinstance(given["language"], str) or not LANGUAGE.fullmatch(given["language"]):
        raise GraphError(100, "language: unknown code.")
    if given["category"] not in ("UTILITY", "MARKETING", "AUTHENTICATION"):
        raise GraphError(100, "category must be one of {UTILITY, MARKETING, AUTHENTICATION}.")
    if given.get("parameter_format", "POSITIONAL") != "POSITIONAL":
        raise GraphError(100, "parameter_format: this server knows POSITIONAL alone.")
    ttl, most = given.get("message_send_ttl_seconds"), {"UTILITY": 43_200, "AUTHENTICATION": 900}  # time-to-live
    if ttl is not None and not 30 <= int(ttl) <= most.get(given["category"], 0):
        raise GraphError(100, "message_send_ttl_seconds is out of range for the category.")
    parts = each(given["components"], "components", 4)
    kinds = [keys(part, "components", "type", "format text example buttons")["type"] for part in parts]
    if sorted(set(kinds)) != sorted(kinds) or "BODY" not in kinds:
        raise GraphError(100, "components: exactly one BODY, and no kind twice.")
    for part in parts:
        _part(part)
    return dict(given)


def _part(part: dict[str, Any]) -> None:
    match part["type"]:
        case "BODY":
            _body(part)
        case "HEADER":
            if part.get("format") != "TEXT" or VARIABLE.search(string(part.get("text"), "header", HEADER)):
                raise refused(2388047, "Message header format is incorrect", "This server knows plain text alone.")
        case "FOOTER":
            if VARIABLE.search(string(part.get("text"), "footer", FOOTER)):
                raise refused(2388073, "Message footer format is incorrect", "A footer has no variables.")
        case "BUTTONS":
            for button in each(part.get("buttons"), "buttons", BUTTONS):
                _button(button)
        case other:
            raise GraphError(100, f"components['type']: {other!r}.")


def _body(part: dict[str, Any]) -> None:
    text = part.get("text")
    if not isinstance(text, str) or not text.strip() or len(text) > BODY:
        raise refused(2388040, "Character Limit Exceeded", f"The body has 1 to {BODY} characters.")
    names = VARIABLE.findall(text)
    if names != [str(place) for place in range(1, len(names) + 1)]:
        raise refused(2388072, "Message body format is incorrect", "Variables are {{1}}, {{2}} … in order.")
    if VARIABLE.match(text.strip()) or re.search(r"\{\{\d+\}\}$", text.strip()):
        raise refused(2388299, "Leading or trailing variables", "Variables can't be at the start or end.")
    if len(VARIABLE.sub(" ", text).split()) < 2 * len(names) + 1:
        raise refused(2388293, "Parameter to words ratio", "Too many variables for the length.")
    examples = (part.get("example") or {}).get("body_text") or [[]]
    if len(examples[0]) != len(names):
        raise refused(2388043, "Missing sample values", "Every variable needs an example (example.body_text).")


def _button(button: Any) -> None:
    kind = button.get("type") if isinstance(button, dict) else None
    if kind not in ("QUICK_REPLY", "URL"):
        raise GraphError(100, f"buttons['type']: {kind!r} is nothing that this server knows.")
    keys(button, "buttons", "type text url" if kind == "URL" else "type text", "example")
    string(button["text"], "buttons['text']", BUTTON_TEXT)
    if kind == "URL":
        rules.link(VARIABLE.sub("x", button["url"]), "buttons['url']")
        if VARIABLE.search(button["url"]) and not button.get("example"):
            raise refused(2388043, "Missing sample values", "The address needs an example.")


def fill(template: Template, given: Any) -> str:
    """The text that a person reads; raises 132xxx where the parameters do not fit."""
    if template.status == "PAUSED":
        raise GraphError(132015, "Template is paused due to low quality so it cannot be sent in a template message.")
    if template.status == "DISABLED":
        raise GraphError(132016, "Template has been paused too many times due to low quality.")
    if template.status != "APPROVED":
        raise unknown(template.name, template.language)
    found: dict[str, list[str]] = {}
    for part in given.get("components") or []:
        keys(part, "template['components']", "type parameters", "sub_type index")
        where = part["type"] if part["type"] != "button" else f"button {part.get('index')}"
        found[where] = [_parameter(parameter, where, part) for parameter in part["parameters"]]
    body = str(template.part("BODY")["text"])
    values = found.pop("body", [])
    _count("body", values, len(VARIABLE.findall(body)))
    for place, button in enumerate(template.part("BUTTONS").get("buttons", [])):
        sent = found.pop(f"button {place}", [])
        if button["type"] == "URL":
            _count(f"button {place}", sent, len(VARIABLE.findall(button["url"])))
    if found:
        raise GraphError(132000, f"{sorted(found)[0]}: the template has no such component.")
    text = VARIABLE.sub(lambda match: values[int(match[1]) - 1], body)
    if len(text) > BODY:
        raise GraphError(132005, f"body: translated text too long: {len(text)} > {BODY}")
    parts = (template.part("HEADER").get("text"), text, template.part("FOOTER").get("text"))
    return "\n".join(part for part in parts if part)


def unknown(name: str, language: str) -> GraphError:
    """No approved template of this name in this language."""
    return GraphError(132001, f"template name ({name}) does not exist in {language}")


def _parameter(given: Any, where: str, part: dict[str, Any]) -> str:
    if part.get("sub_type") == "quick_reply":
        keys(given, where, "type payload")
        return string(given["payload"], f"{where} payload", 256)
    if keys(given, where, "type text")["type"] != "text":
        raise GraphError(132012, f"{where}: Expected type TEXT, received {given['type']}")
    text = string(given["text"], f"{where} text", 1024)
    if re.search(r"[\n\t]| {5}", text):
        raise GraphError(132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    return text


def _count(where: str, values: list[str], expected: int) -> None:
    if len(values) != expected:
        told = f"{where}: number of localizable_params ({len(values)}) does not match the expected number of params"
        raise GraphError(132000, f"{told} ({expected})")
