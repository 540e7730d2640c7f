"""Conversational moves: greeting, thanks, menu, who is speaking. Each is one honest sentence and a way on."""

from __future__ import annotations

import re
from dataclasses import replace

from handlers import free_text, typed
from handlers.messages import Option, Reply
from handlers.turn import Answer, Turn, answer, options
from nlu.understanding import Outcome

_SALAM = re.compile(r"\b(ass?alam\w*|ass?lm\w*|ass?kum|samlekum|mikum|ass)\b", re.IGNORECASE)
PUZZLED_WORDS = 7  # a longer message says what it is about


def intro(turn: Turn) -> str:
    """Who is speaking (design, rule 9): said once, before the first reply of a chat."""
    key = "intro_official" if turn.policy.official else "intro_unofficial"
    said = turn.words(key, operator=turn.policy.operator)
    return f"{said} {turn.content.text('kiosk_intro')}" if turn.kiosk else said


def greet(turn: Turn) -> Answer:
    """A greeting is returned in kind, a salam with a salam."""
    return answer(turn, turn.say("greet_salam" if _SALAM.search(turn.text) else "greet", options=menu_options(turn, 3)))


def goodbye(turn: Turn) -> Answer:
    """Closes kindly."""
    return answer(turn, turn.say("goodbye"))


def thanks(turn: Turn) -> Answer:
    """Thanks or praise."""
    return answer(turn, turn.say("thanks"))


def affirm(turn: Turn) -> Answer:
    """A bare "ya" outside a form, with nothing to say yes to."""
    return answer(turn, turn.say("affirm_idle", options=menu_options(turn, 3)))


def deny(turn: Turn) -> Answer:
    """A bare "bukan" outside a form."""
    return answer(turn, turn.say("deny_idle", options=options((turn.content.text("option_menu"), "do:menu"))))


def menu(turn: Turn) -> Answer:
    """What Pandu can do, as options; leaves an open form (its draft stays)."""
    state = replace(turn.state, form=None, step=None, data={})
    return answer(turn, turn.say("menu", options=menu_options(turn, len(turn.content.menu))), state=state)


def help_menu(turn: Turn) -> Answer:
    """The menu as an aside: an open form goes on afterwards."""
    return answer(turn, turn.say("menu", options=menu_options(turn, len(turn.content.menu))))


def bot_challenge(turn: Turn) -> Answer:
    """Says plainly that this is a program, and whose."""
    reply = turn.say(
        "bot_official" if turn.policy.official else "bot_unofficial",
        operator=turn.policy.operator,
        options=options((turn.content.text("option_human"), "intent:human_agent")),
    )
    return answer(turn, reply)


def complaint(turn: Turn) -> Answer:
    """Anger without a question: one human sentence and two ways on."""
    ways = options(
        (turn.content.text("option_report"), "intent:report_problem"),
        (turn.content.text("option_human"), "intent:human_agent"),
    )
    return answer(turn, turn.say("complaint", options=ways))


def cancel(turn: Turn) -> Answer:
    """ "Batal" with nothing open."""
    return answer(turn, turn.say("nothing_to_cancel", options=menu_options(turn, 3)))


def menu_options(turn: Turn, count: int) -> tuple[Option, ...]:
    """The first entries of the menu."""
    return tuple(
        Option(label=turn.content.title(intent), action=f"intent:{intent}") for intent in turn.content.menu[:count]
    )


_ON = re.compile(
    r"^\W*(?:(?:terus|trus|trs|lalu|lanjut\w*|selanjutnya|selengkapnya|lengkapnya|lebih (?:lengkap|detail|jelas)\w*|detail\w*|jelas(?:kan|in)|maksud\w*)"
    r"(?:\s+(?:dong|kak|min|ya|sih|lagi|lg|gimana|gmn|bagaimana|apa|itu|tadi|aja))*)\W*$",
    re.IGNORECASE,
)


def is_puzzled(turn: Turn) -> bool:
    """Whether a message only says that the last answer or question was not understood ("saya belum paham juga")."""
    found = typed.find(turn, {"": turn.content.files["words"]["puzzled"]})
    return found is not None and free_text.brief(turn, PUZZLED_WORDS)


def wordless(turn: Turn) -> Answer | None:
    """A few warm words for a message of nothing but emoji or signs; None where the understanding knows them ("🙏")."""
    if turn.understanding.outcome is not Outcome.REFUSE or any(letter.isalnum() for letter in turn.text):
        return None
    sad = any(sign in turn.text for sign in turn.content.files["words"]["sad"])
    found = answer(turn, turn.say("emoji_sad" if sad else "emoji", options=menu_options(turn, 3)))
    return replace(found, handler="wordless")


def asks_on(turn: Turn) -> bool:
    """Whether a message only asks for more of the last answer ("terus?", "maksudnya gimana?")."""
    return turn.state.last_intent in turn.content.answers and _ON.match(turn.text) is not None


def silent(turn: Turn) -> Answer:
    """Nothing to say."""
    return Answer(replies=(), state=turn.state)


def note(turn: Turn, key: str, **values: object) -> Reply:
    """A sentence with the way to a person beside it."""
    return turn.say(key, options=options((turn.content.text("option_human"), "intent:human_agent")), **values)
