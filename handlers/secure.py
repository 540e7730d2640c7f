"""The secure form's data side: offering a one-time key, checking what was typed, sealing it, and taking it once.

Identity numbers are typed only there (design, rule 4). What lies in the database until the conversation takes it is
sealed with AES-GCM under a key named by its id; for linking, only the keyed hash of a number gets that far. The keys
come from PANDU_SECRET_KEY by HKDF (`bot.keys`) and reach a conversation in its policy. A link is signed, so that
whoever reads the database can open none.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, RowMapping

from handlers import typed
from handlers.messages import SecureForm
from handlers.turn import Policy, Turn
from nlu.digits import ascii_digits
from nlu.entities.dates import find_dates, parse_date
from nlu.entities.identity import Nik, parse_kk, parse_nik
from storage import drafts, secure_forms

VALID_FOR = timedelta(minutes=15)
IDENTITIES = ("nik", "kk")
_NONCE = 12  # bytes; NIST SP 800-38D, 8.2
_SIGNATURE = 24  # hex digits of a link's signature: 96 bits


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


def opener(policy: Policy, name: str) -> bytes | None:
    """The sealing key of that id, present or former; None where it is not configured."""
    former = (keys.sealing for keys in policy.formers)
    return next((key for key in (policy.sealing_key, *former) if key_id(key) == name), None)


# -- links --------------------------------------------------------------------------------------------------------


def signed(key: str, policy: Policy) -> str:
    """A form's key with its signature, as it stands in the link."""
    return key + _signature(key, policy.signing_key)


def key_of(link: str, policy: Policy) -> str | None:
    """The inverse of `signed`; None for a link that we have not made."""
    key, signature = link[:-_SIGNATURE], link[-_SIGNATURE:]
    former = (keys.signing for keys in policy.formers)
    ours = any(
        hmac.compare_digest(signature.encode(), _signature(key, signing).encode())
        for signing in (policy.signing_key, *former)
    )
    return key if ours else None


def _signature(key: str, signing_key: bytes) -> str:
    return hmac.new(signing_key, f"form:{key}".encode(), hashlib.sha256).hexdigest()[:_SIGNATURE]


# -- in the conversation ------------------------------------------------------------------------------------------


def offer(turn: Turn, purpose: str, fields: Sequence[str]) -> SecureForm:
    """A link for this chat, good for 15 minutes and one sending; the same as long as it is open, so that asking again closes no page."""
    if found := secure_forms.open_key(
        turn.connection, chat_id=turn.chat_id, purpose=purpose, fields=fields, now=turn.now
    ):
        return _form(turn, found, fields)
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
    return _form(turn, key, fields)


def _form(turn: Turn, key: str, fields: Sequence[str]) -> SecureForm:
    url = turn.policy.secure_form_url + signed(key, turn.policy)
    return SecureForm(key=key, fields=tuple(fields), url=url)


def opened(turn: Turn, key: str) -> dict[str, str] | None:
    """What this chat has sent by the form, once; it is erased with the reading.

    Keys: "purpose" and what `sealable` has left. None: no such form of this chat, taken before, or sealed under a key
    that is not in use any more.
    """
    row = secure_forms.take(turn.connection, key, turn.chat_id)
    sealing = opener(turn.policy, row["key_id"]) if row else None
    if row is None or sealing is None:
        return None
    return {"purpose": row["purpose"], **open_sealed(row["sealed"], sealing, bound_to=key)}


# -- checking what was typed --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of the typed values: clean ones, and the keys of the sentences about wrong and about odd ones."""

    values: Mapping[str, str]
    errors: Mapping[str, str]  # field → text key; must be corrected
    doubts: Mapping[str, str]  # field → text key; asked about once, never refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """What the chat's draft holds already, as the registration keeps it; "" where it holds nothing."""

    age: str = ""  # "27", "1999" or "1999-12-03"
    region: str = ""


def noted(connection: Connection, form: RowMapping, now: datetime) -> Noted:
    """The draft that a form (a row of `secure_forms.get`) belongs to: its purpose is the name of a journey."""
    draft = drafts.get(connection, form["chat_id"], form["purpose"], now)
    kept = {name: str(value) for name, value in (draft["data"] if draft else {}).items() if value != typed.SKIPPED}
    return Noted(age=kept.get("age", ""), region=kept.get("region", ""))


def check(fields: Sequence[str], given: Mapping[str, str], today: date, draft: Noted = Noted()) -> Checked:
    """Checks the build of identity numbers and the birth date; what does not match the form or the draft is only asked about.

    The build of a NIK (region, birth date, 40 added to the day for women): `nlu.entities`, and facts section 3, step 4.
    """
    values: dict[str, str] = {}
    errors: dict[str, str] = {}
    doubts: dict[str, str] = {}
    for name in fields:
        text = given.get(name, "").strip()[:100]
        values[name] = ascii_digits(text) if name in IDENTITIES else _birth_date(text, today)
        if (len(values[name]) != 16) if name in IDENTITIES else not values[name]:
            errors[name] = f"secure_error_{name}"
        elif (name == "nik" and not parse_nik(text, today)) or (name == "kk" and not parse_kk(text)):
            doubts[name] = f"secure_doubt_{name}"
    if nik := parse_nik(values.get("nik", ""), today):
        born = values.get("birth_date") or draft.age
        if born and not _born_then(nik, born, today):
            doubts["nik"] = "secure_doubt_birth_date"
        if draft.region and nik.region_known and nik.region != draft.region:
            doubts["region"] = "secure_doubt_region"
    return Checked(values=values, errors=errors, doubts=doubts)


def _born_then(nik: Nik, told: str, today: date) -> bool:
    """Whether a NIK speaks of that birth date, year or age; a NIK has no century."""
    if "-" in told:
        return nik.born.isoformat()[2:] == told[2:]
    low, high = typed.ages(told, today)
    years = typed.ages(nik.born.isoformat(), today)[0]
    return low <= years <= high or low <= years + 100 <= high


def sealable(values: Mapping[str, str], policy: Policy, *, plain: bool = False) -> dict[str, str]:
    """Clean values as they are sealed: of an identity number only its keyed hash (by former keys too), or itself where `plain`."""
    if plain:
        return dict(values)
    kept = {name: value for name, value in values.items() if name not in IDENTITIES}
    for name in set(IDENTITIES) & values.keys():
        kept[f"{name}_hash"] = hash_identity(values[name], policy.lookup_key)
        if policy.formers:
            former = (hash_identity(values[name], keys.lookup) for keys in policy.formers)
            kept[f"{name}_hash_former"] = " ".join(former)
    return kept


def _birth_date(text: str, today: date) -> str:
    """The day that a text names, as ISO; "" where it names none, or one that is still to come."""
    named = list(find_dates(text, today, birth=True))
    if named and not named[0][3]:
        return ""  # "kemarin" is no birth date
    found = parse_date(text, today, birth=True)
    return found.isoformat() if found and found <= today else ""
