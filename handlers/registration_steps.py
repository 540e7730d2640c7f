"""The steps of the registration as preparation: how one is asked and read, and those at the beginning: what is there already, the consent."""

from __future__ import annotations

from collections.abc import Callable

from handlers import registration_view, typed
from handlers.catalogue import shown_date
from handlers.forms import Data, Misfit, Reading, Valid
from handlers.messages import Option, Reply
from handlers.registration_view import is_open, sentence, vocabulary
from handlers.turn import Turn
from handlers.typed import NO, SKIPPED, YES, labelled
from storage import consents

Ask = Callable[[Turn, Data], Reply]
Read = Callable[[Turn, Data], Reading]

PURPOSE = "registration"
ROWS = 10  # options that fit a list on WhatsApp (platform-rules 2.7)


def ask_plain(key: str, *pairs: tuple[str, str]) -> Ask:
    """A question with its options."""
    return lambda turn, data: Reply(text=sentence(turn, key), options=labelled(turn, *pairs))


def ask_table(name: str) -> Ask:
    """A question whose options are the rows of a table; left out freely while the programme is closed."""

    def ask(turn: Turn, data: Data) -> Reply:
        rows = vocabulary(turn)[name].items()
        shown = tuple(Option(label=body["label"], action=f"answer:{value}") for value, body in rows)
        if is_open(turn):
            return Reply(text=sentence(turn, f"registration_{name}"), options=shown)
        shown += labelled(turn, ("registration_option_skip", f"answer:{SKIPPED}"))
        return Reply(text=sentence(turn, f"registration_{name}_optional"), options=shown)

    return ask


def skippable(read: Read) -> Read:
    """ "Lewati" counts as "not told"."""
    return lambda turn, data: Valid(SKIPPED) if typed.skipped(turn) else read(turn, data)


def read_check(turn: Turn, data: Data) -> Reading:
    """Whether the offer is taken; "lewati" is no."""
    return Valid(NO) if typed.skipped(turn) else typed.agreed(turn, {YES: turn.content.files["words"]["tell"]})


# -- beginning ----------------------------------------------------------------------------------------------------


def ask_resume(turn: Turn, data: Data) -> Reply:
    """What to do with a draft or an earlier preparation."""
    if number := data.get("_number"):
        shown = labelled(
            turn,
            ("registration_option_change", "answer:ubah"),
            ("registration_option_anew", "answer:baru"),
            ("registration_option_keep", "answer:tidak"),
        )
        return turn.say("registration_exists", number=number, day=data["_day"], options=shown)
    if channel := data.get("_channel"):
        key = "registration_carry_here_too" if data.get("_here") else "registration_carry_there"
        other = (
            ("registration_option_keep", "answer:tidak")
            if data.get("_here")
            else ("registration_option_anew", "answer:baru")
        )
        shown = labelled(turn, ("registration_option_bring", "answer:lanjut"), other)
        return turn.say(key, channel=channel, until=data.get("_until", ""), options=shown)
    shown = labelled(turn, ("registration_option_resume", "answer:lanjut"), ("registration_option_anew", "answer:baru"))
    return turn.say("registration_resume", until=data.get("_until", ""), options=shown)


def read_resume(turn: Turn, data: Data) -> Reading:
    """lanjut, baru, ubah or tidak."""
    words = turn.content.files["words"]
    choices = {
        "baru": words["anew"],
        "ubah" if data.get("_number") else "lanjut": [*words["go_on"], *words["yes"]],
        NO: [*words["leave"], *words["no"]],
    }
    found = typed.find(turn, choices)
    return Valid(found.value, sure=found.sure) if found else None


def ask_consent(turn: Turn, data: Data) -> Reply:
    """Purpose and period, before anything personal is kept."""
    shown = labelled(turn, ("registration_option_agree", "answer:ya"), ("registration_option_disagree", "answer:tidak"))
    key = "registration_consent" if is_open(turn) else "registration_consent_closed"
    if is_open(turn) and turn.policy.asks_identity and not turn.kiosk:
        key = "registration_consent_identity"
    as_of = shown_date(turn.content.state_as_of.isoformat())
    return turn.say(key, wording=registration_view.wording(turn), as_of=as_of, options=shown)


def read_consent(turn: Turn, data: Data) -> Reading:
    """A clear yes or no."""
    reading = None if typed.skipped(turn) else typed.agreed(turn)
    return reading or Misfit("registration_consent_needed", vague=not typed.skipped(turn))


def consent_holds(turn: Turn, data: Data) -> bool:
    """Whether this very wording was agreed to before and still holds."""
    row = consents.active(turn.connection, turn.chat_id, PURPOSE, turn.now)
    return row is not None and row["wording"] == registration_view.wording(turn)
