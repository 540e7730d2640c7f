"""Who answers: one ordered table, read from top to bottom; the first rule that gives an answer wins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from handlers import (
    agent_check,
    by_sms,
    chosen,
    forms,
    handoff,
    handoff_owned,
    linking,
    linking_manage,
    linking_moved,
    long_story,
    media,
    message_check,
    mid_form,
    privacy,
    registration,
    registration_code,
    registration_sent,
    reports,
    safety,
    secure,
    stopping,
    talk,
    wrong_answer,
)
from handlers.finishing import finished
from handlers.journeys import FORMS, ask, opened
from handlers.messages import Kind, Reply, State
from handlers.turn import ZONES, Answer, Turn, answer
from handlers.understood import understood
from nlu.understanding import Context
from storage import chats


def respond(turn: Turn) -> Answer:
    """The answer to one message: replies with numbered options, the new state, the name of the rule or handler."""
    if turn.state.form and turn.now - turn.chat["seen_at"] > timedelta(
        days=forms.DRAFT_DAYS
    ):  # what was promised to be forgotten
        turn = replace(turn, state=replace(turn.state, form=None, step=None, data={}, options=()))
    stopped = stopping.beside(turn)
    for name, rule in RULES:
        if (found := rule(turn)) is not None:
            said = (stopped, *found.replies) if stopped else found.replies
            return finished(turn, replace(found, replies=said, handler=found.handler or name))
    raise AssertionError("the last rule answers everything")


def context(state: State, now: datetime) -> Context:
    """What the understanding layer may know of the conversation."""
    form = FORMS.get(state.form or "")
    step = form.step(state.step) if form else None
    return Context(
        today=now.astimezone(ZONES["WIB"]).date(),
        form=state.form,
        expects=step.expects if step else None,
        last_intent=state.last_intent,
    )


def _agent_owns(turn: Turn) -> Answer | None:
    return handoff_owned.owned(turn, _form_sent)


def _stop(turn: Turn) -> Answer | None:
    return stopping.stop(turn, FORMS.get(turn.state.form or ""))


def _start_again(turn: Turn) -> Answer | None:
    return stopping.again(turn, FORMS.get(turn.state.form or ""))


def _moved(turn: Turn) -> Answer | None:
    """The platform tells of another number: what it means for the link does not wait for an agent."""
    if turn.inbound.kind is not Kind.MOVED:
        return None
    found = linking_moved.moved(turn)
    return found if turn.owner == "bot" else talk.silent(turn)


def _taken_back(turn: Turn) -> Answer | None:
    if turn.inbound.kind is not Kind.TAKEN_BACK:
        return None
    chats.take_back(turn.connection, turn.chat_id, turn.inbound.refers, turn.words("taken_back"))
    return talk.silent(turn)


def _came_or_left(turn: Turn) -> Answer | None:
    return talk.silent(turn) if turn.inbound.kind in (Kind.STOPPED, Kind.RESUMED, Kind.REACTION) else None


def _form_sent(turn: Turn) -> Answer | None:
    """The secure form came: its values are opened once, for the journey that offered it."""
    if turn.inbound.kind is not Kind.FORM:
        return None
    sent = secure.opened(turn, turn.inbound.form or "")
    if sent and sent["purpose"] == registration.FORM.name:
        return registration_sent.numbers_sent(turn, sent)
    if sent is None and turn.state.form == registration.FORM.name:
        return registration_sent.form_gone(turn)
    return linking.form_sent(turn, sent)


def _contact(turn: Turn) -> Answer | None:
    return linking.contact(turn) if turn.inbound.kind is Kind.CONTACT else None


def _only_masked(turn: Turn) -> Answer | None:
    """A message that was little more than a masked number: the warning is the answer, and an open form's step is asked again."""
    if not safety.is_only_masked(turn):
        return None
    found = opened(turn)
    return forms.ask_again(turn, *found) if found else answer(turn, Reply(text=""))


def _command(turn: Turn) -> Answer | None:
    """Slash commands of messengers and their plain words."""
    match turn.text.split(maxsplit=1):
        case ["/start", *_]:
            return talk.greet(replace(turn, state=replace(turn.state, form=None, step=None, data={})))
        case ["/menu", *_]:
            return talk.menu(turn)
        case ["/batal", *_]:
            return mid_form.cancel(turn)
        case ["/privacy", *_]:
            return privacy.privacy_policy(turn)
    return None


def _sms_help(turn: Turn) -> Answer | None:
    return by_sms.bring_help(turn, FORMS.get(turn.state.form or "")) if by_sms.asks_help(turn) else None


def _story(turn: Turn) -> Answer | None:
    return long_story.confirmed(turn, ask)


RULES: tuple[tuple[str, Callable[[Turn], Answer | None]], ...] = (
    ("stop", _stop),
    ("moved", _moved),
    ("taken_back", _taken_back),
    ("agent", _agent_owns),
    ("presence", _came_or_left),
    ("danger", safety.danger),
    (by_sms.FLOOD, by_sms.flood),
    ("forwarded", message_check.forwarded),
    ("form_sent", _form_sent),
    ("contact", _contact),
    ("media", media.media),
    ("tap", chosen.tap),
    ("masked", _only_masked),
    ("carried", registration_code.entered),
    ("command", _command),
    ("sms_help", _sms_help),
    ("rest", by_sms.rest),
    ("start_again", _start_again),
    ("agent_code", agent_check.asked),
    ("queue", handoff.asked_place),
    ("queue_left", handoff.asked_to_leave),
    ("case", reports.mentioned),
    ("who_looked", linking_manage.asked_who_looked),
    ("manage", linking_manage.asked_to_manage),
    ("similar", chosen.similar),
    (wrong_answer.NAME, wrong_answer.said),
    ("carry", registration_code.asked),
    ("option", chosen.typed_option),
    ("agreed", chosen.agreed),
    ("story", _story),
    ("cancel", mid_form.cancel_word),
    ("form", mid_form.answered),
    ("resume", mid_form.resume_word),
    ("intent", understood),
)
