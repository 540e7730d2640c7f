"""A reply → the bodies of WhatsApp's requests, without the recipient: one bubble wherever it fits (platform-rules 0.14, 2.7).

WhatsApp knows no HTML and no escapes; the catalogue marks nothing, so texts leave as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bot.texts import clean, length, shortened, split, visible
from bot.whatsapp import limits
from handlers.messages import PAGE, Option, Reply, SecureForm, Template, option_reference, page_reference

Body = dict[str, Any]
Numbered = Sequence[tuple[int, Option]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What stands on buttons that are the channel's own; from handlers/content."""

    choose: str = "Pilih"
    more: str = "Pilihan lainnya"
    form: str = "Buka formulir"


def bodies(reply: Reply, labels: Labels, *, hides_number: bool = False, media_id: str = "") -> list[Body]:
    """The requests of a reply, in order; only a text beyond 4,096 characters takes more than one. [] where there is nothing to say.

    `hides_number`: the person is known by an id alone, so that a request for the number makes sense; `media_id`: of a picture that goes with it.
    """
    worded = _worded(reply, labels, hides_number=hides_number)
    if not media_id or not worded:
        return worded
    text = worded[0]["text"]["body"] if len(worded) == 1 and worded[0]["type"] == "text" else ""
    if text and length(text) <= limits.CAPTION_CHARACTERS:
        return [_image(media_id, caption=text)]
    return [_image(media_id), *worded]


def _worded(reply: Reply, labels: Labels, *, hides_number: bool) -> list[Body]:
    text = clean(reply.text).strip()
    numbered = list(enumerate(reply.options, 1))
    if reply.form and not _opens(reply.form):
        text = _joined(text, clean(reply.form.url))
    if not visible(_joined(text, *_written(numbered))):
        return []
    if reply.form and _opens(reply.form):
        rich = _link(_joined(text, *_written(numbered)), reply.form, labels)
        plain = _joined(text, reply.form.url, *_written(numbered))
    elif reply.ask_contact and hides_number:
        rich = _contact(_joined(text, *_written(numbered)))
        plain = _joined(text, *_written(numbered))
    else:
        rich = _choices(text, reply, numbered, labels)
        plain = _joined(text, *_written(numbered))
    return [rich] if rich else [_text(part) for part in split(plain, limits.TEXT_CHARACTERS)]


def template(chosen: Template) -> Body:
    """The request of an approved template; its values stand in the order of {{1}}, {{2}} …"""
    parameters = [{"type": "text", "text": _value(value)} for value in chosen.values.values()]
    body: Body = {"name": chosen.name, "language": {"code": chosen.language}}
    if parameters:
        body["components"] = [{"type": "body", "parameters": parameters}]
    return {"type": "template", "template": body}


def _value(text: str) -> str:
    """A value holds no line break, no tab and no row of spaces (error 132018), and is not empty."""
    return " ".join(clean(text).split()) or "-"


def _joined(*pieces: str) -> str:
    return "\n\n".join(piece for piece in pieces if visible(piece))


def _label(option: Option, place: int) -> str:
    label = " ".join(clean(option.label).split())
    return label if visible(label) else str(place)


def _written(options: Numbered) -> Iterable[str]:
    """Options as numbered lines, for where they cannot be buttons; typing the number chooses."""
    lines = [f"{place}. {_described(place, option)}" for place, option in options]
    return ["\n".join(lines)] if lines else []


def _described(place: int, option: Option) -> str:
    words, label = _words(option), _label(option, place)
    return f"{label}: {words}" if words else label


def _words(option: Option) -> str:
    """The description in one line; "" where there is none to see."""
    line = " ".join(clean(option.description).split())
    return line if visible(line) else ""


def _opens(form: SecureForm) -> bool:
    """A link button takes a web address of a real host; a laptop's stays text."""
    if (
        clean(form.url) != form.url
        or any(char.isspace() for char in form.url)
        or len(form.url) > limits.LINK_CHARACTERS
    ):
        return False
    try:
        parts = urlsplit(form.url)
        return parts.scheme == "https" and "." in (parts.hostname or "").strip(".")
    except ValueError:
        return False


# -- the kinds, None where a limit is in the way -----------------------------------------------------------------------


def _text(text: str) -> Body:
    return {"type": "text", "text": {"body": text, "preview_url": False}}


def _image(media_id: str, **more: str) -> Body:
    return {"type": "image", "image": {"id": media_id, **more}}


def _interactive(kind: str, text: str, limit: int, action: Mapping[str, Any]) -> Body | None:
    if not visible(text) or length(text) > limit:
        return None
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": text}, "action": dict(action)}}


def _link(text: str, form: SecureForm, labels: Labels) -> Body | None:
    button = {"display_text": shortened(labels.form, limits.LINK_TITLE), "url": form.url}
    return _interactive("cta_url", text, limits.LINK_BODY, {"name": "cta_url", "parameters": button})


def _contact(text: str) -> Body | None:
    return _interactive("request_contact_info", text, limits.CONTACT_BODY, {"name": "request_contact_info"})


def _choices(text: str, reply: Reply, numbered: Numbered, labels: Labels) -> Body | None:
    if not numbered:
        return None
    return _buttons(text, reply, numbered) or _list(text, reply, numbered, labels)


def _buttons(text: str, reply: Reply, numbered: Numbered) -> Body | None:
    """Up to three short ones; what describes them is written out, so that one tap is enough."""
    titles = [_label(option, place) for place, option in numbered]
    unfit = len({title.casefold() for title in titles}) < len(titles) or max(map(length, titles)) > limits.BUTTON_TITLE
    if len(numbered) > limits.BUTTONS or unfit:
        return None
    described = [f"• {_described(place, option)}" for place, option in numbered if _words(option)]
    buttons = [
        {"type": "reply", "reply": {"id": option_reference(reply.version, place), "title": title}}
        for (place, _), title in zip(numbered, titles, strict=True)
    ]
    return _interactive("button", _joined(text, "\n".join(described)), limits.BUTTONS_BODY, {"buttons": buttons})


def _list(text: str, reply: Reply, numbered: Numbered, labels: Labels) -> Body | None:
    """Up to ten rows; of more, nine and a row that leads to the next page."""
    rows = [_row(reply.version, place, option) for place, option in numbered]
    if len(rows) > limits.LIST_ROWS:
        first = reply.first if 1 <= reply.first <= len(rows) else 1
        after = first + PAGE
        rows = rows[first - 1 : after - 1]
        following = page_reference(reply.version, after if after <= len(numbered) else 1)
        rows.append({"id": following, "title": shortened(labels.more, limits.LIST_ROW_TITLE)})
    action = {"button": shortened(labels.choose, limits.LIST_BUTTON), "sections": [{"rows": rows}]}
    return _interactive("list", text, limits.LIST_BODY, action)


def _row(version: int, place: int, option: Option) -> Body:
    """A row; a label that is too long for the title stands whole in the description."""
    label = _label(option, place)
    row = {"id": option_reference(version, place), "title": shortened(label, limits.LIST_ROW_TITLE)}
    described = _words(option) if row["title"] == label else _described(place, option)
    if described:
        row["description"] = shortened(described, limits.LIST_ROW_DESCRIPTION)
    return row
