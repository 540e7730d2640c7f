"""Sealing, one-time keys, and the checks of what is typed into the secure form."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import Connection, select

from handlers import secure
from handlers.turn import Policy
from storage import secure_forms
from storage.schema import secure_forms as rows
from tests.handlers.talking import NOW, Talk, add_chat

TODAY = date(2026, 11, 24)
KEY, OTHER = bytes(range(32)), bytes(range(1, 33))
MAN, WOMAN = "3273010312990001", "3273014312990001"  # born 3 December 1999


@pytest.fixture
def talk(connection: Connection) -> Talk:
    """A chat of an operator who offers the secure form."""
    policy = Policy(secure_form_url="https://pandu.example/f/", lookup_key=OTHER, sealing_key=KEY)
    return Talk(connection, policy=policy)


def test_sealed_values_open_with_their_key_and_their_form_only() -> None:
    sealed = secure.seal({"birth_date": "1999-12-03"}, KEY, bound_to="form")
    assert b"1999" not in sealed
    assert secure.open_sealed(sealed, KEY, bound_to="form") == {"birth_date": "1999-12-03"}
    altered = sealed[:-1] + bytes([sealed[-1] ^ 1])
    wrong = ((sealed, OTHER, "form"), (sealed, KEY, "another"), (altered, KEY, "form"), (b"", KEY, "form"))
    for broken, key, form in wrong:
        with pytest.raises(ValueError, match="do not open"):
            secure.open_sealed(broken, key, bound_to=form)


def test_sealing_twice_gives_different_bytes() -> None:
    assert secure.seal({"a": "b"}, KEY) != secure.seal({"a": "b"}, KEY)


def test_the_hash_depends_on_the_key_and_not_on_the_spelling() -> None:
    assert secure.hash_identity(MAN, KEY) == secure.hash_identity("3273 0103 1299 0001", KEY)
    assert secure.hash_identity(MAN, KEY) != secure.hash_identity(MAN, OTHER)
    assert len(secure.hash_identity(MAN, KEY)) == 64


def test_of_an_identity_number_only_the_hash_is_kept() -> None:
    kept = secure.sealable({"nik": MAN, "birth_date": "1999-12-03"}, Policy(lookup_key=KEY))
    assert kept == {"nik_hash": secure.hash_identity(MAN, KEY), "birth_date": "1999-12-03"}


@pytest.mark.parametrize("nik", [MAN, WOMAN, "3273 0103 1299 0001", "3273.0103.1299.0001"])
def test_a_fitting_nik_raises_nothing(nik: str) -> None:
    checked = secure.check(("nik", "birth_date"), {"nik": nik, "birth_date": "3-12-1999"}, TODAY)
    assert (checked.errors, checked.doubts) == ({}, {})
    assert checked.values["birth_date"] == "1999-12-03"


def test_a_mismatch_of_nik_and_birth_date_is_a_doubt_and_no_error() -> None:
    checked = secure.check(("nik", "birth_date"), {"nik": MAN, "birth_date": "4-12-1999"}, TODAY)
    assert checked.errors == {}
    assert checked.doubts == {"nik": "secure_doubt_birth_date"}


def test_an_odd_build_is_a_doubt_and_a_wrong_length_an_error() -> None:
    assert secure.check(("nik",), {"nik": "9999993312990001"}, TODAY).doubts == {"nik": "secure_doubt_nik"}
    for nik in ("", "327301", MAN + "1", "saya lupa"):
        assert secure.check(("nik",), {"nik": nik}, TODAY).errors == {"nik": "secure_error_nik"}


@pytest.mark.parametrize("born", ["", "kemarin dulu", "31-2-1999", "3-12-2030"])
def test_a_birth_date_must_be_a_day_in_the_past(born: str) -> None:
    checked = secure.check(("birth_date",), {"birth_date": born}, TODAY)
    assert checked.errors == {"birth_date": "secure_error_birth_date"}


def test_an_offer_makes_a_key_for_fifteen_minutes_and_ends_the_one_before(talk: Talk) -> None:
    first = secure.offer(talk.turn(), "linking", ("nik", "birth_date"))
    second = secure.offer(talk.turn(), "linking", ("nik", "birth_date"))
    assert first.url == f"https://pandu.example/f/{secure.signed(first.key, talk.policy)}"
    assert len(second.key) == 32
    ends = dict(talk.connection.execute(select(rows.c.key, rows.c.expires_at)).all())  # type: ignore[arg-type]
    assert ends == {first.key: NOW, second.key: NOW + timedelta(minutes=15)}


def test_values_are_taken_once_and_by_their_chat_only(talk: Talk) -> None:
    form = secure.offer(talk.turn(), "linking", ("birth_date",))
    sealed = secure.seal({"birth_date": "1999-12-03"}, KEY, bound_to=form.key)
    assert secure_forms.submit(talk.connection, form.key, sealed=sealed, key_id=secure.key_id(KEY), now=NOW)
    talk.chat_id = add_chat(talk.connection, "two")
    assert secure.opened(talk.turn(), form.key) is None
    talk.chat_id = 1
    assert secure.opened(talk.turn(), form.key) == {"purpose": "linking", "birth_date": "1999-12-03"}
    assert secure.opened(talk.turn(), form.key) is None
    assert talk.connection.execute(select(rows.c.sealed)).scalar() is None


def test_values_sealed_under_a_former_key_are_not_taken_for_ours(talk: Talk) -> None:
    form = secure.offer(talk.turn(), "linking", ("birth_date",))
    sealed = secure.seal({"birth_date": "1999-12-03"}, OTHER, bound_to=form.key)
    secure_forms.submit(talk.connection, form.key, sealed=sealed, key_id=secure.key_id(OTHER), now=NOW)
    assert secure.opened(talk.turn(), form.key) is None


def test_a_key_is_used_up_once_and_not_after_its_end(talk: Talk) -> None:
    form = secure.offer(talk.turn(), "linking", ("birth_date",))
    end = NOW + timedelta(minutes=15)
    assert not secure_forms.submit(talk.connection, form.key, sealed=b"x", key_id="k", now=end)
    assert secure_forms.submit(talk.connection, form.key, sealed=b"x", key_id="k", now=end - timedelta(seconds=1))
    assert not secure_forms.submit(talk.connection, form.key, sealed=b"y", key_id="k", now=NOW)
    assert not secure_forms.submit(talk.connection, "unknown", sealed=b"x", key_id="k", now=NOW)
