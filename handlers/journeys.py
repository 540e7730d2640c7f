"""Every intent and every form with what answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from handlers import (
    answers,
    courses,
    handoff,
    incentive,
    incentive_check,
    kiosk,
    linking,
    linking_manage,
    message_check,
    privacy,
    providers,
    rating,
    registration,
    reports,
    status,
    subscription,
    talk,
)
from handlers.forms import Form, Step
from handlers.messages import Option
from handlers.turn import Answer, Turn

FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        registration.FORM,
        linking.FORM,
        linking_manage.MANAGE,
        courses.FORM,
        incentive_check.FORM,
        reports.FORM,
        message_check.FORM,
        privacy.FORM,
        subscription.FORM,
        rating.NOTE,
    )
}


INTENTS: Mapping[str, Callable[[Turn], Answer]] = {
    "greet": talk.greet,
    "goodbye": talk.goodbye,
    "thanks": talk.thanks,
    "affirm": talk.affirm,
    "deny": talk.deny,
    "cancel": talk.cancel,
    "help_menu": talk.help_menu,
    "bot_challenge": talk.bot_challenge,
    "complaint": talk.complaint,
    "human_agent": handoff.human_agent,
    "register_start": registration.start,
    "course_choose": courses.start,
    "incentive_status": incentive.status,
    "application_status": status.application_status,
    "link_account": linking.start,
    "report_problem": reports.report_problem,
    "subscribe": subscription.subscribe,
    "unsubscribe": subscription.unsubscribe,
    "my_data": privacy.my_data,
    "scam_check": message_check.scam_check,
    "incentive_unpaid": partial(incentive.unpaid, intent="incentive_unpaid"),
    "incentive_failed": partial(incentive.unpaid, intent="incentive_failed"),
}
"""Talk and journeys, and questions that a record or a link answers better; every other intent is answered from the catalogue."""


LOOKED_UP: Mapping[str, Callable[[Turn], Answer]] = {
    "provider_check": providers.check,
    "incentive_when": partial(incentive.unpaid, intent="incentive_when"),
}
"""Questions that the catalogue answers, and a list of the operator's or the person's own record better where it knows."""


STARTS: Mapping[str, str] = {
    "register_start": "registration",
    "course_choose": "course_choose",
    "link_account": "linking",
    "report_problem": "report",
    "my_data": "my_data",
    "incentive_status": "incentive_check",
}
"""Journeys whose form may be open already when they are asked for again."""


def opened(turn: Turn) -> tuple[Form, Step] | None:
    """The open form with its present step; None where none is open, or one of another version."""
    form = FORMS.get(turn.state.form or "")
    step = form.step(turn.state.step) if form else None
    return (form, step) if form and step else None


def ask(turn: Turn, intent: str) -> Answer:
    """The answer to one intent; the handler's name is the intent's. A journey that the programme does not have leads to the menu."""
    if not turn.content.knows(intent):
        return replace(talk.menu(turn), handler="menu")
    handler = INTENTS.get(intent) or LOOKED_UP.get(intent)
    found = kiosk.elsewhere(turn, intent) or (handler(turn) if handler else answers.faq(turn, intent))
    if found.replies:
        found = replace(found, replies=(answers.led(turn.content, intent, found.replies[0]), *found.replies[1:]))
    return replace(found, handler=found.handler or intent)


def both(turn: Turn, first: Answer, second: str) -> Answer:
    """Two questions of one message, both answered in one reply; a journey's own question comes last."""
    if not first.replies:
        return first
    lead = first.replies[0]
    if second in INTENTS:
        offer = Option(label=turn.content.title(second), action=f"intent:{second}")
        return replace(
            first,
            replies=(replace(lead, options=(*lead.options[: answers.MAX_OPTIONS - 1], offer)), *first.replies[1:]),
        )
    other = answers.faq_reply(turn, second)
    if turn.content.lead(second) != turn.content.lead(turn.understanding.intent):
        other = answers.led(turn.content, second, other)
    opened = first.state.form and first.state.form != turn.state.form
    texts = (other.text, lead.text) if opened else (lead.text, other.text)
    shown = lead.options if opened else (*lead.options[:2], *other.options[:1])
    briefs = (other.short, lead.short) if opened else (lead.short, other.short)
    sms = " ".join(briefs) if lead.sms is not None or other.sms is not None else None
    return replace(first, replies=(replace(lead, text="\n\n".join(texts), options=shown, sms=sms), *first.replies[1:]))
