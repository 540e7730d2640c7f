"""A message that nothing else has taken: its intent decides, doubt is asked back, two questions are both answered."""

from __future__ import annotations

from dataclasses import replace

from handlers import (
    answers,
    courses,
    fallback,
    fraud,
    long_story,
    message_check,
    registration_told,
    reports,
    subscription,
    talk,
)
from handlers.journeys import ask, both
from handlers.turn import Answer, Turn, answer
from nlu.understanding import Outcome


def understood(turn: Turn) -> Answer:
    """The intent decides."""
    understanding = turn.understanding
    if not turn.text.strip():
        return answer(turn, turn.say("empty", options=talk.menu_options(turn, 3)))
    if (found := at_once(turn)) is not None:
        return found
    if (last := turn.state.last_intent) in turn.content.answers and last and talk.is_puzzled(turn):
        return answers.otherwise(turn, last)
    if registration_told.asks_if_registered(turn):
        return replace(registration_told.status(turn), handler="registered")
    if turn.state.last_intent and talk.asks_on(turn):
        return replace(answers.more(turn, turn.state.last_intent), handler=turn.state.last_intent)
    if understanding.outcome is not Outcome.ANSWER and reports.case_number(turn.text):
        return replace(reports.case_status(turn), handler="report_problem")
    if understanding.outcome is not Outcome.ANSWER and (wish := subscription.wished(turn)):
        return ask(turn, wish)
    if understanding.outcome is Outcome.REFUSE:
        return fallback.refuse(turn)
    if understanding.outcome is Outcome.CLARIFY and courses.asked(turn):
        return replace(courses.start(turn), handler="course_choose")
    unsure = subscription.is_bare(turn) or subscription.may_mean_the_opposite(turn) or subscription.is_doubtful(turn)
    if understanding.outcome is Outcome.CLARIFY or unsure:
        return fallback.clarify(turn)
    first = ask(turn, understanding.intent)
    if understanding.second and understanding.second != understanding.intent:
        return both(turn, first, understanding.second)
    return first


def at_once(turn: Turn) -> Answer | None:
    """Answers that do not wait for the intent: first aid after a fraud, the verdict on an address, a few words for a bare emoji."""
    if (found := fraud.defrauded(turn)) is not None:
        return replace(found, handler="fraud")
    if turn.understanding.intent.startswith("otp") and (found := fraud.asked_for_code(turn)) is not None:
        return replace(found, handler="scam_check")
    if (found := message_check.material(turn) or message_check.asked_to_check(turn)) is not None:
        return replace(found, handler="scam_check")
    return long_story.told(turn) or talk.wordless(turn)
