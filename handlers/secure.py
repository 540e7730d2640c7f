"""The secure form's data side: offering a one-time key, checking what was typed, sealing it, and taking it once.

Identity numbers are typed only there (design, rule 4). What lies in the database is sealed with AES-GCM under a key named by its id; numbers
that must be found again are kept as keyed hashes. All keys come from PANDU_SECRET_KEY by HKDF, each for one use.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from handlers.messages import SecureForm
from handlers.turn import Turn
from nlu.digits import ascii_digits, is_identity
from storage import secure_forms

VALID_FOR = timedelta(minutes=15)
FIELDS = ("nik", "kk", "birth_date")
_NONCE = 12  # bytes; NIST SP 800-38D, 8.2


# -- keys ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Keys derived from the secrets: the first secret seals, the older ones still open."""

    seal_id: str
    seals: Mapping[str, bytes]  # by key id
    lookup: bytes
    sign: bytes

    @property
    def seal(self) -> bytes:
        """The key that seals now."""
        return self.seals[self.seal_id]


def derive(secret: str, *older: str) -> Keys:
    """The keys of a secret; values sealed under `older` secrets can still be opened, look-ups follow the first one."""
    seals = {_key_id(key): key for key in (_derived(one, "seal") for one in (secret, *older))}
    return Keys(seal_id=next(iter(seals)), seals=seals, lookup=_derived(secret, "lookup"), sign=_derived(secret, "sign"))


@lru_cache(maxsize=16)
def _derived(secret: str, use: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=f"pandu/{use}/1".encode()).derive(secret.encode())


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"id" + key).hexdigest()[:12]


def seal(values: Mapping[str, str], key: bytes, *, bound_to: str = "") -> bytes:
    """Encrypts values; they open only with the same key and the same `bound_to` (the form's one-time key)."""
    nonce = os.urandom(_NONCE)
    plain = json.dumps(dict(values), ensure_ascii=False, separators=(",", ":")).encode()
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())


def open_sealed(sealed: bytes, key: bytes, *, bound_to: str = "") -> dict[str, str]:
    """The inverse of `seal`; raises ValueError for another key, another form, or altered bytes."""
    try:
        plain = AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to.encode())
    except InvalidTag:
        raise ValueError("sealed values do not open: another key, another form, or altered") from None
    values: dict[str, str] = json.loads(plain)
    return values


def hash_identity(number: str, key: bytes) -> str:
    """The keyed hash of an identity number's digits, for look-up (`participants.nik_hash`)."""
    return hmac.new(key, ascii_digits(number).encode(), hashlib.sha256).hexdigest()


# -- in the conversation ------------------------------------------------------------------------------------------

_in_use: list[Keys] = []


def use(keys: Keys) -> None:
    """Sets the keys of this process; called once by `bot.app`, since a turn carries none."""
    _in_use[:] = [keys]


def keys_in_use() -> Keys:
    """The keys of this process; raises RuntimeError before `use`."""
    if not _in_use:
        raise RuntimeError("handlers.secure.use(keys) has not been called")
    return _in_use[0]


def offer(turn: Turn, purpose: str, fields: Sequence[str]) -> SecureForm:
    """A link for this chat, good for 15 minutes and one sending; an earlier unused one stops working."""
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
    """The values that this chat has sent by the form, once; they are erased with the reading. `purpose` is among them.

    None: no such form of this chat, taken before, or sealed under a secret that is gone.
    """
    row = secure_forms.take(turn.connection, key, turn.chat_id)
    if row is None:
        return None
    sealing = keys_in_use().seals.get(row["key_id"])
    if sealing is None:
        return None
    return {"purpose": row["purpose"], **open_sealed(row["sealed"], sealing, bound_to=key)}


# -- checking what was typed --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of the typed values: clean ones, the keys of the sentences about wrong ones, and about odd ones."""

    values: Mapping[str, str]
    errors: Mapping[str, str]  # field → text key; the form must be corrected
    doubts: Mapping[str, str]  # field → text key; asked once, never refused


def check(fields: Sequence[str], typed: Mapping[str, str], today: date) -> Checked:
    """Checks the build of identity numbers and the birth date; a mismatch between NIK and birth date is only asked about.

    The NIK's build (region, birth date, +40 to the day for women): facts section 3, step 4, and nlu.digits.
    """
    values: dict[str, str] = {}
    errors: dict[str, str] = {}
    doubts: dict[str, str] = {}
    for name in fields:
        text = typed.get(name, "").strip()[:100]
        if name == "birth_date":
            born = birth_date(text, today)
            values[name] = born.isoformat() if born else ""
            if born is None:
                errors[name] = "secure_error_birth_date"
            continue
        digits = ascii_digits(text)
        values[name] = digits
        if len(digits) != 16:
            errors[name] = f"secure_error_{name}"
        elif not is_identity(digits):
            doubts[name] = f"secure_doubt_{name}"
    if "nik" in values and values.get("birth_date") and not {"nik", "birth_date"} & errors.keys():
        if "nik" not in doubts and not _born_on(values["nik"], date.fromisoformat(values["birth_date"])):
            doubts["nik"] = "secure_doubt_birth_date"
    return Checked(values=values, errors=errors, doubts=doubts)
