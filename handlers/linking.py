"""Connecting a chat to a participant's record, in the levels of the design ("People and proof").

Level 1 is the number that the platform vouches for; a typed one proves nothing. With the birth date, the last four
digits of the NIK lead to 2a (no amounts), those of the 16-digit card or the full NIK in the secure form to 2. A web
chat is opened by a code from a linked chat.
Whether a record exists is never told: an unknown number, a wrong date and wrong digits end in the same sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from handlers import free_text, linking_proof, secure, telling, typed
from handlers.forms import Data, Form, Misfit, Reading, Step, Valid, ask_again, open_form, take
from handlers.linking_manage import MANAGE, asked_who_looked, put_out_others, unlink, web_code, who_looked
from handlers.messages import Reply
from handlers.record import linked, record
from handlers.turn import Answer, Turn, answer, options
from storage import chats, people

__all__ = ["FORM", "MANAGE", "asked_who_looked", "contact", "form_sent", "record", "start", "unlink", "who_looked"]

_FOUR = re.compile(r"(?<!\d)\d{4}(?!\d)")


def start(turn: Turn) -> Answer:
    """Begins to connect; a chat that is connected is told so; "putuskan …" ends the connection."""
    words = turn.content.files["linking"]
    if typed.find(turn, {"looked": words["looked"]}):
        return who_looked(turn)
    if typed.find(turn, {"others": words["manage"]["others"]}) and linked(turn):
        return put_out_others(turn)
    if typed.find(turn, {"unlink": words["unlink"]}):
        return unlink(turn)
    if turn.understanding.subject != "self":
        return answer(turn, turn.say("link_not_self"))
    if typed.find(turn, {"code": words["web_code"]}) and linked(turn):
        return web_code(turn)
    if found := linked(turn):
        shown = (
            ("incentive_option_status", "intent:incentive_status"),
            ("link_option_manage", f"form:{MANAGE.name}"),
            ("link_option_somebody", f"form:{FORM.name}"),
        )
        key = "link_already_full" if found.shows_amounts else "link_already_part"
        return answer(turn, turn.say(key, options=typed.labelled(turn, *shown)))
    if not people.any_record(turn.connection):
        return answer(turn, turn.say("link_no_data"))
    if until := linking_proof.locked_until(turn):
        return answer(turn, linking_proof.locked(turn, until))
    return open_form(turn, FORM)


def contact(turn: Turn) -> Answer:
    """A shared number, asked for or not. Only the person's own counts, and only because the platform says so."""
    inbound = turn.inbound
    waiting = FORM.step(turn.state.step) if turn.state.form == FORM.name else None
    if not inbound.contact_own or not inbound.contact_phone or inbound.forwarded:
        refused = turn.say("link_contact_other")
        return ask_again(turn, FORM, waiting, before=refused) if waiting else answer(turn, refused)
    chats.note_identity(
        turn.connection, turn.chat_id, kind="phone", value=inbound.contact_phone, vouched=True, now=turn.now
    )
    thanks = turn.say("contact_thanks")
    if waiting and waiting.name == "contact":
        return take(turn, FORM, waiting, "shared", before=thanks)
    if waiting:
        return ask_again(turn, FORM, waiting, before=thanks)
    return answer(
        turn,
        Reply(text=thanks.text, options=options((turn.content.text("link_option_connect"), "intent:link_account"))),
    )


def form_sent(turn: Turn, values: Mapping[str, str] | None) -> Answer:
    """The secure form was sent: its values are compared, and never kept. None: it can be read no more."""
    if values is None or values["purpose"] != FORM.name:
        return answer(
            turn,
            turn.say("link_form_gone", options=typed.labelled(turn, ("link_option_connect", "intent:link_account"))),
        )
    return linking_proof.prove(turn, lambda: linking_proof.by_identity(turn, values), "2", "secure_form")


# -- steps --------------------------------------------------------------------------------------------------------


def _no_contact(turn: Turn, data: Data) -> bool:
    vouched = chats.vouched_phone(turn.connection, turn.chat_id) is not None
    return turn.inbound.channel not in linking_proof.SHARES_CONTACT or vouched


def _no_code(turn: Turn, data: Data) -> bool:
    return not linking_proof.opens_by_code(turn)


def _ask_contact(turn: Turn, data: Data) -> Reply:
    return Reply(text=turn.content.text("link_contact"), ask_contact=True)


def _read_contact(turn: Turn, data: Data) -> Reading:
    return Misfit("link_typed_number") if turn.understanding.first("phone") else None


def _ask_code(turn: Turn, data: Data) -> Reply:
    return turn.say("link_code")


def _read_code(turn: Turn, data: Data) -> Reading:
    if match := linking_proof.CODE.search(turn.text):
        return Valid(linking_proof.canonical_code(match[1]))
    return Misfit("link_code_shape") if re.search(r"\d{4}", turn.text) else None


def _ask_birth_date(turn: Turn, data: Data) -> Reply:
    return turn.say("link_birth_date")


def _read_birth_date(turn: Turn, data: Data) -> Reading:
    reading = typed.age(turn, telling.today(turn), "link_odd_date")
    if isinstance(reading, Valid) and "-" not in str(reading.value):
        return Misfit("link_full_date") if reading.sure else None
    return reading


def _ask_proof(turn: Turn, data: Data) -> Reply:
    ways = [("link_option_card", "answer:card"), ("link_option_nik", "answer:nik")]
    if turn.policy.secure_form_url:
        ways.append(("link_option_form", "answer:form"))
    key = "link_proof_form" if turn.policy.secure_form_url else "link_proof"
    return turn.say(key, options=typed.labelled(turn, *ways))


def _read_proof(turn: Turn, data: Data) -> Reading:
    ways = dict(turn.content.files["linking"]["proofs"])
    if not turn.policy.secure_form_url:
        del ways["form"]
    found = typed.find(turn, ways)
    digits = _FOUR.search(turn.text)
    if found and digits and found.value != "form":
        return Valid(f"{found.value}:{digits[0]}", sure=free_text.statement(turn))
    if found:
        return Valid(found.value, sure=found.sure and free_text.brief(turn))
    return Misfit("link_which_number") if digits else None


def _ask_digits(turn: Turn, data: Data) -> Reply:
    return turn.say("link_digits_nik" if data.get("proof") == "nik" else "link_digits_card")


def _read_digits(turn: Turn, data: Data) -> Reading:
    if digits := _FOUR.search(turn.text.replace(" ", "")):
        return Valid(digits[0])
    if re.search(r"\d", turn.text):
        return Misfit("link_four_digits")
    unknown = typed.find(turn, {"unknown": turn.content.files["words"]["unknown"]})
    return Misfit("link_no_number") if (unknown and unknown.sure) or typed.skipped(turn) else None


def _ask_form(turn: Turn, data: Data) -> Reply:
    offered = secure.offer(turn, FORM.name, ("nik", "birth_date"))
    return Reply(text=turn.content.text("link_form"), form=offered)


def _read_form(turn: Turn, data: Data) -> Reading:
    found = typed.find(turn, {"sent": turn.content.files["linking"]["sent"]})
    return Misfit("link_form_waiting") if found and found.sure else None


def _route(turn: Turn, data: Data, done: str) -> str | None:
    match done:
        case "contact":
            return "birth_date"
        case "birth_date":
            return "proof"
        case "proof" if data["proof"] in ("card", "nik"):
            return "digits"
        case "proof" if data["proof"] == "form":
            return "form"
    return None


def _finish(turn: Turn, data: Data) -> Answer:
    """Compares, and links or counts a wrong answer."""
    if "code" in data:
        return linking_proof.prove(turn, lambda: linking_proof.by_code(turn, str(data["code"])), "2", "code")
    kind, _, written = str(data["proof"]).partition(":")
    digits = written or str(data.get("digits", ""))
    level, method = ("2a", "birth_nik") if kind == "nik" else ("2", "birth_card")
    column = "nik_last4" if kind == "nik" else "card_last4"
    return linking_proof.prove(
        turn, lambda: linking_proof.by_digits(turn, str(data["birth_date"]), column, digits), level, method
    )


FORM = Form(
    name="linking",
    steps=(
        Step(name="contact", expects="contact", ask=_ask_contact, read=_read_contact, skip=_no_contact),
        Step(name="code", expects="text", ask=_ask_code, read=_read_code, skip=_no_code),
        Step(
            name="birth_date",
            expects="date",
            ask=_ask_birth_date,
            read=_read_birth_date,
            called=("tanggal", "lahir", "tgl"),
        ),
        Step(name="proof", expects="choice", ask=_ask_proof, read=_read_proof, called=("cara", "bukti")),
        Step(name="digits", expects="number", ask=_ask_digits, read=_read_digits, called=("angka", "nomor")),
        Step(name="form", expects="form", ask=_ask_form, read=_read_form),
    ),
    finish=_finish,
    route=_route,
)
