"""The secure form of a preparation has come: its numbers find their place, whatever the conversation is at meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from handlers import forms, identity
from handlers.registration import FORM
from handlers.turn import Answer, Turn, answer
from storage import drafts, registrations


def numbers_sent(turn: Turn, sent: Mapping[str, str]) -> Answer:
    """The secure form came: its numbers belong to the open step, to the draft, or to the preparation noted meanwhile."""
    draft = drafts.get(turn.connection, turn.chat_id, FORM.name, turn.now)
    row = registrations.of_chat(turn.connection, turn.chat_id, turn.now)
    until = row["kept_until"] if row else turn.now + timedelta(days=forms.DRAFT_DAYS)
    if (draft is None and row is None) or not identity.keep(turn, sent, until):
        return answer(turn, turn.say("identity_gone"))
    thanks = turn.say("identity_noted")
    step = FORM.step(turn.state.step) if turn.state.form == FORM.name else None
    if step and step.name == "identity":
        return forms.take(turn, FORM, step, identity.NOTED, before=thanks)
    if step:
        data = {**turn.state.data, "identity": identity.NOTED}
        return forms.ask_again(replace(turn, state=replace(turn.state, data=data)), FORM, step, before=thanks)
    if draft:
        drafts.amend(turn.connection, turn.chat_id, FORM.name, {**draft["data"], "identity": identity.NOTED})
    elif row:
        registrations.amend(turn.connection, turn.chat_id, {**row["data"], "identity": identity.NOTED})
    return answer(turn, thanks)


def form_gone(turn: Turn) -> Answer:
    """A secure form that can be read no more, while the preparation waits for it."""
    step = FORM.step(turn.state.step)
    gone = turn.say("identity_gone")
    return forms.ask_again(turn, FORM, step, before=gone) if step else answer(turn, gone)
