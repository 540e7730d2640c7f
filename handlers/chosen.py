"""Options: tapped, typed as a number or by their label, late, and what each does."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from handlers import (
    answers,
    course_suggest,
    forms,
    free_text,
    handoff,
    improving,
    long_story,
    rating,
    registration_code,
    talk,
    typed,
    wrong_answer,
)
from handlers.forms import Valid
from handlers.journeys import STARTS, ask, opened
from handlers.messages import PAGE, Kind, Option, parse_option_reference, parse_page_reference
from handlers.mid_form import cancel, resume_draft
from handlers.telling import today
from handlers.turn import Answer, Turn, answer
from nlu.entities import find_entities
from nlu.entities.subject import find_subject
from storage import chats

LATE_TAP = timedelta(hours=1)
_NEVER_GUESSED = ("subscribe", "unsubscribe")


NUMBER = re.compile(r"^\W*(?:no(?:mor)?\.?\s*|pilih(?:an)?\s*|yang\s*)?(\d{1,2})\s*[.)]?\s*$", re.IGNORECASE)


def tap(turn: Turn) -> Answer | None:
    """A button: a page of the list, or what its option does; a late or an old one shows the present step."""
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


def typed_option(turn: Turn) -> Answer | None:
    """A number or the very label of an option shown last."""
    if turn.inbound.kind is not Kind.TEXT or not turn.state.options:
        return None
    plain = _plain(turn.text)
    for option in turn.state.options:
        if plain and plain == _plain(option.label):
            return _choose(turn, option)
    if len(turn.state.options) > PAGE and plain == _plain(turn.words("options_more")):
        return _page(turn, turn.state.first + PAGE)
    if (match := NUMBER.match(turn.text)) is None:
        return None
    open_now = opened(turn)
    number = int(match[1])
    if open_now and open_now[1].expects in ("number", "date"):
        return None
    if 1 <= number <= len(turn.state.options):
        return _choose(turn, turn.state.options[number - 1])
    if open_now:
        return None
    return answer(turn, turn.say("no_such_option", count=len(turn.state.options), options=turn.state.options))


def agreed(turn: Turn) -> Answer | None:
    """A bare yes to "Maksud Kakak …?": the likeliest of what was asked back. Beginning and ending announcements wait for a clear word."""
    state = turn.state
    if turn.inbound.kind is not Kind.TEXT or state.form or not state.misses or not state.asked or not state.options:
        return None
    first = state.options[0]
    if not first.action.startswith("intent:") or first.action.removeprefix("intent:") in _NEVER_GUESSED:
        return None
    reading = typed.yes_no(turn)
    agrees = isinstance(reading, Valid) and reading.sure and reading.value == typed.YES
    return _choose(turn, first) if agrees and free_text.brief(turn) else None


def _choose(turn: Turn, option: Option) -> Answer:
    """What an option does, by its action."""
    verb, _, rest = option.action.partition(":")
    found = opened(turn)
    match verb:
        case "answer" if found:
            return forms.take(turn, *found, rest)
        case "intent" if found and STARTS.get(rest) != found[0].name:
            return forms.resume(turn, found[0], ask(_in_their_words(turn), rest))
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
            return resume_draft(turn, rest)
        case "rate":
            return rating.rated(turn, int(rest))
        case "story":
            return long_story.chosen(_in_their_words(turn), rest, ask)
        case "do":
            return _do(turn, rest)
    return _late_tap(turn)


def _do(turn: Turn, what: str) -> Answer:
    found = opened(turn)
    match what:
        case "cancel":
            return cancel(turn)
        case "human":
            return ask(turn, "human_agent")
        case "carry":
            return registration_code.give(turn)
        case "leave_queue":
            return handoff.leave(turn)
        case "back" if found:
            return forms.back(turn, *found)
        case "resume" if found:
            return forms.ask_again(turn, *found)
        case "improve":
            return improving.ask(turn)
        case "improve_yes":
            return improving.agree(turn)
        case "improve_no":
            return improving.decline(turn)
        case "similar_off":
            return _switched(turn, course_suggest.switch(turn, on=False))
    return talk.menu(turn)


def _page(turn: Turn, first: int) -> Answer:
    """The options shown last, from another place on; beyond the end they begin anew."""
    first = first if 1 <= first <= len(turn.state.options) else 1
    return answer(turn, replace(turn.say("options_page", options=turn.state.options), first=first))


def _late_tap(turn: Turn) -> Answer:
    if found := opened(turn):
        return forms.ask_again(turn, *found, before=turn.say("late_tap"))
    return answer(turn, turn.say("late_tap_idle", options=turn.state.options or talk.menu_options(turn, 3)))


def _in_their_words(turn: Turn) -> Turn:
    """The turn with the words that were asked back about ("Maksud Kakak …?"), so that what they name is not lost by choosing."""
    said = turn.state.asked
    if not said:
        return turn
    subject, _ = find_subject(said)
    understanding = replace(turn.understanding, entities=find_entities(said, today(turn)), subject=subject)
    return replace(turn, inbound=replace(turn.inbound, text=said), understanding=understanding)


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().lower()


def similar(turn: Turn) -> Answer | None:
    """ "Jangan pakai data orang mirip": the switch of suggestions, in or outside a form."""
    found = course_suggest.asked_to_switch(turn)
    return _switched(turn, found) if found else None


def _switched(turn: Turn, found: Answer) -> Answer:
    """The answer to a switch, then an open form's step as it is from now on, in a bubble of its own."""
    open_now = opened(turn)
    if open_now is None:
        return found
    fresh = replace(turn, chat=chats.get(turn.connection, turn.chat_id) or turn.chat)
    again = forms.ask_again(fresh, *open_now)
    return replace(again, replies=(*found.replies, *again.replies), handler=found.handler)
