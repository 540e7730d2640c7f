"""The last steps of a preparation: to be told of news, the summary, and which value to change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from handlers import free_text, registration_view, typed
from handlers.forms import Data, Misfit, Reading, Valid
from handlers.messages import Reply
from handlers.registration_steps import ROWS, Read
from handlers.turn import Turn
from handlers.typed import NO, YES, labelled
from storage import subscriptions


def receives_news(turn: Turn, data: Data) -> bool:
    """Whether the chat is told of new waves already, or cannot be told of any."""
    return turn.kiosk or bool(
        {"gelombang", subscriptions.EVERYTHING} & set(subscriptions.topics(turn.connection, turn.chat_id))
    )


def ask_confirm(turn: Turn, data: Data) -> Reply:
    """The summary with all values and the likelihood."""
    pairs = (
        ("registration_option_right", "answer:ya"),
        ("registration_option_change_data", "answer:ubah"),
        ("registration_option_cancel", "do:cancel"),
    )
    lines = registration_view.lines(turn, registration_view.noted(turn, data))
    text = turn.words("registration_summary", lines=lines, verdict=registration_view.verdict(turn, data))
    return Reply(text=text, options=labelled(turn, *pairs))


def read_confirm(turn: Turn, data: Data) -> Reading:
    """Right, or something to be changed."""
    words = turn.content.files["words"]
    reading = typed.agreed(turn, {YES: words["right"], NO: words["wishes"]["koreksi"]})
    return replace(reading, value="ubah") if isinstance(reading, Valid) and reading.value == NO else reading


def ask_field(turn: Turn, data: Data) -> Reply:
    """Which value to change."""
    names = registration_view.fields(data)[: ROWS + 1]
    shown = labelled(turn, *((f"registration_label_{name}", f"answer:{name}") for name in names))
    return turn.say("registration_which_field", options=shown)


def read_field(called: Mapping[str, Sequence[str]]) -> Read:
    """The step that goes by the words of the message."""

    def read(turn: Turn, data: Data) -> Reading:
        found = typed.find(turn, called)
        if found is None:
            return Misfit("registration_which_field_unclear", vague=True)
        return Valid(found.value, sure=free_text.brief(turn) and free_text.statement(turn))

    return read
