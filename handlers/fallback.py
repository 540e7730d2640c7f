"""When it is not clear what was meant: ask with the best three; refuse what is none of ours; every second time in a row → offer a person."""

from __future__ import annotations

from dataclasses import replace

from handlers import age_told, announced, courses, improving, incentive, reminded, subscription
from handlers.messages import Option
from handlers.record import linked
from handlers.talk import menu_options
from handlers.turn import Answer, Turn, options
from storage import misunderstood

CANDIDATES = 3
OWN_MONEY = frozenset(("incentive_status", "incentive_unpaid", "incentive_when", "incentive_failed"))
MOVES = ("greet", "goodbye", "thanks", "affirm", "deny", "cancel", "complaint")  # nobody chooses "Menyapa" from a list


def clarify(turn: Turn) -> Answer:
    """ "Maksud Kakak …?" with the best three readings; whose readings are all about money that a linked record tells of is told it."""
    if _about_own_money(turn):
        return replace(incentive.status(turn), handler="incentive_status")
    if (found := announced.asked(turn) or age_told.told(turn) or reminded.answered(turn)) is not None:
        return found
    _remember(turn)
    if turn.state.misses % 2:  # a person was not offered just before
        return _offer_person(turn)
    without = (*MOVES, "unsubscribe") if subscription.is_doubtful(turn) else MOVES
    best = [intent for intent, _ in turn.understanding.ranking if intent not in without][:CANDIDATES]
    choices = tuple(
        Option(label=turn.content.title(intent), action=f"intent:{intent}", description=turn.content.question(intent))
        for intent in best
    )
    return Answer(
        handler="clarify",
        replies=(replace(turn.say("clarify", options=choices), cancellable=True),),
        state=replace(turn.state, misses=turn.state.misses + 1, asked=turn.text),
    )


def refuse(turn: Turn) -> Answer:
    """Out of scope: says so, and what Pandu is for. A message of nothing but words for a course is a search."""
    if courses.asked(turn):
        return replace(courses.start(turn), handler="course_choose")
    if (found := announced.asked(turn) or age_told.told(turn) or reminded.answered(turn)) is not None:
        return found
    _remember(turn)
    if turn.state.misses % 2:
        return _offer_person(turn)
    return Answer(
        handler="refuse",
        replies=(turn.say("refuse", options=menu_options(turn, 3)),),
        state=replace(turn.state, misses=turn.state.misses + 1),
    )


def _about_own_money(turn: Turn) -> bool:
    """Whether the two best readings ask for one's own payment ("insentif saya udah cair belum") and a record is there to answer."""
    best = [intent for intent, _ in turn.understanding.ranking[:2]]
    return len(best) == 2 and OWN_MONEY.issuperset(best) and turn.understanding.subject == "self" and bool(linked(turn))


def _offer_person(turn: Turn) -> Answer:
    ways = options(
        (turn.content.text("option_human"), "intent:human_agent"), (turn.content.text("option_menu"), "do:menu")
    )
    ways += improving.offered(turn)
    return Answer(
        handler="offer_person",
        replies=(turn.say("not_understood_twice", options=ways),),
        state=replace(turn.state, misses=turn.state.misses + 1),
    )


def _remember(turn: Turn) -> None:
    topic = turn.understanding.ranking[0][0] if turn.understanding.ranking else turn.understanding.intent
    misunderstood.note(
        turn.connection,
        chat_id=turn.chat_id,
        topic=topic,
        text=turn.text,
        outcome=turn.understanding.outcome.value,
        channel=turn.inbound.channel,
        now=turn.now,
    )
