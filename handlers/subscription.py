"""Announcements: beginning by topic with the wording that was agreed to, and ending at once, confirmed once.

Forwarded text is material to check (design, rule 10): it neither begins nor ends anything.
"""

from __future__ import annotations

import re

from handlers import bare, free_text, typed
from handlers.catalogue import Catalogue, shown_date
from handlers.forms import Data, Form, Misfit, Reading, Step, Valid, close, open_form
from handlers.messages import Option, Reply
from handlers.record import linked
from handlers.turn import Answer, Turn, answer, options
from storage import subscriptions

PARTS = ("gelombang", "insentif", "pelatihan")  # of everything
TOPICS = (*PARTS, subscriptions.EVERYTHING)
DEFAULT = TOPICS[0]
PARTICIPANTS = ("selected", "active", "finished")  # memberships that have an incentive to wait for

MOST_WORDS = 7  # of a wish to be told
MOST_ASIDE = 6  # words that only make a stop longer: "tolong stop kirim pesan dan info lagi"
_TEACHES = re.compile(r"\W*(?:tolong\s+)?kabar(?:i|in|kan)\b", re.IGNORECASE)
_ASKS_WHY = re.compile(r"\W*(?:kenapa|knp|mengapa|kok|kapan)\b[^.!;\n]*\?\W*", re.IGNORECASE)
_KEEPS = re.compile(
    r"\b(?:jangan|jgn|jgan|jng)\s+(?:sampai\s+|pernah\s+|dulu\s+)?(?:di)?(?:ber?henti|brenti|stop|setop|henti)\w*",
    re.IGNORECASE,
)
_DEMANDS = re.compile(r"\b(?:tolong|tlg|mohon|please|jangan|jgn)\b", re.IGNORECASE)
_REFUSES = re.compile(r"\b(stop|berhenti|jangan|jgn|gak? usah|ga usah|nggak|enggak|tidak|batal)\b", re.IGNORECASE)


def wished(turn: Turn) -> str | None:
    """The intent of a short message that was not understood for sure: "kabari insentif", in Pandu's own word, or "jangan wa saya lagi"."""
    if not free_text.brief(turn, MOST_WORDS) or "?" in turn.text:
        return None
    if _TEACHES.match(turn.text):
        return "subscribe"
    return "unsubscribe" if typed.find(turn, {"": turn.content.files["words"]["no_more"]}) else None


def is_bare(turn: Turn) -> bool:
    """Whether a message understood as beginning or ending announcements says neither ("kirim", "berita"): to be asked back, not recorded."""
    wish = turn.understanding.intent in ("subscribe", "unsubscribe")
    return wish and typed.is_all(turn, turn.content.files["words"]["announcements"])


def is_doubtful(turn: Turn) -> bool:
    """Whether a message that was understood as a stop is about stopping something else: "kenapa insentif saya stop?", "saya berhenti kerja"."""
    if turn.understanding.intent != "unsubscribe" or names_news(turn, "reached"):
        return False
    return not free_text.statement(turn) or (_names_stop(turn) and not says_stop(typed.spoken(turn.text), turn.content))


def may_mean_the_opposite(turn: Turn) -> bool:
    """Whether a message that was understood as a stop may want news: "kok saya ga dikabari lagi?", "jangan berhenti kirim info ya"."""
    if turn.understanding.intent != "unsubscribe":
        return False
    asks_why = _ASKS_WHY.fullmatch(turn.text) is not None and _DEMANDS.search(turn.text) is None
    return asks_why or _KEEPS.search(turn.text) is not None


def names_news(turn: Turn, *more: str) -> bool:
    """Whether a message names announcements, or with `more` lists of `content/words.yml` how one is written to."""
    words = turn.content.files["words"]
    named = [word for name in ("announcements", "unasked", *more) for word in words[name]]
    return typed.find(turn, {"": named}) is not None


def says_stop(text: str, content: Catalogue) -> bool:
    """Whether a text is STOP in any spelling, with nothing beside it but politeness, and no question."""
    words = content.files["words"]
    return "?" not in text and bare.says(text, words["stop"], words["stop_aside"], most_aside=MOST_ASIDE)


def _names_stop(turn: Turn) -> bool:
    return typed.find(turn, {"": turn.content.files["words"]["stop"]}) is not None


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
    """Ends everything, or only what is named where something is left then."""
    return answer(turn, turn.say("subscription_forwarded_stop") if turn.inbound.forwarded else end_named(turn))


def end_named(turn: Turn) -> Reply:
    """Ends the topics that the message names; everything where it names none, all, or nothing would be left."""
    running = subscriptions.topics(turn.connection, turn.chat_id)
    named = typed.find_all(turn, turn.content.files["words"]["topics"])
    kept = PARTS if subscriptions.EVERYTHING in running else running
    left = [topic for topic in kept if topic not in named]
    if not named or subscriptions.EVERYTHING in named or not left:
        return end(turn)
    subscriptions.stop_some(turn.connection, turn.chat_id, turn.now, named, left=left)
    return turn.say("subscription_ended_some", topic=_named(turn, named), left=_named(turn, left))


def end(turn: Turn) -> Reply:
    """Ends everything; what is said of it: the confirmation once, and after that only that it is so."""
    done = subscriptions.stopped(turn.connection, turn.chat_id)
    ended = subscriptions.stop(turn.connection, turn.chat_id, turn.now)
    if done:
        return turn.say("subscription_already")
    if turn.by_sms or not ended:
        return turn.say("subscription_ended" if turn.by_sms else "subscription_none")
    again = options((turn.content.text("subscription_option_again"), f"form:{FORM.name}"))
    return turn.say("subscription_ended", options=again)


def begin_again(turn: Turn) -> Answer:
    """What the last stop ended runs again, by the wording that is said now; where nothing ran, and no form is open, the topics are offered."""
    ended = subscriptions.ended_last(turn.connection, turn.chat_id)
    said = turn.content.text("subscription_again", topic=_named(turn, ended)) if ended else ""
    subscriptions.resume(turn.connection, turn.chat_id, turn.now, wording=said)
    if ended:
        shown = options((turn.content.title("unsubscribe"), "intent:unsubscribe"))
        return answer(turn, Reply(text=said, options=shown))
    lifted = turn.say("subscription_lifted")
    return answer(turn, lifted) if turn.state.form else open_form(turn, FORM, before=lifted)


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
