"""What goes before everything else: danger to a life, chain messages, numbers that must not stand in a chat."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache

from handlers import answers
from handlers.catalogue import Catalogue, shown_date
from handlers.messages import Reply
from handlers.talk import note
from handlers.turn import Answer, Turn, answer, options
from nlu.understanding import Entity
from storage import cases

DANGER = 0  # priority of a case: the top of the queue

_SECRETS = {"otp", "pin", "password"}


@lru_cache(maxsize=4)
def _danger_words(phrases: tuple[str, ...]) -> re.Pattern[str]:
    words = "|".join(r"\s+".join(map(re.escape, phrase.split())) for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


def is_danger(text: str, content: Catalogue) -> bool:
    """Whether a text speaks of killing oneself or others (words: content/safety.yml)."""
    words = content.files["safety"]
    return bool(_danger_words((*words["self_harm"], *words["others"])).search(text))


def danger(turn: Turn) -> Answer | None:
    """A fixed text with helpline numbers, and the top of the queue where somebody answers."""
    if not is_danger(turn.text, turn.content) or turn.inbound.forwarded:
        return None
    helplines = turn.policy.helplines
    if turn.policy.agents:
        cases.create(
            turn.connection,
            number="L-" + turn.new_id(6),
            chat_id=turn.chat_id,
            topic="danger",
            priority=DANGER,
            story=turn.text,
            now=turn.now,
        )
        return answer(turn, turn.say("danger", helplines=helplines))
    return answer(turn, turn.say("danger_no_agents", helplines=helplines))


def forwarded(turn: Turn) -> Answer | None:
    """A forwarded or chain message is material to check: it starts no journey, fills no field and is no opt-out (design, rule 10)."""
    if not turn.inbound.forwarded:
        return None
    return answer(turn, check_message(turn))


def check_message(turn: Turn) -> Reply:
    """The verdict on the addresses in a message; never "safe"."""
    addresses = [entity for entity in turn.understanding.entities if entity.kind == "url"]
    if not addresses:
        return note(turn, "forwarded_no_link")
    worst = min(addresses, key=_badness)
    verdict, host = str(worst.detail.get("verdict", "unknown")), str(worst.detail.get("host", worst.value))
    if verdict == "official":
        return note(turn, "forwarded_official", host=host)
    if verdict == "recorded_false":
        return note(turn, "forwarded_false", host=host, date=shown_date(str(worst.detail.get("since", ""))))
    return note(turn, "forwarded_unknown", host=host)


def scam_check(turn: Turn) -> Answer:
    """Asked whether something is genuine: the verdict on the address in the message, else the general answer."""
    if not any(entity.kind == "url" for entity in turn.understanding.entities):
        return answers.faq(turn, "scam_check")
    verdict = check_message(turn)
    ways = options(
        (turn.content.text("option_more"), "more:scam_check"),
        (turn.content.text("option_report"), "intent:report_problem"),
    )
    state = replace(turn.state, last_intent="scam_check")
    return answer(turn, replace(verdict, options=(*verdict.options, *ways)), state=state)


def _badness(address: Entity) -> int:
    order = ("recorded_false", "look_alike", "unknown", "government", "official")
    verdict = str(address.detail.get("verdict", "unknown"))
    return order.index(verdict) if verdict in order else 2


def warning(turn: Turn) -> str | None:
    """The kind sentence when a number or secret was masked in this message."""
    if not turn.inbound.masked:
        return None
    return turn.content.text("masked_secret" if _SECRETS & set(turn.inbound.masked) else "masked_identity")


def is_only_masked(turn: Turn) -> bool:
    """Whether little but a masked number or secret, with the words that name it, is left of the message."""
    named = set(turn.content.files["safety"]["number_words"])
    words = re.findall(r"[^\W\d_]{3,}", turn.text.lower())
    return bool(turn.inbound.masked) and sum(word not in named for word in words) <= 1
