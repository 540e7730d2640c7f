"""A reply's options, form and request for a number → Telegram's keyboards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from aiogram.types import (
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    KeyboardButton,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)

from bot.telegram import limits
from bot.texts import clean, length, visible
from handlers.messages import Option, Reply, SecureForm, option_reference

MAX_OPTIONS = limits.KEYBOARD_BUTTONS - 1  # one button is kept for the form or the number
LABEL_CHARACTERS = 64  # ours; longer ones are cut by every phone
Markup = InlineKeyboardMarkup | ReplyKeyboardMarkup | ReplyKeyboardRemove


def contact_keyboard(label: str, options: Sequence[Option]) -> ReplyKeyboardMarkup:
    """The only way to ask for a number is a reply keyboard (https://core.telegram.org/bots/api#keyboardbutton).

    A message has one keyboard, so the options stand in it too: a tap sends the label as text, which the dialogue takes
    as the choice.
    """
    labels = [_label(option, place) for place, option in enumerate(options[:MAX_OPTIONS], 1)]
    rows = [[KeyboardButton(text=label, request_contact=True)], *([KeyboardButton(text=text)] for text in labels)]
    return ReplyKeyboardMarkup(keyboard=rows, one_time_keyboard=True, resize_keyboard=True)


def inline_keyboard(reply: Reply, form_label: str) -> InlineKeyboardMarkup | None:
    """A link button for the secure form, then the options; None where the reply has neither."""
    rows: list[list[InlineKeyboardButton]] = []
    if reply.form and opens_as_button(reply.form):
        rows.append([InlineKeyboardButton(text=form_label, url=reply.form.url)])
    buttons = [
        InlineKeyboardButton(text=_label(option, place), callback_data=option_reference(reply.version, place))
        for place, option in enumerate(reply.options[:MAX_OPTIONS], 1)
    ]
    rows += _rows(buttons)
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def opens_as_button(form: SecureForm) -> bool:
    """Only https becomes a button; Telegram refuses hosts without a dot ("Wrong HTTP URL"), so localhost stays text."""
    if clean(form.url) != form.url or any(char.isspace() for char in form.url):
        return False
    try:
        parts = urlsplit(form.url)
        return parts.scheme == "https" and "." in (parts.hostname or "").strip(".")
    except ValueError:
        return False


def without_button(reply: Reply) -> Iterable[tuple[int, Option]]:
    """Options beyond the platform's number of buttons, with their places; written out so that they can be typed."""
    return list(enumerate(reply.options, 1))[MAX_OPTIONS:]


def _label(option: Option, place: int) -> str:
    label = clean(option.label).strip()[:LABEL_CHARACTERS]
    return label if visible(label) else str(place)


def _rows(buttons: Sequence[InlineKeyboardButton]) -> list[list[InlineKeyboardButton]]:
    """One a row; two where neighbours are both short."""
    rows: list[list[InlineKeyboardButton]] = []
    for button in buttons:
        short = length(button.text) <= limits.SHORT_LABEL
        if short and rows and len(rows[-1]) == 1 and length(rows[-1][0].text) <= limits.SHORT_LABEL:
            rows[-1].append(button)
        else:
            rows.append([button])
    return rows
