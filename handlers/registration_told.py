"""What is told of a preparation without opening it: the state here, and the way for somebody else."""

from __future__ import annotations

from handlers import free_text, registration_carry, registration_view, typed
from handlers.messages import Reply
from handlers.registration_carry import FORM
from handlers.turn import Answer, Turn, answer, options
from storage import drafts, registrations

REGISTERED_WORDS = 9


def for_other(turn: Turn) -> Answer:
    """Whoever it is for answers and agrees in person: in a chat of theirs, on the web page, or here on a shared screen."""
    ways = options(
        (turn.content.title("eligibility"), "intent:eligibility"),
        (turn.content.title("register_how"), "intent:register_how"),
        (turn.words("registration_option_myself"), f"form:{FORM}"),
    )
    text = turn.words("registration_for_other")
    if turn.policy.web_chat_url and turn.inbound.channel != "web":
        text = f"{text} {turn.content.text('registration_for_other_web', url=turn.policy.web_chat_url)}"
    return answer(turn, Reply(text=text, options=ways))


def status(turn: Turn) -> Answer:
    """What this bot has noted; never the state at the programme."""
    shown = options((turn.content.title("register_start"), "intent:register_start"))
    own = turn.understanding.subject == "self"
    if own and (row := registrations.of_chat(turn.connection, turn.chat_id, turn.now)):
        lines, day = registration_view.lines(turn, row["data"]), registration_view.day(turn, row["created_at"])
        return answer(turn, turn.say("registration_status", number=row["number"], day=day, lines=lines, options=shown))
    draft = drafts.get(turn.connection, turn.chat_id, FORM, turn.now) if own else None
    if draft is not None and registration_carry.begun(draft["data"]):
        return answer(
            turn,
            turn.say(
                "registration_status_draft", until=registration_view.day(turn, draft["expires_at"]), options=shown
            ),
        )
    return answer(turn, turn.say("registration_status_none", options=shown))


def asks_if_registered(turn: Turn) -> bool:
    """Whether somebody who has prepared here takes that for a registration ("trus aku udh kedaftar dong ya?")."""
    words = turn.content.files["registration"]["registered"]
    said = typed.find(turn, {"": words["said"]}) and not typed.find(turn, {"": words["not_of"]})
    if not said or not free_text.brief(turn, REGISTERED_WORDS) or turn.understanding.subject != "self":
        return False
    begun = drafts.get(turn.connection, turn.chat_id, FORM, turn.now)
    return begun is not None or registrations.of_chat(turn.connection, turn.chat_id, turn.now) is not None
