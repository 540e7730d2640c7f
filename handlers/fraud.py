"""Somebody has lost money or given away a code: what to do now comes first, then the report."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from handlers import typed
from handlers.catalogue import shown_date
from handlers.turn import Answer, Turn, answer, options
from nlu.normalise import plain


def is_defrauded(turn: Turn) -> bool:
    """Whether a message tells that the fraud has happened: money sent, a code given, or the word itself; not the fear of it."""
    words = turn.content.files["fraud"]

    def says(*kinds: str) -> bool:
        return typed.find(turn, {kind: words[kind] for kind in kinds}) is not None

    if says("feared"):
        return False
    if _typed(tuple(words["happened"])).search(plain(turn.text)):
        return True
    if says("slipped") and (says("sent") or (says("given") and says("lost", "fraudsters"))):
        return True
    if says("done") and says("secret") and (says("handed") or (says("given") and says("about"))):
        return True
    warned = turn.state.last_intent == "scam_check" and says("done", "slipped") and not says("not_handed")
    if warned and says("handed", "followed"):
        return True  # "sudah saya kasih", after the advice that nothing be given
    return says("done") and says("given") and says("fraudsters")


@lru_cache(maxsize=4)
def _typed(phrases: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, phrases))})\b")


def asked_for_code(turn: Turn) -> Answer | None:
    """Somebody else wants a code or data ("dia minta otp juga"): that is how fraud goes, and no question about a code that does not come."""
    words = turn.content.files["fraud"]
    if not all(typed.find(turn, {"": words[kind]}) for kind in ("asks_code", "somebody")):
        return None
    ways = options(
        (turn.content.text("option_report"), "intent:report_problem"),
        (turn.content.text("option_human"), "intent:human_agent"),
    )
    said = turn.say("fraud_asks_code", options=ways)
    return answer(turn, said, state=replace(turn.state, last_intent="scam_check", asked=turn.text))


def defrauded(turn: Turn) -> Answer | None:
    """First aid with its sources, and the ways on; the words stay for the report. None for any other message."""
    if not is_defrauded(turn):
        return None
    places = turn.content.files["fraud"]["places"]
    said = turn.say(
        "fraud_now",
        **{
            name: f"{place['reach']} ({place['source']}, {shown_date(str(place['date']))})"
            for name, place in places.items()
        },
        options=options(
            (turn.content.text("option_report"), "intent:report_problem"),
            (turn.content.text("option_more"), "more:scam_check"),
            (turn.content.text("option_human"), "intent:human_agent"),
        ),
    )
    return answer(turn, said, state=replace(turn.state, last_intent="scam_check", asked=turn.text))
