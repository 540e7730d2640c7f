"""Announcements: beginning by topic with the wording that was agreed to, and ending at once, confirmed once.

Forwarded text is material to check (design, rule 10): it neither begins nor ends anything.
"""

from __future__ import annotations

import re

from handlers import free_text, typed
from handlers.catalogue import shown_date
from handlers.forms import Data, Form, Misfit, Reading, Step, Valid, close
from handlers.messages import Option, Reply
from handlers.record import linked
from handlers.turn import Answer, Turn, answer, options
from storage import subscriptions

TOPICS = ("gelombang", "insentif", "pelatihan", subscriptions.EVERYTHING)
DEFAULT = TOPICS[0]
PARTICIPANTS = ("selected", "active", "finished")  # memberships that have an incentive to wait for

MOST_WORDS = 7  # of a wish to be told
_TEACHES = re.compile(r"\W*(?:tolong\s+)?kabar(?:i|in|kan)\b", re.IGNORECASE)
_REFUSES = re.compile(r"\b(stop|berhenti|jangan|jgn|gak? usah|ga usah|nggak|enggak|tidak|batal)\b", re.IGNORECASE)


def asked(turn: Turn) -> bool:
    """Whether a message that was not understood for sure begins with the word that Pandu itself teaches: "kabari insentif"."""
    return _TEACHES.match(turn.text) is not None and free_text.brief(turn, MOST_WORDS) and "?" not in turn.text


def is_bare(turn: Turn) -> bool:
    """Whether a message understood as beginning or ending announcements says neither ("kirim", "berita"): to be asked back, not recorded."""
    wish = turn.understanding.intent in ("subscribe", "unsubscribe")
    return wish and typed.is_all(turn, turn.content.files["words"]["announcements"])


def subscribe(turn: Turn) -> Answer:
    """Begins the topic that the message names, else the usual one."""
    if turn.inbound.forwarded:
        return answer(turn, turn.say("subscription_forwarded_start"))
    found = typed.find(turn, turn.content.files["words"]["topics"])
    return answer(turn, _begin(turn, found.value if found else _usual(turn)))


def _usual(turn: Turn) -> str:
    """What somebody means who names no topic: their own incentive where their own record is of a participant, else new waves."""
    own = linked(turn) if turn.understanding.subject == "self" else None
    return "insentif" if own and own.row["membership"] in PARTICIPANTS else DEFAULT


def unsubscribe(turn: Turn) -> Answer:
    """Ends everything, or the one topic that is named and running."""
    if turn.inbound.forwarded:
        return answer(turn, turn.say("subscription_forwarded_stop"))
    running = subscriptions.topics(turn.connection, turn.chat_id)
    named = [topic for topic in typed.find_all(turn, turn.content.files["words"]["topics"]) if topic in running]
    only = named if named and set(named) != set(running) and subscriptions.EVERYTHING not in running else None
    ended = subscriptions.stop(turn.connection, turn.chat_id, turn.now, only=only)
    if only:
        left = [topic for topic in running if topic not in ended]
        return answer(turn, turn.say("subscription_ended_some", topic=_named(turn, ended), left=_named(turn, left)))
    again = options((turn.content.text("subscription_option_again"), f"form:{FORM.name}"))
    return answer(
        turn, turn.say("subscription_ended" if ended else "subscription_none", options=again if ended else ())
    )


def _begin(turn: Turn, topic: str) -> Reply:
    """Stores the consent's wording and date, and says what comes and how to stop it."""
    text = turn.content.text
    if topic == "insentif" and turn.understanding.subject != "self":
        return turn.say("subscription_incentive_self")
    own = f"subscription_wording_{topic}"
    wording = text(own if own in turn.content.texts else "subscription_wording", topic=_named(turn, [topic]))
    begun = subscriptions.subscribe(turn.connection, turn.chat_id, topic, wording=wording, now=turn.now)
    parts = [
        text("subscription_begun", wording=wording)
        if begun
        else text("subscription_running", topic=_named(turn, [topic]))
    ]
    offered = [Option(label=text("subscription_option_other"), action=f"form:{FORM.name}")]
    if topic == "insentif" and linked(turn) is None:
        parts.append(text("subscription_needs_link"))
        offered.insert(0, Option(label=turn.content.title("link_account"), action="intent:link_account"))
    elif topic in ("gelombang", subscriptions.EVERYTHING) and turn.content.state != "open":
        parts.append(text("subscription_closed", as_of=shown_date(turn.content.state_as_of.isoformat())))
    return Reply(
        text=" ".join(parts),
        options=(*offered, Option(label=turn.content.title("unsubscribe"), action="intent:unsubscribe")),
    )


def _named(turn: Turn, topics: list[str]) -> str:
    return ", ".join(turn.content.text(f"subscription_topic_{topic}") for topic in topics)


# -- choosing a topic ---------------------------------------------------------------------------------------------


def _ask_topic(turn: Turn, data: Data) -> Reply:
    shown = ((f"subscription_option_{topic}", f"answer:{topic}") for topic in TOPICS)
    return turn.say("subscription_which", options=typed.labelled(turn, *shown))


def _read_topic(turn: Turn, data: Data) -> Reading:
    if turn.understanding.intent in ("unsubscribe", "deny") or _REFUSES.search(turn.text):
        return None  # "stop semua" names a topic and means the opposite
    found = typed.find(turn, turn.content.files["words"]["topics"])
    return (
        Valid(found.value, sure=(found.sure and free_text.brief(turn)) or len(turn.text.split()) <= 2)
        if found
        else Misfit("subscription_which_unclear", vague=True)
    )


def _finish(turn: Turn, data: Data) -> Answer:
    return close(turn, _begin(turn, str(data["topic"])))


FORM = Form(
    name="subscribe", steps=(Step(name="topic", expects="choice", ask=_ask_topic, read=_read_topic),), finish=_finish
)
