"""Who answers: one ordered table, read from top to bottom; the first rule that gives an answer wins."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

from handlers import (
    agent_check,
    answers,
    by_sms,
    course_suggest,
    courses,
    fallback,
    forms,
    fraud,
    handoff,
    handoff_owned,
    improving,
    incentive,
    incentive_check,
    kiosk,
    linking,
    linking_manage,
    linking_moved,
    long_story,
    media,
    message_check,
    privacy,
    providers,
    rating,
    registration,
    registration_code,
    registration_sent,
    registration_told,
    reports,
    safety,
    secure,
    status,
    subscription,
    talk,
    wrong_answer,
)
from handlers.finishing import finished
from handlers.forms import Form
from handlers.messages import PAGE, Kind, Option, Reply, State, parse_option_reference, parse_page_reference
from handlers.turn import ZONES, Answer, Turn, answer
from nlu.entities import find_entities
from nlu.entities.subject import find_subject
from nlu.understanding import Context, Outcome
from storage import chats, drafts

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

TELLING = (
    reports.FORM.name,
    message_check.FORM.name,
    rating.NOTE.name,
)  # forms in which something is told, whatever stands in it
LATE_TAP = timedelta(hours=1)
AWAY = timedelta(hours=1)


def respond(turn: Turn) -> Answer:
    """The answer to one message: replies with numbered options, the new state, the name of the rule or handler."""
    if turn.state.form and turn.now - turn.chat["seen_at"] > timedelta(
        days=forms.DRAFT_DAYS
    ):  # what was promised to be forgotten
        turn = replace(turn, state=replace(turn.state, form=None, step=None, data={}, options=()))
    for name, rule in RULES:
        if (found := rule(turn)) is not None:
            return finished(turn, replace(found, handler=found.handler or name))
    raise AssertionError("the last rule answers everything")


def context(state: State, now: datetime) -> Context:
    """What the understanding layer may know of the conversation."""
    form = FORMS.get(state.form or "")
    step = form.step(state.step) if form else None
    return Context(
        today=_today(now),
        form=state.form,
        expects=step.expects if step else None,
        last_intent=state.last_intent,
    )


# -- the rules ----------------------------------------------------------------------------------------------------


def _agent_owns(turn: Turn) -> Answer | None:
    return handoff_owned.owned(turn, _form_sent)


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


def _tap(turn: Turn) -> Answer | None:
    if turn.inbound.kind is not Kind.CHOICE:
        return None
    if turn.inbound.choice and turn.inbound.choice == turn.state.last_choice:
        return talk.silent(turn)  # a double tap
    late = turn.now - turn.inbound.sent_at > LATE_TAP
    page = parse_page_reference(turn.inbound.choice or "")
    if page and not late and page[0] == turn.state.version:
        return _page(replace(turn, state=replace(turn.state, last_choice=turn.inbound.choice)), page[1])
    reference = parse_option_reference(turn.inbound.choice or "")
    if (
        reference is None
        or late
        or reference[0] != turn.state.version
        or not 1 <= reference[1] <= len(turn.state.options)
    ):
        return _late_tap(turn)
    tapped = replace(turn, state=replace(turn.state, last_choice=turn.inbound.choice))
    return _choose(tapped, turn.state.options[reference[1] - 1])


def _page(turn: Turn, first: int) -> Answer:
    """The options shown last, from another place on; beyond the end they begin anew."""
    first = first if 1 <= first <= len(turn.state.options) else 1
    return answer(turn, replace(turn.say("options_page", options=turn.state.options), first=first))


def _late_tap(turn: Turn) -> Answer:
    form = FORMS.get(turn.state.form or "")
    step = form.step(turn.state.step) if form else None
    if form and step:
        return forms.ask_again(turn, form, step, before=turn.say("late_tap"))
    return answer(turn, turn.say("late_tap_idle", options=turn.state.options or talk.menu_options(turn, 3)))


_NUMBER = re.compile(r"^\W*(?:no(?:mor)?\.?\s*|pilih(?:an)?\s*|yang\s*)?(\d{1,2})\s*[.)]?\s*$", re.IGNORECASE)


def _similar(turn: Turn) -> Answer | None:
    found = course_suggest.asked_to_switch(turn)
    return _switched(turn, found) if found else None


def _switched(turn: Turn, found: Answer) -> Answer:
    """The answer to a switch, then an open form's step as it is from now on, in a bubble of its own."""
    form = FORMS.get(turn.state.form or "")
    step = form.step(turn.state.step) if form else None
    if form is None or step is None:
        return found
    fresh = replace(turn, chat=chats.get(turn.connection, turn.chat_id) or turn.chat)
    again = forms.ask_again(fresh, form, step)
    return replace(again, replies=(*found.replies, *again.replies), handler=found.handler)


def _typed_option(turn: Turn) -> Answer | None:
    """A number or the very label of an option shown last."""
    if turn.inbound.kind is not Kind.TEXT or not turn.state.options:
        return None
    plain = _plain(turn.text)
    for option in turn.state.options:
        if plain and plain == _plain(option.label):
            return _choose(turn, option)
    if len(turn.state.options) > PAGE and plain == _plain(turn.words("options_more")):
        return _page(turn, turn.state.first + PAGE)
    if (match := _NUMBER.match(turn.text)) is None:
        return None
    step = _open_step(turn)
    number = int(match[1])
    if step and step.expects in ("number", "date"):
        return None
    if 1 <= number <= len(turn.state.options):
        return _choose(turn, turn.state.options[number - 1])
    if step:
        return None
    return answer(turn, turn.say("no_such_option", count=len(turn.state.options), options=turn.state.options))


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()


def _open_step(turn: Turn) -> forms.Step | None:
    form = FORMS.get(turn.state.form or "")
    return form.step(turn.state.step) if form else None


def _only_masked(turn: Turn) -> Answer | None:
    """A message that was little more than a masked number: the warning is the answer, and an open form's step is asked again."""
    if not safety.is_only_masked(turn):
        return None
    form, step = FORMS.get(turn.state.form or ""), _open_step(turn)
    return forms.ask_again(turn, form, step) if form and step else answer(turn, Reply(text=""))


def _command(turn: Turn) -> Answer | None:
    """Slash commands of messengers and their plain words."""
    match turn.text.split(maxsplit=1):
        case ["/start", *_]:
            return talk.greet(replace(turn, state=replace(turn.state, form=None, step=None, data={})))
        case ["/menu", *_]:
            return talk.menu(turn)
        case ["/batal", *_]:
            return _cancel(turn)
        case ["/privacy", *_]:
            return privacy.privacy_policy(turn)
    return None


def _sms_help(turn: Turn) -> Answer | None:
    return by_sms.bring_help(turn, FORMS.get(turn.state.form or "")) if by_sms.asks_help(turn) else None


_CANCEL = re.compile(
    r"^\W*(batal(kan|in)?|cancel|gak? jadi|tidak jadi|nggak jadi|gajadi|udahan|stop isi(an)?)\W*(aja|saja|dulu|deh|dong|kak|min|ya)?\W*$",
    re.IGNORECASE,
)


def _cancel_word(turn: Turn) -> Answer | None:
    if _CANCEL.match(turn.text):
        return _cancel(turn)
    if turn.state.form and turn.understanding.intent == "cancel" and turn.understanding.outcome is Outcome.ANSWER:
        return None if forms.goes_back(turn) or _answers_step(turn) else _cancel(turn)
    return None


def _answers_step(turn: Turn) -> bool:
    """Whether the open step reads a sure answer ("ulang dari awal" after "lanjut, atau mulai baru?")."""
    step = _open_step(turn)
    reading = step.read(turn, turn.state.data) if step else None
    return isinstance(reading, forms.Valid) and reading.sure


def _cancel(turn: Turn) -> Answer:
    form = FORMS.get(turn.state.form or "")
    return forms.cancel(turn, form) if form else talk.cancel(turn)


_RESUME = re.compile(
    r"^\W*(lanjut|lanjutkan|lanjutin|terusin|teruskan|lanjut isi|lanjut daftar)\W*(kak|min|dong|ya|saja|aja)?\W*$",
    re.IGNORECASE,
)


def _resume_word(turn: Turn) -> Answer | None:
    """ "Lanjut" with nothing open takes up the draft touched last."""
    if turn.state.form or not _RESUME.match(turn.text):
        return None
    draft = drafts.latest(turn.connection, turn.chat_id, turn.now)
    return _resume_draft(turn, draft["form"]) if draft else None


def _open_form(turn: Turn) -> Answer | None:
    """A message while a form is open: an answer to its step, or a question first and then the step again (design, rule 7)."""
    if turn.state.form is None or turn.inbound.kind not in (Kind.TEXT, Kind.EDITED):
        return None
    form = FORMS.get(turn.state.form)
    if form is None:  # a form of another version
        return _understood(replace(turn, state=replace(turn.state, form=None, step=None, data={})))
    if turn.inbound.kind is Kind.EDITED and (step := form.step(turn.state.step)):
        return forms.ask_again(
            turn, form, step, before=turn.say("edited_in_form")
        )  # which question it answers is not known
    if (aside := _before_the_step(turn, form)) is not None:
        return forms.resume(turn, form, aside)
    if talk.is_puzzled(turn) and not _answers_step(turn) and (step := form.step(turn.state.step)):
        return replace(forms.unclear(turn, form, step, "form_puzzled"), handler="puzzled")
    if _comes_back(turn) and (step := form.step(turn.state.step)):
        return replace(forms.ask_again(turn, form, step), handler="resume")
    if (found := forms.consider(turn, form)) is not None:
        return replace(found, handler=found.handler or f"form:{form.name}")
    if form.name == registration.FORM.name and registration_told.asks_if_registered(turn):
        return forms.resume(turn, form, replace(registration_told.status(turn), handler="registered"))
    second = turn.understanding.second
    if STARTS.get(turn.understanding.intent) == form.name and (step := form.step(turn.state.step)):
        return forms.resume(turn, form, ask(turn, second)) if second else forms.ask_again(turn, form, step)
    if turn.understanding.outcome is Outcome.CLARIFY and turn.understanding.confidence >= forms.SURE:
        turn = replace(turn, understanding=replace(turn.understanding, outcome=Outcome.ANSWER))
    return forms.resume(turn, form, _understood(turn))


def _comes_back(turn: Turn) -> bool:
    """Whether "lanjut" comes after a while away, at a step that it does not answer: the question is wanted once more."""
    away = turn.now - turn.chat["seen_at"] > AWAY
    return away and _RESUME.match(turn.text) is not None and not _answers_step(turn)


def _before_the_step(turn: Turn, form: Form) -> Answer | None:
    """What is answered in mid-form before the step may read it, unless the step waits for a story or the message is its sure answer."""
    step = form.step(turn.state.step)
    if form.name == reports.FORM.name and reports.asks_status(turn):
        return replace(reports.case_status(turn), handler="report_problem")
    if step is None or _answers_step(turn) or form.name in TELLING:
        return None
    return _at_once(turn)


def _at_once(turn: Turn) -> Answer | None:
    """Answers that do not wait for the intent: first aid after a fraud, the verdict on an address, a few words for a bare emoji."""
    if (found := fraud.defrauded(turn)) is not None:
        return replace(found, handler="fraud")
    if (found := message_check.material(turn) or message_check.asked_to_check(turn)) is not None:
        return replace(found, handler="scam_check")
    return long_story.told(turn) or talk.wordless(turn)


def _story(turn: Turn) -> Answer | None:
    return long_story.confirmed(turn, ask)


def _understood(turn: Turn) -> Answer:
    """The intent decides."""
    understanding = turn.understanding
    if not turn.text.strip():
        return answer(turn, turn.say("empty", options=talk.menu_options(turn, 3)))
    if (found := _at_once(turn)) is not None:
        return found
    if (last := turn.state.last_intent) in turn.content.answers and last and talk.is_puzzled(turn):
        return answers.otherwise(turn, last)
    if registration_told.asks_if_registered(turn):
        return replace(registration_told.status(turn), handler="registered")
    if turn.state.last_intent and talk.asks_on(turn):
        return replace(answers.more(turn, turn.state.last_intent), handler=turn.state.last_intent)
    if understanding.outcome is not Outcome.ANSWER and reports.case_number(turn.text):
        return replace(reports.case_status(turn), handler="report_problem")
    if understanding.outcome is not Outcome.ANSWER and subscription.asked(turn):
        return ask(turn, "subscribe")
    if understanding.outcome is Outcome.REFUSE:
        return fallback.refuse(turn)
    if understanding.outcome is Outcome.CLARIFY and courses.asked(turn):
        return replace(courses.start(turn), handler="course_choose")
    if understanding.outcome is Outcome.CLARIFY:
        return fallback.clarify(turn)
    first = ask(turn, understanding.intent)
    if understanding.second and understanding.second != understanding.intent:
        return _both(turn, first, understanding.second)
    return first


def ask(turn: Turn, intent: str) -> Answer:
    """The answer to one intent; the handler's name is the intent's. A journey that the programme does not have leads to the menu."""
    if not turn.content.knows(intent):
        return replace(talk.menu(turn), handler="menu")
    handler = INTENTS.get(intent) or LOOKED_UP.get(intent)
    found = kiosk.elsewhere(turn, intent) or (handler(turn) if handler else answers.faq(turn, intent))
    if found.replies:
        found = replace(found, replies=(answers.led(turn.content, intent, found.replies[0]), *found.replies[1:]))
    return replace(found, handler=found.handler or intent)


def _both(turn: Turn, first: Answer, second: str) -> Answer:
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


def _choose(turn: Turn, option: Option) -> Answer:
    """What an option does, by its action."""
    verb, _, rest = option.action.partition(":")
    form = FORMS.get(turn.state.form or "")
    step = form.step(turn.state.step) if form else None
    match verb:
        case "answer" if form and step:
            return forms.take(turn, form, step, rest)
        case "intent" if form and step and STARTS.get(rest) != form.name:
            return forms.resume(turn, form, ask(_in_their_words(turn), rest))
        case "intent":
            return ask(_in_their_words(turn), rest)
        case "more":
            return answers.more(turn, rest)
        case "wrong" if rest in turn.content.answers:
            return wrong_answer.noted(turn, rest)
        case "scheme":
            scheme, _, intent = rest.partition(":")
            return answers.faq(turn, intent, scheme=scheme)
        case "form":
            return _resume_draft(turn, rest)
        case "rate":
            return rating.rated(turn, int(rest))
        case "story":
            return long_story.chosen(_in_their_words(turn), rest, ask)
        case "do":
            return _do(turn, rest)
    return _late_tap(turn)


def _in_their_words(turn: Turn) -> Turn:
    """The turn with the words that were asked back about ("Maksud Kakak …?"), so that what they name is not lost by choosing."""
    said = turn.state.asked
    if not said:
        return turn
    subject, _ = find_subject(said)
    understanding = replace(turn.understanding, entities=find_entities(said, _today(turn.now)), subject=subject)
    return replace(turn, inbound=replace(turn.inbound, text=said), understanding=understanding)


def _today(now: datetime) -> date:
    return now.astimezone(ZONES["WIB"]).date()


def _resume_draft(turn: Turn, name: str) -> Answer:
    form = FORMS.get(name)
    draft = drafts.get(turn.connection, turn.chat_id, name, turn.now) if form else None
    if form is None:
        return answer(turn, turn.say("form_nothing_open", options=talk.menu_options(turn, 3)))
    data = dict(draft["data"]) if draft else {}
    step = form.step(draft["step"]) if draft else None
    if step is None:
        return forms.open_form(turn, form, data)
    return forms.ask_again(replace(turn, state=replace(turn.state, form=name, step=step.name, data=data)), form, step)


def _do(turn: Turn, what: str) -> Answer:
    form = FORMS.get(turn.state.form or "")
    step = form.step(turn.state.step) if form else None
    match what:
        case "cancel":
            return _cancel(turn)
        case "human":
            return ask(turn, "human_agent")
        case "carry":
            return registration_code.give(turn)
        case "leave_queue":
            return handoff.leave(turn)
        case "back" if form and step:
            return forms.back(turn, form, step)
        case "resume" if form and step:
            return forms.ask_again(turn, form, step)
        case "improve":
            return improving.ask(turn)
        case "improve_yes":
            return improving.agree(turn)
        case "improve_no":
            return improving.decline(turn)
        case "similar_off":
            return _switched(turn, course_suggest.switch(turn, on=False))
    return talk.menu(turn)


RULES: tuple[tuple[str, Callable[[Turn], Answer | None]], ...] = (
    ("stop", by_sms.stop),
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
    ("tap", _tap),
    ("masked", _only_masked),
    ("carried", registration_code.entered),
    ("command", _command),
    ("sms_help", _sms_help),
    ("rest", by_sms.rest),
    ("agent_code", agent_check.asked),
    ("queue", handoff.asked_place),
    ("queue_left", handoff.asked_to_leave),
    ("case", reports.mentioned),
    ("who_looked", linking_manage.asked_who_looked),
    ("manage", linking_manage.asked_to_manage),
    ("similar", _similar),
    (wrong_answer.NAME, wrong_answer.said),
    ("carry", registration_code.asked),
    ("option", _typed_option),
    ("story", _story),
    ("cancel", _cancel_word),
    ("form", _open_form),
    ("resume", _resume_word),
    ("intent", _understood),
)
