"""The end of a preparation: it is written under its number, with the disclaimer, what comes next and the checklist."""

from __future__ import annotations

from datetime import datetime, timedelta

from handlers import data_requests, forms, identity, places, registration_office, registration_view, telling, typed
from handlers.catalogue import shown_date
from handlers.forms import Data
from handlers.messages import Reply
from handlers.registration_view import is_open
from handlers.turn import Answer, Turn, options
from handlers.typed import NO, SKIPPED, YES
from storage import chats, exports, registrations, subscriptions
from storage import identity as numbers
from storage.data_requests import CORRECTION

KEPT = timedelta(days=365)  # the period that the consent names
NEWS = "gelombang"


def note(turn: Turn, data: Data) -> Answer:
    """Writes the preparation, and says that it is no registration."""
    noted = registration_view.noted(turn, data)
    if not is_open(turn) and len(str(noted.get("age", ""))) == len("1999-12-03"):
        noted["age"] = str(typed.ages(noted["age"], telling.today(turn))[0])  # closed: the age, not the birth date
    until = turn.now + KEPT
    if data.get("identity") == identity.NOTED and identity.held(turn):
        numbers.keep_until(turn.connection, turn.chat_id, until)
    else:
        noted.pop("identity", None)
        numbers.delete(turn.connection, turn.chat_id)
    corrects = registrations.of_chat(turn.connection, turn.chat_id, turn.now) is not None
    number = registrations.save(
        turn.connection, turn.chat_id, number=_new_number(turn), data=noted, now=turn.now, kept_until=until
    )
    if corrects:
        data_requests.at_once(turn, CORRECTION, {"registrations": 1})
    if turn.policy.hook and not turn.kiosk:  # of what is taken home the operator's system hears there
        exports.enqueue_hook(turn.connection, number=number, event_id=turn.new_id(26), now=turn.now)
    if zone := places.zone(str(data.get("region", SKIPPED))):
        chats.change(turn.connection, turn.chat_id, zone=zone)
    _tell_news(turn, data)
    return forms.close(turn, *_done(turn, data, number, until))


def _new_number(turn: Turn) -> str:
    number = f"P-{turn.new_id(6)}"
    while registrations.number_taken(turn.connection, number):
        number = f"P-{turn.new_id(6)}"
    return number


def _tell_news(turn: Turn, data: Data) -> None:
    """Begins or ends the announcements of new waves, as the person chose."""
    if data.get("notify") == YES:
        wording = registration_view.sentence(turn, "registration_notify")
        subscriptions.subscribe(turn.connection, turn.chat_id, NEWS, wording=wording, now=turn.now)
    elif data.get("notify") == NO and NEWS in (running := subscriptions.topics(turn.connection, turn.chat_id)):
        if left := [topic for topic in running if topic != NEWS]:
            subscriptions.stop_some(turn.connection, turn.chat_id, turn.now, (NEWS,), left=left)
        else:
            subscriptions.stop(turn.connection, turn.chat_id, turn.now)


def _done(turn: Turn, data: Data, number: str, until: datetime) -> list[Reply]:
    """Number, disclaimer, what comes next; while the programme is open also the checklist and the steps there."""
    text = turn.words
    parts = [text("registration_done", number=number)]
    if turn.by_sms:
        parts += registration_office.bring(turn, data)
    if not is_open(turn):
        parts.append(text("registration_done_closed", as_of=shown_date(turn.content.state_as_of.isoformat())))
    if data.get("notify") == YES:
        parts.append(text("registration_done_notified"))
    parts.append(text("registration_done_kept", until=registration_view.day(turn, until)))
    next_intent = "register_site" if is_open(turn) else "program_open"
    carried = ((text("registration_option_carry"), "do:carry"),) if turn.kiosk else ()
    shown = options(
        *carried,
        (turn.content.title(next_intent), f"intent:{next_intent}"),
        (turn.content.title("my_data"), "intent:my_data"),
        (text("option_menu"), "do:menu"),
    )
    if not is_open(turn) or turn.by_sms:
        return [Reply(text="\n".join(parts), options=shown)]
    return [Reply(text="\n".join(parts)), Reply(text=text("registration_checklist"), options=shown)]
