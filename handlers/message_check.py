""" "Cek pesan ini": the verdict on a message that somebody forwarded, pasted or asks about (design, rule 10).

A verdict names what is known of the addresses and numbers in it, with reason and date: official, recorded as false,
or no official address. It never says that a message is safe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from handlers import answers, free_text, typed
from handlers.catalogue import shown_date
from handlers.forms import Data, Form, Misfit, Reading, Step, Valid, close, open_form
from handlers.messages import Kind, Reply
from handlers.talk import note
from handlers.turn import Answer, Turn, answer, options
from nlu.entities.urls import judge
from nlu.understanding import Entity, Outcome

OTHERS_SHOWN = 3
CHAIN_WORDS = 8  # fewer are somebody's own words
PASTED_WORDS = 12  # so many after "cek pesan ini" are the message itself

WORST_FIRST = ("recorded_false", "look_alike", "unknown", "government", "operator", "official")
_OF_SITES = ("scam_check", "register_site")  # questions about addresses themselves
_PICTURES = (Kind.IMAGE, Kind.VOICE, Kind.DOCUMENT)


_DISGUISED = re.compile(
    r"(?:[\w-]+\.)+[a-z]{2,8}\b", re.IGNORECASE
)  # with a letter of another alphabet: no host that is read otherwise


@dataclass(frozen=True, slots=True)
class Address:
    """A host that a message names, with what is known of it."""

    host: str
    verdict: str
    since: str = ""
    source: str = ""
    clickable: bool = True  # written as a link, not just named
    mail: bool = False

    @property
    def badness(self) -> int:
        """Place among the verdicts, the worst first."""
        return WORST_FIRST.index(self.verdict)


def forwarded(turn: Turn) -> Answer | None:
    """A forwarded or chain message is material to check: it starts no journey, fills no field and is no opt-out."""
    chain = turn.inbound.kind is Kind.TEXT and _is_chain(turn)
    if not turn.inbound.forwarded and not chain:
        return None
    if turn.inbound.kind in _PICTURES and not turn.text.strip():
        return answer(turn, note(turn, "check_picture"))
    return answer(turn, verdict(turn))


def scam_check(turn: Turn) -> Answer:
    """Asked whether something is genuine: the verdict on what the message names, the message itself if it is missing, else the general answer."""
    if found := material(turn):
        return found
    return asked_to_check(turn) or answers.faq(turn, "scam_check")


def asked_to_check(turn: Turn) -> Answer | None:
    """Asks for the message that "cek pesan ini" is about; in mid-form without leaving the form."""
    if not asks_for_check(turn):
        return None
    return answer(turn, turn.say("check_ask")) if turn.state.form else open_form(turn, FORM)


def asks_for_check(turn: Turn) -> bool:
    """Whether a message says "cek pesan ini" and little else."""
    return typed.find(turn, {"": turn.content.files["safety"]["check"]}) is not None and free_text.brief(turn, 6)


def material(turn: Turn) -> Answer | None:
    """The verdict on a typed message that names an address to be checked; None where none is named or another question is clear."""
    found = addresses(turn)
    if not found:
        return turned(turn) if _pasted(turn) else None
    worst = found[0]
    asked = turn.understanding.intent
    unclear = turn.understanding.outcome is not Outcome.ANSWER or asked in _OF_SITES
    if worst.verdict in ("unknown", "government", "operator") and not (unclear or worst.clickable):
        return None
    if worst.verdict == "official" and not unclear:
        return None
    return turned(turn)


def turned(turn: Turn) -> Answer:
    """The verdict with the ways on."""
    said = verdict(turn)
    ways = options(
        (turn.content.text("option_more"), "more:scam_check"),
        (turn.content.text("option_report"), "intent:report_problem"),
    )
    state = replace(turn.state, last_intent="scam_check")
    return answer(turn, replace(said, options=(*said.options, *ways)), state=state)


def verdict(turn: Turn) -> Reply:
    """What is known of the addresses and numbers of the message; never "safe"."""
    found = addresses(turn)
    lines = [_told(turn, found[0]) if found else turn.content.text("forwarded_no_link")]
    if others := found[1:]:
        told = ", ".join(_state(turn, address) for address in others[:OTHERS_SHOWN])
        lines.append(turn.content.text("check_others", others=told))
    if (phone := _phone(turn)) is not None:
        lines.append(turn.content.text("check_phone", phone=phone))
    if (found and _demands(turn, "money")) or "account" in turn.inbound.masked:
        lines.append(turn.content.text("check_money"))
    if _demands(turn, "secret"):
        lines.append(turn.content.text("check_secret"))
    reply = note(turn, "forwarded_no_link")
    return replace(reply, text="\n".join(lines))


# -- what is in the message ---------------------------------------------------------------------------------------


def addresses(turn: Turn) -> list[Address]:
    """The hosts of the message and of its e-mail addresses, each once, the worst first."""
    found: dict[str, Address] = {}
    for address in _addresses(turn):
        found.setdefault(address.host, address)
    return sorted(found.values(), key=lambda address: address.badness)


def _addresses(turn: Turn) -> Iterator[Address]:
    for entity in turn.understanding.entities:
        if entity.kind == "url":
            yield _address(turn, entity, str(entity.detail.get("host", entity.value)), dict(entity.detail))
        elif entity.kind == "email":
            domain = str(entity.value).rpartition("@")[2]
            found = _address(turn, entity, domain, judge(domain))
            yield replace(found, host=f"@{domain}", clickable=False, mail=True)
    for match in _DISGUISED.finditer(turn.text):
        if not match[0].isascii():
            yield Address(host=match[0].lower(), verdict="look_alike")


def _address(turn: Turn, entity: Entity, host: str, detail: dict[str, str | int | bool]) -> Address:
    known = str(detail.get("verdict", "unknown"))
    if known != "recorded_false" and host in turn.policy.link_hosts:
        known = "operator"
    return Address(
        host=host,
        verdict=known if known in WORST_FIRST else "unknown",
        since=str(detail.get("since", "")),
        source=str(detail.get("source", "")).partition(" (")[0],
        clickable=re.search(r"://|^www\.|/", entity.text, re.IGNORECASE) is not None,
    )


def _told(turn: Turn, address: Address) -> str:
    values = {"host": address.host, "as_of": shown_date(str(turn.content.files["safety"]["addresses_as_of"]))}
    if address.verdict == "recorded_false":
        values |= {"source": address.source, "date": shown_date(address.since)}
    elif address.mail and address.verdict != "official":
        return turn.content.text("check_mail", **values)
    return turn.content.text(f"check_{address.verdict}", operator=turn.policy.operator, **values)


def _state(turn: Turn, address: Address) -> str:
    state = turn.content.text(f"check_short_{address.verdict}", date=shown_date(address.since) if address.since else "")
    return f"{address.host} ({state})"


def _phone(turn: Turn) -> str | None:
    """The first number of the message that is none of the official ones, as typed."""
    official = set(turn.content.files["safety"]["official_phones"])
    phones = (entity for entity in turn.understanding.entities if entity.kind == "phone")
    return next((entity.text for entity in phones if str(entity.value) not in official), None)


def _demands(turn: Turn, what: str) -> bool:
    return typed.find(turn, {"": turn.content.files["safety"]["demands"][what]}) is not None


def _is_chain(turn: Turn) -> bool:
    """Whether a typed text is a chain message by its own words ("sebarkan ke 10 grup")."""
    words = turn.content.files["safety"]["chain"]
    return typed.find(turn, {"": words}) is not None and not free_text.brief(turn, CHAIN_WORDS - 1)


def _pasted(turn: Turn) -> bool:
    """Whether "cek pesan ini" is followed by the message in the same text."""
    found = typed.find(turn, {"": turn.content.files["safety"]["check"]})
    return found is not None and found.leads and not free_text.brief(turn, PASTED_WORDS - 1)


# -- asking for the message ---------------------------------------------------------------------------------------


def _read_message(turn: Turn, data: Data) -> Reading:
    """Anything with an address or a number, or a long text without a sign of a question; the rest gives way to a clear question."""
    if not turn.text.strip():
        return None
    if asks_for_check(turn):
        return Misfit("check_waiting")
    named = bool(addresses(turn)) or turn.understanding.first("phone") is not None
    told = not free_text.brief(turn, PASTED_WORDS - 1) and free_text.statement(turn)
    return Valid("pasted", sure=named or told)


def _finish(turn: Turn, data: Data) -> Answer:
    found = turned(turn)
    return close(turn, *found.replies, state=found.state)


FORM = Form(
    name="message_check",
    steps=(Step(name="message", expects="text", ask=lambda turn, data: turn.say("check_ask"), read=_read_message),),
    finish=_finish,
)
