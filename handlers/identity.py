"""NIK and KK of a preparation: asked only while a wave is open and where the operator has a lawful transfer with a named basis.

They are typed into the secure form alone (design, rule 4), after a consent of their own, and kept sealed as long as the
preparation. The present programme asks them on its own site; nobody has to give them here, and every step can be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import RowMapping

from handlers import secure, telling, typed
from handlers.forms import Data, Misfit, Reading, Valid
from handlers.messages import Reply
from handlers.registration_view import is_open
from handlers.turn import Policy, Turn
from handlers.typed import NO, YES, labelled
from storage import consents
from storage import identity as numbers

PURPOSE = "identity"
FORM = "registration"  # the journey that the secure form belongs to
FIELDS = ("nik", "kk")
NOTED = "noted"  # the value of the step once the form has come


def needless(turn: Turn, data: Data) -> bool:
    """Whether they are not asked; never on a shared screen."""
    return turn.kiosk or not (is_open(turn) and turn.policy.asks_identity)


def wording(turn: Turn) -> str:
    """The consent as it is shown and stored."""
    policy = turn.policy
    named = {"operator": policy.operator, "transfer": policy.identity_transfer, "basis": policy.identity_basis}
    return turn.content.text("identity_wording", **named)


def ask(turn: Turn, data: Data) -> Reply:
    """The consent with receiver and basis; once it is given, the link to the form."""
    if data.get("identity") == YES:
        offered = secure.offer(turn, FORM, FIELDS)
        shown = labelled(turn, ("identity_option_skip", f"answer:{NO}"))
        return Reply(text=turn.content.text("identity_form"), form=offered, options=shown)
    if held(turn):
        shown = labelled(
            turn,
            ("identity_option_replace", f"answer:{YES}"),
            ("identity_option_keep", f"answer:{NOTED}"),
            ("identity_option_delete", f"answer:{NO}"),
        )
        return turn.say("identity_held", wording=wording(turn), options=shown)
    shown = labelled(turn, ("identity_option_agree", f"answer:{YES}"), ("identity_option_skip", f"answer:{NO}"))
    return turn.say("identity_ask", wording=wording(turn), options=shown)


def read(turn: Turn, data: Data) -> Reading:
    """A clear yes or no; while the form is awaited, "sudah" is told that nothing has come."""
    words = turn.content.files["words"]
    if typed.skipped(turn):
        return Valid(NO)
    if data.get("identity") == YES:
        sent = typed.find(turn, {"sent": [*turn.content.files["linking"]["sent"], *words["yes"]]})
        refused = typed.find(turn, {NO: [*words["no"], *words["wishes"]["hapus"]]})
        if refused and refused.sure:
            return Valid(NO)
        return Misfit("identity_waiting") if sent and sent.sure else None
    if held(turn):
        choices = {NO: words["wishes"]["hapus"], YES: words["wishes"]["koreksi"], NOTED: words["leave"]}
        found = typed.find(turn, choices)
        return Valid(found.value, sure=found.sure) if found else None
    return typed.agreed(turn) or Misfit("identity_unclear", vague=True)


def agree(turn: Turn, until: datetime) -> None:
    """Notes the consent."""
    consents.give(turn.connection, turn.chat_id, purpose=PURPOSE, wording=wording(turn), now=turn.now, until=until)


def forget(turn: Turn) -> None:
    """Erases the numbers and withdraws their consent."""
    numbers.delete(turn.connection, turn.chat_id)
    consents.withdraw(turn.connection, turn.chat_id, turn.now, purposes=(PURPOSE,))


def held(turn: Turn) -> RowMapping | None:
    """The numbers of this chat, sealed."""
    return numbers.get(turn.connection, turn.chat_id, turn.now)


def keep(turn: Turn, sent: Mapping[str, str], until: datetime) -> bool:
    """Seals and keeps what the form has brought; False where nobody has agreed to it (any more)."""
    if consents.active(turn.connection, turn.chat_id, PURPOSE, turn.now) is None:
        return False
    values = sealed_row({name: sent[name] for name in FIELDS}, turn.policy, chat_id=turn.chat_id)
    numbers.save(turn.connection, turn.chat_id, values=values, now=turn.now, kept_until=until)
    return True


def sealed_row(plain: Mapping[str, str], policy: Policy, *, chat_id: int) -> dict[str, str | bytes]:
    """The numbers as a row of `storage.identity`, under the present keys; they open for this chat alone."""
    return {
        "sealed": secure.seal(plain, policy.sealing_key, bound_to=_bound(chat_id)),
        "key_id": secure.key_id(policy.sealing_key),
        "nik_hash": secure.hash_identity(plain["nik"], policy.lookup_key),
        "kk_hash": secure.hash_identity(plain["kk"], policy.lookup_key),
    }


def opened(row: RowMapping, policy: Policy) -> dict[str, str]:
    """NIK and KK of a row; raises ValueError where its key is not configured or the row was altered."""
    key = secure.opener(policy, row["key_id"])
    if key is None:
        raise ValueError(f"NIK and KK are sealed under the key {row['key_id']}, which is not configured")
    return secure.open_sealed(row["sealed"], key, bound_to=_bound(row["chat_id"]))


def _bound(chat_id: int) -> str:
    return f"identity:{chat_id}"


def details(turn: Turn) -> Reply | None:
    """For "data saya": that they are kept, for whom, until when, and who has opened them."""
    row = held(turn)
    if row is None:
        return None
    until = telling.day(turn.local(row["kept_until"]).date())
    return turn.say("identity_detail", until=until, transfer=turn.policy.identity_transfer or turn.policy.operator)
