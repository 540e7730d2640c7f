"""What Pandu keeps about a chat, and its owner's rights: to see, to correct, to erase, to withdraw consent, to have the use restricted.

UU 27/2022 (facts section 11): within 3 × 24 hours. What the bot can do happens at once; the correction of an imported
record and a restriction wait for the data officer. Each is a request with a receipt and a proof (`handlers.data_requests`).
"""

from __future__ import annotations

from datetime import datetime

from handlers import data_requests, handoff, identity, registration, registration_view, telling, typed
from handlers.forms import Data, Form, Reading, Step, Valid, close, open_form
from handlers.messages import Reply, State
from handlers.turn import Answer, Turn, answer, options
from handlers.typed import NO, YES, labelled
from storage import (
    chats,
    consents,
    drafts,
    feedback,
    misunderstood,
    privacy,
    registrations,
    restrictions,
    subscriptions,
)
from storage import identity as numbers
from storage.data_requests import ACCESS, CORRECTION, ERASURE, RESTRICTION, WITHDRAWAL

SEE, CORRECT, ERASE, WITHDRAW, RESTRICT, LIFT = "lihat", "koreksi", "hapus", "tarik", "batasi", "bebas"

_SHOWN_DIGITS = 3  # of a telephone number


def my_data(turn: Turn) -> Answer:
    """What is kept, in short; a message that says what it wants ("hapus data saya") goes straight there."""
    if turn.understanding.subject != "self":
        return answer(turn, turn.say("privacy_not_self"))
    found = typed.find(turn, turn.content.files["words"]["wishes"])
    wish = found.value if found else SEE
    return open_form(turn, FORM, {} if wish == SEE else {"what": wish})


def privacy_policy(turn: Turn) -> Answer:
    """/privacy: who keeps what, how long, and the rights."""
    shown = options((turn.content.title("my_data"), "intent:my_data"), (turn.content.text("option_menu"), "do:menu"))
    told = turn.content.text("privacy_policy", operator=turn.policy.operator)
    if turn.policy.asks_identity:
        named = {"transfer": turn.policy.identity_transfer, "basis": turn.policy.identity_basis}
        told = f"{told}\n{turn.content.text('privacy_policy_identity', **named)}"
    return answer(turn, Reply(text=told, options=shown))


# -- showing ------------------------------------------------------------------------------------------------------


def _overview(turn: Turn) -> str:
    """One line for each kind of data."""
    kept = privacy.collect(turn.connection, turn.chat_id, turn.now)
    text, channel = turn.content.text, turn.content.channel(turn.inbound.channel)
    lines = [
        text(
            "privacy_line_chat", channel=channel, day=_day(turn, kept["chat"]["created_at"]), messages=kept["messages"]
        )
    ]
    for number in kept["identities"]:
        if number["kind"] == "phone":
            key = "privacy_line_number" if number["vouched"] else "privacy_line_number_typed"
            lines.append(text(key, number=_masked(number["value"]), channel=channel))
    level = kept["links"][0]["level"] if kept["links"] else None
    lines.append(text("privacy_line_link", level=level) if level else text("privacy_line_no_link"))
    if kept["consents"]:
        lines.append(
            text(
                "privacy_line_consents", purposes=", ".join(_purpose(turn, row["purpose"]) for row in kept["consents"])
            )
        )
    lines += [text("privacy_line_registration", number=row["number"]) for row in kept["registrations"]]
    if kept["identity"]:
        lines.append(text("privacy_line_identity"))
    if count := sum(1 for row in kept["drafts"] if row["form"] != FORM.name):
        lines.append(text("privacy_line_draft", count=count))
    if kept["subscriptions"]:
        lines.append(text("privacy_line_subscriptions", topics=", ".join(kept["subscriptions"])))
    if kept["tags"]:
        lines.append(text("privacy_line_tags", tags=", ".join(kept["tags"])))
    if kept["cases"]:
        lines.append(text("privacy_line_cases", numbers=_few([row["number"] for row in kept["cases"]])))
    if kept["course_choices"]:
        lines.append(text("privacy_line_courses", count=kept["course_choices"]))
    if not kept["chat"]["similar"]:
        lines.append(text("privacy_line_similar_off"))
    if restrictions.restricted(turn.connection, turn.chat_id):
        lines.append(text("privacy_line_restricted"))
    lines += data_requests.lines(turn)
    return "\n".join(lines)


def _masked(number: str) -> str:
    return f"{number[:6]}{'•' * max(0, len(number) - 6 - _SHOWN_DIGITS)}{number[-_SHOWN_DIGITS:]}"


def _few(numbers: list[str]) -> str:
    return ", ".join(numbers[-3:]) + (f" (+{len(numbers) - 3})" if len(numbers) > 3 else "")


def _purpose(turn: Turn, purpose: str) -> str:
    key = f"privacy_purpose_{purpose}"
    return turn.content.text(key if key in turn.content.texts else "privacy_purpose_other")


def _day(turn: Turn, moment: datetime) -> str:
    return telling.day(turn.local(moment).date())


def _details(turn: Turn) -> list[Reply]:
    """The consents with their wording, and the preparation with its values."""
    replies = []
    for consent in consents.all_active(turn.connection, turn.chat_id, turn.now):
        until = _day(turn, consent["until"]) if consent["until"] else ""
        key = "privacy_consent_detail" if until else "privacy_consent_detail_open"
        replies.append(turn.say(key, day=_day(turn, consent["given_at"]), until=until, wording=consent["wording"]))
    if row := registrations.of_chat(turn.connection, turn.chat_id, turn.now):
        lines = registration_view.lines(turn, row["data"])
        replies.append(turn.say("privacy_detail_registration", number=row["number"], lines=lines))
    if told := identity.details(turn):
        replies.append(told)
    shown = privacy.collect(turn.connection, turn.chat_id, turn.now)
    number = data_requests.at_once(turn, ACCESS, data_requests.counted(shown))
    return [*(replies or [turn.say("privacy_detail_none")]), turn.say("privacy_access_done", number=number)]


# -- the form -----------------------------------------------------------------------------------------------------


def _ask_what(turn: Turn, data: Data) -> Reply:
    pairs = (
        ("privacy_option_see", f"answer:{SEE}"),
        ("privacy_option_correct", f"answer:{CORRECT}"),
        ("privacy_option_erase", f"answer:{ERASE}"),
        ("privacy_option_withdraw", f"answer:{WITHDRAW}"),
        ("privacy_option_lift", f"answer:{LIFT}")
        if restrictions.restricted(turn.connection, turn.chat_id)
        else ("privacy_option_restrict", f"answer:{RESTRICT}"),
        ("privacy_option_enough", f"answer:{NO}"),
    )
    return turn.say("privacy_overview", lines=_overview(turn), options=labelled(turn, *pairs))


def _read_what(turn: Turn, data: Data) -> Reading:
    words = turn.content.files["words"]
    found = typed.find(turn, {**words["wishes"], NO: [*words["enough"], *words["no"]]})
    if found is None and turn.understanding.intent == "deny":  # "bkn itu"
        return Valid(NO)
    return Valid(found.value, sure=found.sure) if found else None


def _ask_sure(turn: Turn, data: Data) -> Reply:
    erasing = data.get("what") == ERASE
    yes = "privacy_option_yes_erase" if erasing else "privacy_option_yes_withdraw"
    shown = labelled(turn, (yes, f"answer:{YES}"), ("privacy_option_no", f"answer:{NO}"))
    return turn.say("privacy_erase_sure" if erasing else "privacy_withdraw_sure", options=shown)


def _read_sure(turn: Turn, data: Data) -> Reading:
    """A yes, or the word itself ("hapus", "tarik")."""
    words = turn.content.files["words"]["wishes"]
    return typed.agreed(turn, {YES: ["yakin", "hapus saja", *words[ERASE], *words[WITHDRAW]]})


def _needless(turn: Turn, data: Data) -> bool:
    """Nothing to be sure of: only erasing and withdrawing are asked about twice."""
    if data.get("what") == WITHDRAW:
        agreed = consents.all_active(turn.connection, turn.chat_id, turn.now)
        return not agreed and not subscriptions.topics(turn.connection, turn.chat_id)
    return data.get("what") != ERASE


def _finish(turn: Turn, data: Data) -> Answer:
    match data.get("what"), data.get("sure"):
        case "koreksi", _:
            return _correct(turn)
        case "lihat", _:
            return close(turn, *_details(turn))
        case "hapus", "ya":
            return _erase(turn)
        case "tarik", "ya":
            return _withdraw(turn)
        case "batasi", _:
            return _restrict(turn)
        case "bebas", _:
            return _lift(turn)
        case "tarik", None:
            return close(turn, turn.say("privacy_withdraw_none"))
    return close(turn, turn.say("privacy_unchanged"))


def _correct(turn: Turn) -> Answer:
    """Corrections are made where the data was given: in the preparation, by "ubah …"; of an imported record only by a person."""
    imported = chats.active_link(turn.connection, turn.chat_id)
    prepared = registrations.of_chat(turn.connection, turn.chat_id, turn.now)
    if prepared is None and imported is not None:
        request = data_requests.receive(turn, CORRECTION, participant_id=imported["participant_id"])
        waits = turn.say("privacy_correct_waits", receipt=data_requests.receipt(turn, request))
        told = handoff.required(turn, "data")
        return close(turn, *((told, waits) if told else (waits,)))
    if prepared is None:
        return close(turn, turn.say("privacy_correct_none"))
    return registration.correct(turn)


def _erase(turn: Turn) -> Answer:
    """Everything of the chat but its bare address; with a line in the ledger, so that a restored backup is erased again."""
    erased = privacy.erase(turn.connection, turn.chat_id, turn.now)
    number = data_requests.at_once(turn, ERASURE, erased)
    data_requests.note_erasure(
        turn.connection,
        turn.policy,
        kind="chat",
        named=data_requests.address_of(turn.chat),
        whole=False,
        receipt_number=number,
        key=turn.new_id(26),
        now=turn.now,
    )
    said = turn.say("privacy_erased", number=number, rows=sum(erased.values()))
    return answer(turn, said, state=State(greeted=True, version=turn.state.version))


def _withdraw(turn: Turn) -> Answer:
    """What rested on the consent goes with it."""
    gone = {
        "consents": consents.withdraw(turn.connection, turn.chat_id, turn.now),
        "misunderstood": misunderstood.forget(turn.connection, turn.chat_id),
        "answer_feedback": feedback.forget(turn.connection, turn.chat_id),
        "registrations": registrations.delete(turn.connection, turn.chat_id),
        "identity_numbers": numbers.delete(turn.connection, turn.chat_id),
    }
    drafts.delete(turn.connection, turn.chat_id, registration.FORM.name)
    gone["subscriptions"] = len(subscriptions.stop(turn.connection, turn.chat_id, turn.now))
    number = data_requests.at_once(turn, WITHDRAWAL, {name: count for name, count in gone.items() if count})
    return close(turn, turn.say("privacy_withdrawn", number=number))


def _restrict(turn: Turn) -> Answer:
    """Waits for the data officer: what is restricted also concerns the record and what agents do with it."""
    link = chats.active_link(turn.connection, turn.chat_id)
    record = link["participant_id"] if link else None
    request = data_requests.receive(turn, RESTRICTION, participant_id=record)
    return close(turn, turn.say("privacy_restrict_waits", receipt=data_requests.receipt(turn, request)))


def _lift(turn: Turn) -> Answer:
    """What was asked for in this chat ends at its word; what another chat of the record asked for stays: a number may be shared, or recycled."""
    restrictions.end_own(turn.connection, turn.chat_id, turn.now)
    still = restrictions.restricted(turn.connection, turn.chat_id)
    return close(turn, turn.say("privacy_lift_other" if still else "privacy_lifted"))


FORM = Form(
    name="my_data",
    steps=(
        Step(
            name="what",
            expects="choice",
            ask=_ask_what,
            read=_read_what,
            again=lambda turn, data: turn.content.text("privacy_what_again"),
        ),
        Step(name="sure", expects="yes_no", ask=_ask_sure, read=_read_sure, skip=_needless),
    ),
    finish=_finish,
)
