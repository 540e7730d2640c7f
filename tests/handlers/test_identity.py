"""NIK and KK in the conversation: their own consent, the form that may come late, and that they go with what they belong to."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, select

from handlers import identity, secure
from handlers.messages import Kind
from handlers.turn import Keys, Policy
from storage import chats, consents, drafts, registrations, secure_forms
from storage import identity as numbers
from storage.schema import identity_numbers
from tests.handlers.talking import NOW, Talk

POLICY = Policy(
    operator="Dinas Contoh",
    secure_form_url="https://pandu.example/f/",
    lookup_key=b"l" * 32,
    sealing_key=b"s" * 32,
    signing_key=b"g" * 32,
    identity_transfer="Kementerian Contoh",
    identity_basis="Perjanjian 1/2026",
)
PLAIN = {"nik": "3273010312990001", "kk": "3273010101100002"}


@pytest.fixture
def talk(connection: Connection) -> Talk:
    """A chat at the question for NIK and KK."""
    made = Talk(connection, programme="open", policy=POLICY)
    made.say("mau daftar", "register_start")
    for text in ("setuju", "27", "ya", "tidak", "bukan", "belum", "belum", "lewati", "sma", "petani", "jahit"):
        made.say(text)
    made.say("cukup")
    assert made.state.step == "identity"
    return made


def submit(talk: Talk, *, policy: Policy = POLICY) -> str:
    """What the page does with the form offered last, and the event that it sends."""
    key = talk.replies[-1].form.key if talk.replies[-1].form else open_key(talk)
    sealed = secure.seal(PLAIN, policy.sealing_key, bound_to=key)
    name = secure.key_id(policy.sealing_key)
    assert secure_forms.submit(talk.connection, key, sealed=sealed, key_id=name, now=talk.now)
    return talk.say("", kind=Kind.FORM, form=key)


def open_key(talk: Talk) -> str:
    found = secure_forms.open_key(
        talk.connection, chat_id=1, purpose=identity.FORM, fields=identity.FIELDS, now=talk.now
    )
    assert found is not None
    return found


def finish(talk: Talk) -> None:
    talk.say("tidak", "deny")
    talk.say("ya", "affirm")
    assert talk.state.form is None


def held(talk: Talk) -> dict[str, str] | None:
    row = numbers.get(talk.connection, 1, talk.now)
    return identity.opened(row, talk.policy) if row else None


def test_consent_names_operator_receiver_and_basis_and_is_stored_before_the_form(talk: Talk) -> None:
    talk.say("setuju", "affirm")
    row = consents.active(talk.connection, 1, identity.PURPOSE, NOW)
    assert row is not None
    for words in ("Dinas Contoh", "Kementerian Contoh", "Perjanjian 1/2026", "12 bulan"):
        assert words in row["wording"]
    assert talk.replies[-1].form is not None
    assert held(talk) is None


def test_numbers_are_kept_sealed_and_as_long_as_the_preparation(talk: Talk) -> None:
    talk.say("setuju", "affirm")
    submit(talk)
    assert talk.state.data["identity"] == identity.NOTED
    row = numbers.get(talk.connection, 1, NOW)
    assert row is not None
    assert row["kept_until"] == NOW + timedelta(days=30)
    assert b"3273" not in row["sealed"]
    assert row["nik_hash"] == secure.hash_identity(PLAIN["nik"], POLICY.lookup_key)
    finish(talk)
    noted = registrations.of_chat(talk.connection, 1, NOW)
    row = numbers.get(talk.connection, 1, NOW)
    assert noted is not None
    assert row is not None
    assert row["kept_until"] == noted["kept_until"]
    assert PLAIN["nik"] not in str(noted["data"]) + str(talk.state.to_json())
    assert held(talk) == PLAIN


def test_leaving_them_out_keeps_nothing(talk: Talk) -> None:
    talk.tap("Lewati")
    assert consents.active(talk.connection, 1, identity.PURPOSE, NOW) is None
    finish(talk)
    noted = registrations.of_chat(talk.connection, 1, NOW)
    assert noted is not None
    assert "identity" not in noted["data"]


def test_a_form_that_was_never_sent_is_no_answer(talk: Talk) -> None:
    talk.say("setuju", "affirm")
    talk.say("kembali")
    talk.say("jahit")
    assert talk.say("cukup").count("formulir aman") == 1
    assert talk.state.step == "identity"
    talk.tap("Lewati")
    assert talk.state.step == "notify"


def test_a_form_that_comes_at_a_later_step_counts(talk: Talk) -> None:
    talk.say("setuju", "affirm")
    key = open_key(talk)
    talk.say("lewati")
    assert talk.state.step == "notify"
    sealed = secure.seal(PLAIN, POLICY.sealing_key, bound_to=key)
    secure_forms.submit(talk.connection, key, sealed=sealed, key_id=secure.key_id(POLICY.sealing_key), now=NOW)
    assert "tidak saya simpan" in talk.say("", kind=Kind.FORM, form=key)  # skipping has withdrawn the consent
    assert talk.state.step == "notify"
    assert held(talk) is None


def test_a_form_that_comes_in_another_journey_leaves_it_open(talk: Talk) -> None:
    talk.say("setuju", "affirm")
    talk.say("mau lapor", "report_problem")
    assert talk.state.form == "report"
    assert "sudah saya terima" in submit(talk)
    assert talk.state.form == "report"
    draft = drafts.get(talk.connection, 1, "registration", NOW)
    assert draft is not None
    assert draft["data"]["identity"] == identity.NOTED


def test_a_form_that_comes_after_the_preparation_was_noted_belongs_to_it(talk: Talk) -> None:
    talk.say("setuju", "affirm")
    key = open_key(talk)
    row = {"age": "27"}
    until = NOW + timedelta(days=365)
    registrations.save(talk.connection, 1, number="P-000001", data=row, now=NOW, kept_until=until)
    drafts.delete(talk.connection, 1, "registration")
    talk.say("batal", "cancel")
    sealed = secure.seal(PLAIN, POLICY.sealing_key, bound_to=key)
    secure_forms.submit(talk.connection, key, sealed=sealed, key_id=secure.key_id(POLICY.sealing_key), now=NOW)
    assert "sudah saya terima" in talk.say("", kind=Kind.FORM, form=key)
    noted = registrations.of_chat(talk.connection, 1, NOW)
    assert noted is not None
    assert noted["data"] == {"age": "27", "identity": identity.NOTED}
    found = numbers.get(talk.connection, 1, NOW)
    assert found is not None
    assert found["kept_until"] == until


def test_a_form_sealed_under_the_former_key_opens(talk: Talk) -> None:
    talk.say("setuju", "affirm")
    former = Policy(sealing_key=b"o" * 32)
    talk.policy = Policy(
        secure_form_url=POLICY.secure_form_url,
        sealing_key=POLICY.sealing_key,
        lookup_key=POLICY.lookup_key,
        identity_transfer="x",
        identity_basis="y",
        formers=(Keys(lookup=b"a" * 32, sealing=former.sealing_key, signing=b"b" * 32),),
    )
    submit(talk, policy=former)
    assert held(talk) == PLAIN


def test_a_form_that_can_be_read_no_more_is_said_to_be_gone_and_offered_again(talk: Talk) -> None:
    talk.say("setuju", "affirm")
    said = talk.say("", kind=Kind.FORM, form="X" * 32)
    assert "tidak saya simpan" in said
    assert talk.state.step == "identity"
    assert talk.replies[-1].form is not None


def test_numbers_whose_time_is_over_are_asked_again(talk: Talk) -> None:
    talk.say("setuju", "affirm")
    submit(talk)
    talk.later(days=20)
    talk.say("batal", "cancel")
    drafts.save(
        talk.connection,
        1,
        "registration",
        step="notify",
        data=dict(drafts.get(talk.connection, 1, "registration", NOW)["data"]),  # type: ignore[index]
        now=talk.now,
        expires_at=talk.now + timedelta(days=30),
    )
    talk.later(days=11)
    chats.touch(talk.connection, [1], talk.now)
    talk.say("mau daftar", "register_start")
    talk.say("lanjut", "affirm")
    assert talk.state.step == "identity"


def test_withdrawing_consent_takes_them(talk: Talk) -> None:
    talk.say("setuju", "affirm")
    submit(talk)
    finish(talk)
    talk.say("tarik persetujuan saya", "my_data")
    talk.tap("Ya, tarik")
    assert talk.connection.execute(select(identity_numbers)).first() is None


def test_who_has_opened_them_is_told_without_a_linked_record(talk: Talk) -> None:
    talk.tap("Lewati")
    assert "belum terhubung" in talk.say("siapa yang melihat data saya", "link_account")
    numbers.log_looks(talk.connection, [1], actor="cli", what="NIK dan KK (ekspor)", now=NOW)
    said = talk.say("siapa yang melihat data saya", "out_of_scope")
    assert "pengelola Pandu, NIK dan KK (ekspor) (1 kali)" in said


def test_the_policy_tells_receiver_and_basis(talk: Talk) -> None:
    said = talk.say("/privacy")
    assert "diserahkan ke Kementerian Contoh. Dasarnya: Perjanjian 1/2026." in said
    talk.policy = Policy()
    assert "diserahkan" not in talk.say("/privacy")


def test_a_changed_list_is_ended_before_the_form_goes_on(talk: Talk) -> None:
    talk.tap("Lewati")
    talk.say("tidak", "deny")
    assert talk.state.step == "confirm"
    talk.say("ubah minat")
    talk.tap("Kecantikan")
    assert talk.state.step == "interests"
    assert "Minat: Kecantikan" in talk.tap("Cukup")
    assert talk.state.step == "confirm"


def test_every_reply_fits_whatever_the_operator_has_named(talk: Talk) -> None:
    talk.policy = Policy(
        operator="x" * 60, secure_form_url="https://x/", identity_transfer="y" * 80, identity_basis="z" * 80
    )
    assert len(identity.ask(talk.turn(), {}).text) <= 500
