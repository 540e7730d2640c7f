"""The secure form's data side: offering a one-time key, checking what was typed, sealing it, and taking it once.

Identity numbers are typed only there (design, rule 4). What lies in the database until the conversation takes it is
sealed with AES-GCM under a key named by its id, and of an identity number only the keyed hash is kept. Both keys come
from PANDU_SECRET_KEY by HKDF (`bot.keys`) and reach a conversation in its policy.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from handlers.messages import SecureForm
from handlers.turn import Turn
from nlu.digits import ascii_digits
from nlu.entities.dates import find_dates, parse_date
from nlu.entities.identity import parse_kk, parse_nik
from storage import secure_forms

VALID_FOR = timedelta(minutes=15)
IDENTITIES = ("nik", "kk")
_NONCE = 12  # bytes; NIST SP 800-38D, 8.2


# -- sealing ------------------------------------------------------------------------------------------------------


def key_id(key: bytes) -> str:
    """Names a sealing key without telling it, so that values sealed under a former one are recognised."""
    return hashlib.sha256(b"pandu key id" + key).hexdigest()[:12]


def seal(values: Mapping[str, str], key: bytes, *, bound_to: str = "") -> bytes:
    """Encrypts values; they open only with the same key and the same `bound_to` (the form's one-time key)."""
    nonce = os.urandom(_NONCE)
    plain = json.dumps(dict(values), ensure_ascii=False, separators=(",", ":")).encode()
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())


def open_sealed(sealed: bytes, key: bytes, *, bound_to: str = "") -> dict[str, str]:
    """The inverse of `seal`; raises ValueError for another key, another form, or altered bytes."""
    try:
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to.encode())
    except (InvalidTag, ValueError):
        raise ValueError("sealed values do not open: another key, another form, or altered") from None
    values: dict[str, str] = json.loads(plain)
    return values


def hash_identity(number: str, key: bytes) -> str:
    """The keyed hash of an identity number's digits, for look-up (`participants.nik_hash`)."""
    return hmac.new(key, ascii_digits(number).encode(), hashlib.sha256).hexdigest()


# -- in the conversation ------------------------------------------------------------------------------------------


def offer(turn: Turn, purpose: str, fields: Sequence[str]) -> SecureForm:
    """A link for this chat, good for 15 minutes and one sending; the same as long as it is open, so that asking again closes no page."""
    if found := secure_forms.open_key(
        turn.connection, chat_id=turn.chat_id, purpose=purpose, fields=fields, now=turn.now
    ):
        return SecureForm(key=found, fields=tuple(fields), url=f"{turn.policy.secure_form_url}{found}")
    key = turn.new_id(32)
    secure_forms.create(
        turn.connection,
        key,
        chat_id=turn.chat_id,
        purpose=purpose,
        fields=fields,
        now=turn.now,
        expires_at=turn.now + VALID_FOR,
    )
    return SecureForm(key=key, fields=tuple(fields), url=f"{turn.policy.secure_form_url}{key}")


def opened(turn: Turn, key: str) -> dict[str, str] | None:
    """What this chat has sent by the form, once; it is erased with the reading.

    Keys: "purpose", "birth_date", "nik_hash", "kk_hash". None: no such form of this chat, taken before, or sealed under
    a key that is not in use any more.
    """
    row = secure_forms.take(turn.connection, key, turn.chat_id)
    sealing = turn.policy.sealing_key
    if row is None or row["key_id"] != key_id(sealing):
        return None
    return {"purpose": row["purpose"], **open_sealed(row["sealed"], sealing, bound_to=key)}


# -- checking what was typed --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of the typed values: clean ones, and the keys of the sentences about wrong and about odd ones."""

    values: Mapping[str, str]
    errors: Mapping[str, str]  # field → text key; must be corrected
    doubts: Mapping[str, str]  # field → text key; asked about once, never refused


def check(fields: Sequence[str], typed: Mapping[str, str], today: date) -> Checked:
    """Checks the build of identity numbers and the birth date; a mismatch of NIK and birth date is only asked about.

    The build of a NIK (region, birth date, 40 added to the day for women): `nlu.entities`, and facts section 3, step 4.
    """
    values: dict[str, str] = {}
    errors: dict[str, str] = {}
    doubts: dict[str, str] = {}
    for name in fields:
        text = typed.get(name, "").strip()[:100]
        values[name] = ascii_digits(text) if name in IDENTITIES else _birth_date(text, today)
        if (len(values[name]) != 16) if name in IDENTITIES else not values[name]:
            errors[name] = f"secure_error_{name}"
        elif (name == "nik" and not parse_nik(text, today)) or (name == "kk" and not parse_kk(text)):
            doubts[name] = f"secure_doubt_{name}"
    nik = parse_nik(values.get("nik", ""), today)
    if nik and values.get("birth_date", "")[2:] not in ("", nik.born.isoformat()[2:]):  # a NIK has no century
        doubts["nik"] = "secure_doubt_birth_date"
    return Checked(values=values, errors=errors, doubts=doubts)


def sealable(values: Mapping[str, str], lookup_key: bytes) -> dict[str, str]:
    """Clean values as they are kept: of an identity number only its keyed hash."""
    hashed = {f"{name}_hash": hash_identity(values[name], lookup_key) for name in IDENTITIES if name in values}
    return {**{name: value for name, value in values.items() if name not in IDENTITIES}, **hashed}


def _birth_date(text: str, today: date) -> str:
    """The day that a text names, as ISO; "" where it names none, or one that is still to come."""
    named = list(find_dates(text, today, birth=True))
    if named and not named[0][3]:
        return ""  # "kemarin" is no birth date
    found = parse_date(text, today, birth=True)
    return found.isoformat() if found and found <= today else ""
