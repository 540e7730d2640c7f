"""What a connected chat can do with its connection: see amounts, open a web chat, see who looked, end it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import RowMapping

from handlers import free_text, linking_proof, telling, typed
from handlers.forms import Data, Form, Reading, Step, Valid, close, open_form
from handlers.linking_notices import notify
from handlers.messages import Reply
from handlers.record import linked
from handlers.turn import Answer, Turn, answer
from storage import identity, people

CODE_LASTS = timedelta(minutes=15)
LOOKS_SHOWN = 6


def unlink(turn: Turn) -> Answer:
    """Asks once, then ends the connection."""
    if linked(turn) is None:
        return answer(turn, turn.say("link_none"))
    return open_form(turn, MANAGE, {"what": "unlink"})


def put_out_others(turn: Turn) -> Answer:
    """Asks once, then ends the links of the record's other chats; a link that rests on what is easily guessed cannot do that."""
    found = linked(turn)
    if found and not found.shows_amounts:
        ways = typed.labelled(turn, ("link_option_raise", "form:linking"), ("option_human", "intent:human_agent"))
        return answer(turn, turn.say("link_others_part", options=ways))
    if not _others(turn):
        return answer(turn, turn.say("link_others_none"))
    return open_form(turn, MANAGE, {"what": "others"})


def web_code(turn: Turn) -> Answer:
    """A one-time code that opens a web chat with this chat's level."""
    code = turn.new_id(8)
    people.make_code(turn.connection, code=code, chat_id=turn.chat_id, now=turn.now, expires_at=turn.now + CODE_LASTS)
    return answer(turn, turn.say("link_web_code", code=f"W-{code}"))


def who_looked(turn: Turn) -> Answer:
    """Who has seen the person's record or identity numbers through Pandu, newest first. The question itself shows nothing of them."""
    own = turn.understanding.subject == "self"
    found = linked(turn) if own else None
    opened = identity.looks(turn.connection, turn.chat_id, LOOKS_SHOWN) if own else []
    if found is None and not opened:
        return answer(
            turn, turn.say("link_none", options=typed.labelled(turn, ("link_option_connect", "intent:link_account")))
        )
    seen_by = people.accesses(turn.connection, found.row["id"], LOOKS_SHOWN) if found else []
    rows = sorted([*seen_by, *opened], key=lambda row: row["at"], reverse=True)
    if not rows:
        return answer(turn, turn.say("link_looked_none"))
    lines = [turn.content.text("link_looked")]
    for row in rows[:LOOKS_SHOWN]:
        seen = telling.moment(turn, row["at"])
        why = turn.content.text("link_looked_reason", reason=row["reason"]) if row["reason"] else ""
        what = " ".join(part for part in (row["what"], why) if part)
        shown = {"moment": seen, "who": _who(turn, row["actor"]), "what": what, "times": row["times"]}
        lines.append(turn.content.text("link_looked_line", **shown))
    return answer(turn, Reply(text="\n".join(lines)))


def asked_who_looked(turn: Turn) -> Answer | None:
    """The answer to "siapa saja yang melihat data saya" where there is something to look at, whatever the message was taken for; else None."""
    words = turn.content.files["linking"]["looked"]
    if typed.find(turn, {"looked": words}) is None:
        return None
    return who_looked(turn) if linked(turn) or identity.looks(turn.connection, turn.chat_id, 1) else None


def asked_to_manage(turn: Turn) -> Answer | None:
    """The answer to "atur sambungan", "kode untuk web" and "putuskan sambungan" in a connected chat, and to its code in a web chat; else None."""
    if (opened := _opened(turn)) is not None:
        return opened
    words = turn.content.files["linking"]
    ways = {"manage": words["manage_words"], "code": words["web_code"], "unlink": words["unlink_here"]}
    found = typed.find(turn, ways)
    if found is None or turn.state.form or not free_text.brief(turn) or linked(turn) is None:
        return None
    if typed.find(turn, {"others": words["manage"]["others"]}):
        return put_out_others(turn)
    if found.value == "unlink":
        return unlink(turn)
    return web_code(turn) if found.value == "code" else open_form(turn, MANAGE)


def _opened(turn: Turn) -> Answer | None:
    """What becomes of a code that is all of a message: the linked chat says "Tulis di chat web", and nothing of asking first."""
    text = turn.text.strip()
    match = linking_proof.CODE.fullmatch(text)
    word = match is not None and "-" not in text and not any(char.isdigit() for char in text)  # "wirausaha"
    if match is None or word or turn.state.form or not linking_proof.opens_by_code(turn):
        return None
    code = linking_proof.canonical_code(match[1])
    return linking_proof.prove(turn, lambda: linking_proof.by_code(turn, code), "2", "code")


def _who(turn: Turn, actor: str) -> str:
    kind, _, key = actor.partition(":")
    if kind == "chat":
        return turn.content.text("link_who_here" if key == str(turn.chat_id) else "link_who_chat")
    return turn.content.text("link_who_agent" if kind == "agent" else "link_who_operator")


def _others(turn: Turn) -> list[RowMapping]:
    """The other chats that are linked to the same record."""
    found = linked(turn)
    rows = people.linked_chats(turn.connection, found.row["id"]) if found else []
    return [row for row in rows if row["id"] != turn.chat_id]


def _ask_what(turn: Turn, data: Data) -> Reply:
    found, others = linked(turn), _others(turn)
    ways = [("link_option_raise", "form:linking")] if found and not found.shows_amounts else []
    ways += [
        ("link_option_code", "answer:code"),
        ("link_option_looked", "answer:looked"),
        ("link_option_unlink", "answer:unlink"),
    ]
    if not others:
        return turn.say("link_manage", options=typed.labelled(turn, *ways))
    if found and found.shows_amounts:  # what is easily guessed puts nobody out
        ways.append(("link_option_others", "answer:others"))
    channels = ", ".join(turn.content.channel(row["channel"]) for row in others)
    return turn.say("link_manage_others", channels=channels, options=typed.labelled(turn, *ways))


def _read_what(turn: Turn, data: Data) -> Reading:
    ways = dict(turn.content.files["linking"]["manage"])
    if not any(option.action == "answer:others" for option in turn.state.options):
        del ways["others"]
    found = typed.find(turn, ways)
    return Valid(found.value, sure=found.sure and free_text.brief(turn)) if found else None


def _ask_sure(turn: Turn, data: Data) -> Reply:
    shown = typed.labelled(turn, ("option_yes", "answer:ya"), ("option_no", "answer:tidak"))
    if data.get("what") == "others":
        return turn.say("link_others_sure", count=len(_others(turn)), options=shown)
    return turn.say("link_unlink_sure", options=shown)


def _read_sure(turn: Turn, data: Data) -> Reading:
    return free_text.yes_no(turn, {typed.YES: turn.content.files["linking"]["unlink"]})


def _route(turn: Turn, data: Data, done: str) -> str | None:
    return "sure" if done == "what" and data["what"] in ("unlink", "others") else None


def _finish(turn: Turn, data: Data) -> Answer:
    if linked(turn) is None:
        return close(turn, turn.say("link_none"))
    match data["what"]:
        case "raise":
            return close(
                turn, turn.say("link_raise", options=typed.labelled(turn, ("link_option_raise", "form:linking")))
            )
        case "code":
            made = web_code(turn)
            return close(turn, *made.replies)
        case "looked":
            return close(turn, *who_looked(turn).replies)
    if data.get("sure") != typed.YES:
        return close(turn, turn.say("link_kept"))
    if data["what"] == "others":
        return close(turn, _put_out(turn))
    people.end_link(turn.connection, turn.chat_id, why="asked", now=turn.now)
    return close(turn, turn.say("link_unlinked"))


def _put_out(turn: Turn) -> Reply:
    """Ends the links of the record's other chats, and tells them."""
    found, others = linked(turn), _others(turn)
    if found is None or not found.shows_amounts:
        return turn.say("link_kept")
    for row in others:
        people.end_link(turn.connection, row["id"], why="owner", now=turn.now)
    notify(turn.connection, others, turn.say("link_ended_elsewhere"), turn.now)
    return turn.say("link_others_ended", count=len(others))


MANAGE = Form(
    name="link_manage",
    steps=(
        Step(name="what", expects="choice", ask=_ask_what, read=_read_what),
        Step(name="sure", expects="yes_no", ask=_ask_sure, read=_read_sure),
    ),
    finish=_finish,
    route=_route,
)
