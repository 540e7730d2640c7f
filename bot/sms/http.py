"""Any HTTP gateway, by its templates: the request it wants, and what its answer means (platform-rules 3.3)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import structlog

from bot.channel import Accepted, Down, Failed, Gone, Outcome, Retry, Throttled
from bot.sms.fill import ESCAPES, filled, filled_json, in_url
from bot.sms.gateway import Answer, Request, by_status, message_id
from bot.sms.spec import Config, Refusal, Sending
from handlers.gsm7 import septets

log = structlog.get_logger()

_TYPES: Final = {
    "form": "application/x-www-form-urlencoded",
    "json": "application/json",
    "xml": "application/xml",
    "text": "text/plain; charset=utf-8",
}
_SHOWN = 80  # characters of an answer in a reason; it never repeats our request


class HttpGateway:
    """Implements `bot.sms.gateway.Gateway`."""

    def __init__(self, config: Config, sending: Sending, *, key: str, user: str) -> None:
        """`key`, `user`: the gateway's secrets, from the environment."""
        self._sending = sending
        self._own = {"key": key, "user": user, "from": config.number}

    def request(self, to: str, text: str, key: int) -> Request:
        """Fills the templates."""
        sending = self._sending
        own_id = message_id(key, to, text)
        values = {
            **self._own,
            "to": _number(to, sending.to),
            "text": text,
            "hex": text.encode("utf-16-be").hex().upper(),
            "id": own_id,
        }
        more = {} if septets(text) is not None else self._each(sending.unicode, values)
        body, kind = self._body(values, more)
        query = _merged(self._each(sending.query, values), more if body is None else {})
        url = filled(sending.url, values, in_url)
        if query:
            url += ("&" if "?" in url else "?") + urlencode(query)
        headers = {name: filled(value, values) for name, value in sending.headers.items()}
        if kind and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = _TYPES[kind]
        return Request(method=sending.method, url=url, headers=headers, body=body, id=own_id)

    def _body(self, values: Mapping[str, str], more: Mapping[str, str]) -> tuple[bytes | None, str]:
        sending = self._sending
        if sending.form:
            return urlencode(_merged(self._each(sending.form, values), more)).encode(), "form"
        if sending.json is not None:
            made = filled_json(sending.json, values)
            return json.dumps(_merged(made, more) if isinstance(made, dict) else made).encode(), "json"
        if sending.body:
            return filled(sending.body, values, ESCAPES[sending.body_type]).encode(), sending.body_type
        return None, ""

    def _each(self, templates: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
        return {name: filled(template, values) for name, template in templates.items()}

    def outcome(self, answer: Answer, request: Request) -> Outcome:
        """The refusals of the file first, then success, then what the status says."""
        for refusal in self._sending.refusals:
            if refusal.status in (0, answer.status) and re.search(refusal.pattern, answer.text):
                return self._meant(refusal, answer, request)
        taken = answer.status in self._sending.success_status
        if taken and re.search(self._sending.success_pattern, answer.text):
            return Accepted(self._id(answer) or request.id)
        found = by_status(answer)
        if found is None:  # the gateway speaks otherwise than the file says: somebody has to look
            log.error("sms gateway's answer is not in the file", status=answer.status)
            return Failed(f"HTTP {answer.status}: {_shown(answer)}")
        return found

    def _meant(self, refusal: Refusal, answer: Answer, request: Request) -> Outcome:
        reason = f"HTTP {answer.status}: {_shown(answer)}"
        match refusal.means:
            case "gone":
                return Gone(reason)
            case "throttled":
                return Throttled(answer.retry_after or refusal.seconds, "account")
            case "down":
                return Down(reason)
            case "retry":
                return Retry(reason)
            case "accepted":
                return Accepted(self._id(answer) or request.id)
        return Failed(reason)

    def _id(self, answer: Answer) -> str:
        """The gateway's number of the message, "" where the file does not say where it stands."""
        if self._sending.id_pattern:
            match = re.search(self._sending.id_pattern, answer.text)
            return match[1][:160] if match and match[1] else ""
        if not self._sending.id_path:
            return ""
        try:
            found = at_path(json.loads(answer.text), self._sending.id_path)
        except (ValueError, RecursionError):
            return ""
        return str(found)[:160] if isinstance(found, str | int) else ""


def _merged(fields: Mapping[str, Any], more: Mapping[str, str]) -> dict[str, Any]:
    """The fields with those for a text that is no GSM-7; an empty one takes a field away."""
    return {name: value for name, value in {**fields, **more}.items() if name not in more or more[name]}


def at_path(value: Any, path: str) -> Any:
    """What stands at "data.0.id"; None where there is nothing."""
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _number(to: str, form: str) -> str:
    match form:
        case "local":
            return "0" + to.removeprefix("+62")
        case "plain":
            return to.removeprefix("+")
    return to


def _shown(answer: Answer) -> str:
    return " ".join(answer.text.split())[:_SHOWN]
