"""The rating after a conversation with an agent: 1–5, for a low one a few words, and back to what was open before."""

from __future__ import annotations

from handlers import free_text, typed
from handlers.forms import Data, Form, Misfit, Reading, Step, Valid, close, open_form
from handlers.messages import Reply
from handlers.turn import Answer, Turn, answer
from storage import drafts, handoffs, quality

_NOTE = 1_000  # letters that are kept


def rated(turn: Turn, stars: int) -> Answer:
    """Keeps the rating that was chosen; a low one is asked about and always read by a supervisor."""
    row = handoffs.to_rate(turn.connection, turn.chat_id, turn.now)
    if row is None:
        return answer(turn, turn.say("rating_too_late"))
    handoffs.rate(turn.connection, row["id"], turn.now, rating=stars)
    quality.sample(turn.connection, row["id"], turn.now, rating=stars)
    if stars <= quality.LOW:
        return open_form(turn, NOTE)
    return answer(turn, _thanks(turn))


def _thanks(turn: Turn) -> Reply:
    """Back to the bot, with the form that was open before."""
    if draft := drafts.latest(turn.connection, turn.chat_id, turn.now):
        ways = typed.labelled(turn, ("option_continue", f"form:{draft['form']}"), ("option_menu", "do:menu"))
        return turn.say("rating_thanks_form", options=ways)
    return turn.say("rating_thanks")


def _read_note(turn: Turn, data: Data) -> Reading:
    if typed.skipped(turn):
        return Valid(typed.SKIPPED)
    reading = free_text.story(turn, "rating_note_short")
    if isinstance(reading, Misfit) and free_text.statement(turn):
        return Valid(turn.text[:_NOTE])  # "lama", "tidak sopan" say enough
    return reading


def _finish(turn: Turn, data: Data) -> Answer:
    row = handoffs.to_rate(turn.connection, turn.chat_id, turn.now)
    if data["note"] == typed.SKIPPED or row is None:
        return close(turn, _thanks(turn))
    handoffs.rate(turn.connection, row["id"], turn.now, note=str(data["note"])[:_NOTE])
    thanks = _thanks(turn)
    said = turn.content.text("rating_noted")
    return close(turn, Reply(text=f"{said}\n{thanks.text}" if thanks.options else said, options=thanks.options))


NOTE = Form(
    name="rating",
    steps=(
        Step(
            name="note", expects="text", ask=lambda turn, data: turn.say("rating_ask_note"), read=_read_note, called=()
        ),
    ),
    finish=_finish,
)
