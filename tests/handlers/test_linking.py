"""Connecting a chat to a record: levels, locks, codes, what is never told, who looked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot import samples
from handlers import journeys, linking, linking_proof, record, secure
from handlers.messages import Kind
from handlers.turn import Keys, Policy
from storage import chats, outbox, people
from storage.schema import links, participants, secure_forms
from tests.handlers.sample_talk import NOW, SampleTalk, born, entity
from tests.handlers.talking import add_chat


def birth(number: int) -> str:
    return samples.birth_date(number).isoformat()


def start(talk: SampleTalk, number: int) -> None:
    """As far as the birth date."""
    talk.say("hubungkan akun saya", "link_account")
    talk.share(samples.phone(number))
    assert talk.step == "linking/birth_date"


def prove(talk: SampleTalk, number: int, proof: str, *, day: str | None = None) -> str:
    start(talk, number)
    talk.say("tanggalnya", entities=[born(day or birth(number), "tanggalnya")])
    return talk.say(proof)


def level(talk: SampleTalk) -> str | None:
    link = chats.active_link(talk.connection, 1)
    return str(link["level"]) if link else None


def test_the_card_leads_to_amounts(talk: SampleTalk) -> None:
    assert "sudah terhubung" in prove(talk, 1, f"kartu {samples.card_last4(1)}")
    assert (level(talk), talk.step) == ("2", "")
    assert "Rp600.000" in talk.say("cek insentif saya", "incentive_status")


def test_the_nik_leads_to_the_stage_without_amounts(talk: SampleTalk) -> None:
    start(talk, 1)
    talk.say("tgl", entities=[born(birth(1), "tgl")])
    assert "empat angka terakhir NIK" in talk.say("pakai nik")
    assert "tanpa jumlah" in talk.say(samples.nik(1)[-4:])
    assert level(talk) == "2a"
    shown = talk.say("cek insentif saya", "incentive_status")
    assert "Rp" not in shown
    assert "••••" not in shown
    assert "sudah dijadwalkan" in shown


def test_a_typed_number_proves_nothing(talk: SampleTalk) -> None:
    talk.say("hubungkan akun", "link_account")
    shown = talk.say("0800 0000 0001", entities=[entity("phone", samples.phone(1), "0800 0000 0001")])
    assert "belum bisa jadi bukti" in shown
    assert talk.step == "linking/contact"
    assert chats.vouched_phone(talk.connection, 1) is None
    assert talk.replies[-1].ask_contact


def test_somebody_elses_contact_is_refused(talk: SampleTalk) -> None:
    talk.say("hubungkan akun", "link_account")
    assert "nomor orang lain" in talk.share(samples.phone(1), own=False)
    assert talk.step == "linking/contact"
    assert chats.vouched_phone(talk.connection, 1) is None


def test_an_unasked_contact_is_noted_and_connecting_is_offered(talk: SampleTalk) -> None:
    talk.share(samples.phone(1))
    assert chats.vouched_phone(talk.connection, 1) == samples.phone(1)
    talk.tap("Hubungkan akun")
    assert talk.step == "linking/birth_date"


def test_no_record_and_a_wrong_answer_sound_the_same(talk: SampleTalk) -> None:
    wrong = prove(talk, 1, "kartu 9999")
    other = SampleTalk(talk.connection)
    other.chat_id = add_chat(talk.connection, "two")
    start(other, 9_000)  # no such person
    other.say("tgl", entities=[born("1990-01-01", "tgl")])
    assert other.say("kartu 1234") == wrong
    assert level(talk) is None


def test_a_right_card_with_a_wrong_birth_date_proves_nothing(talk: SampleTalk) -> None:
    assert "belum cocok" in prove(talk, 1, f"kartu {samples.card_last4(1)}", day="1990-01-01")
    assert level(talk) is None


def test_three_wrong_answers_close_the_door_for_an_hour_even_to_the_right_one(talk: SampleTalk) -> None:
    start(talk, 1)
    for left in (2, 1):
        talk.say("tgl", entities=[born(birth(1), "tgl")])
        assert f"{left} kali" in talk.say("kartu 9999")
        talk.tap("Coba lagi")
    talk.say("tgl", entities=[born(birth(1), "tgl")])
    assert "sampai 24 Nov, 11.00 WIB" in talk.say("kartu 9999")
    assert "11.00 WIB" in talk.say("hubungkan akun", "link_account")
    talk.later(minutes=61)
    assert "sudah terhubung" in prove_again(talk)


def prove_again(talk: SampleTalk) -> str:
    talk.say("hubungkan akun", "link_account")
    talk.say("tgl", entities=[born(birth(1), "tgl")])
    return talk.say(f"kartu {samples.card_last4(1)}")


def test_an_open_form_is_no_way_around_the_lock(talk: SampleTalk) -> None:
    start(talk, 1)
    talk.say("tgl", entities=[born(birth(1), "tgl")])
    for _ in range(3):
        people.wrong_proof(talk.connection, 1, talk.now)
    assert "tutup dulu" in talk.say(f"kartu {samples.card_last4(1)}")
    assert level(talk) is None


def test_a_family_on_one_number_is_told_apart_by_birth_date(talk: SampleTalk) -> None:
    child = samples.FAMILY
    assert samples.phone(child) == samples.phone(child - 1)
    prove(talk, child, f"nik {samples.nik(child)[-4:]}")
    link = chats.active_link(talk.connection, 1)
    assert link is not None
    assert link["participant_id"] == talk.person(child)


@pytest.mark.parametrize(("typed", "said"), [("1999", "Tulis lengkap"), ("12 tahun", "Tulis lengkap")])
def test_half_a_birth_date_is_asked_for_in_full(talk: SampleTalk, typed: str, said: str) -> None:
    start(talk, 1)
    assert said in talk.say(typed)
    assert talk.step == "linking/birth_date"


def test_four_digits_without_their_kind_are_asked_about(talk: SampleTalk) -> None:
    assert "dari kartu Prakerja atau dari NIK" in prove(talk, 1, "1234")
    assert talk.step == "linking/proof"


def test_a_question_in_between_is_answered_and_the_step_comes_back(talk: SampleTalk) -> None:
    start(talk, 1)
    shown = talk.say("insentif cair kapan?", "incentive_when")
    assert "Kita lanjut" in shown
    assert talk.step == "linking/birth_date"


def test_the_web_is_opened_by_a_code_from_a_linked_chat_and_only_once(talk: SampleTalk) -> None:
    talk.link(1, "2a")
    turn = talk.turn("kode web untuk chat ini", "link_account")
    code = linking.start(turn).replies[0].text.split(": ")[1][:10]
    web = SampleTalk(talk.connection)
    web.chat_id, web.channel = add_chat(talk.connection, "two"), "web"
    assert "tidak bisa memastikan nomor" in web.say("hubungkan akun", "link_account")
    assert "sudah terhubung" in web.say(f"kodenya {code.lower()}")
    link = chats.active_link(talk.connection, web.chat_id)
    assert link is not None
    assert link["level"] == "2a", "a code hands on no more than its chat has"
    third = SampleTalk(talk.connection)
    third.chat_id, third.channel = add_chat(talk.connection, "three"), "web"
    third.say("hubungkan akun", "link_account")
    assert "belum cocok" in third.say(code)


def test_a_code_opens_nothing_while_the_record_is_locked(talk: SampleTalk) -> None:
    talk.link(1)
    people.make_code(
        talk.connection, code="ABCD2345", chat_id=1, now=talk.now, expires_at=talk.now + timedelta(minutes=15)
    )
    people.lock_unvouched(talk.connection, [talk.person(1)], talk.now)
    assert linking_proof.by_code(talk.turn("x"), "ABCD2345") is None


def test_codes_are_read_as_people_type_them() -> None:
    assert linking_proof.canonical_code("abcdoil1") == "ABCD0111"


def test_the_linked_chat_hears_of_a_second_one_by_day(talk: SampleTalk) -> None:
    talk.link(1)
    second = SampleTalk(talk.connection)
    second.chat_id = add_chat(talk.connection, "two")
    second.now = NOW + timedelta(hours=12)  # 22.00 WIB
    prove(second, 1, f"kartu {samples.card_last4(1)}")
    rows = talk.connection.execute(select(outbox.outbox)).mappings().all()
    assert [(row["chat_id"], row["lane"]) for row in rows] == [(1, outbox.BROADCASTS)]
    assert rows[0]["not_before"] == NOW + timedelta(hours=22)  # 08.00 WIB
    assert "baru terhubung" in rows[0]["payload"]["text"]


@pytest.mark.parametrize("imported_under", [b"l" * 32, b"f" * 32])
def test_the_secure_form_leads_to_level_2(talk: SampleTalk, imported_under: bytes) -> None:
    """Records that were imported under the former key are found until their next import."""
    sealing = b"s" * 32
    samples.fill(talk.connection, NOW, hash_nik=lambda number: secure.hash_identity(number, imported_under))
    talk.policy = Policy(
        secure_form_url="https://contoh.go.id/f/",
        lookup_key=b"l" * 32,
        sealing_key=sealing,
        formers=(Keys(lookup=b"f" * 32, sealing=b"o" * 32, signing=b"g" * 32),),
    )
    start(talk, 1)
    talk.say("tgl", entities=[born(birth(1), "tgl")])
    talk.say("formulir aman")
    form = talk.replies[-1].form
    assert form is not None
    assert talk.step == "linking/form"
    assert "belum saya terima" in talk.say("sudah")
    form = talk.replies[-1].form
    assert form is not None
    values = secure.sealable({"nik": samples.nik(1), "birth_date": birth(1)}, talk.policy)
    sealed = secure.seal(values, sealing, bound_to=form.key)
    talk.connection.execute(
        update(secure_forms)
        .where(secure_forms.c.key == form.key)
        .values(sealed=sealed, key_id=secure.key_id(sealing), used_at=NOW)
    )
    assert "sudah terhubung" in talk.say("", kind=Kind.FORM, form=form.key)
    assert (level(talk), talk.step) == ("2", "")
    assert samples.nik(1) not in str(talk.state.to_json())


def test_a_form_that_is_gone_is_said_to_be_gone(talk: SampleTalk) -> None:
    assert "tidak berlaku" in talk.say("", kind=Kind.FORM, form="X" * 32)


@pytest.fixture
def managed(talk: SampleTalk, monkeypatch: pytest.MonkeyPatch) -> SampleTalk:
    """A linked chat in which the connection can be managed."""
    monkeypatch.setitem(journeys.FORMS, linking.MANAGE.name, linking.MANAGE)  # type: ignore[arg-type]
    talk.link(1, "2a")
    return talk


def test_unlinking_asks_once(managed: SampleTalk) -> None:
    managed.say("putuskan chat ini dari data saya", "link_account")
    assert managed.step == "link_manage/sure"
    assert "tetap" in managed.say("jangan")
    assert level(managed) == "2a"
    managed.say("lepas chat ini dari data saya", "link_account")
    assert "Sudah saya putus" in managed.say("iya putusin")
    assert level(managed) is None
    assert "belum terhubung" in managed.say("putuskan chat ini", "link_account")


def test_a_connection_is_managed_by_options(managed: SampleTalk) -> None:
    managed.say("hubungkan akun", "link_account")
    managed.tap("Atur sambungan")
    assert "W-" in managed.tap("Kode untuk web")
    managed.say("hubungkan akun", "link_account")
    managed.tap("Atur sambungan")
    assert "Belum ada yang melihat" in managed.tap("Siapa melihat")
    managed.say("hubungkan akun", "link_account")
    managed.tap("Atur sambungan")
    managed.tap("Lihat jumlah")
    assert managed.step == "linking/birth_date"
    managed.say("tgl", entities=[born(birth(1), "tgl")])
    managed.say(f"kartu {samples.card_last4(1)}")
    assert level(managed) == "2"


def test_a_link_by_number_ends_when_the_records_number_changes(talk: SampleTalk) -> None:
    talk.link(1)
    talk.connection.execute(update(participants).where(participants.c.id == talk.person(1)).values(phone="+628001"))
    assert record.record(talk.turn("x"), "status") is None
    assert talk.connection.execute(select(links.c.ended_why)).scalar_one() == "number_changed"


def test_for_somebody_else_the_own_record_stays_closed(talk: SampleTalk) -> None:
    talk.link(1)
    assert record.record(talk.turn("status ibu saya", subject="mother"), "status") is None
    assert people.accesses(talk.connection, talk.person(1)) == []
    assert "dia sendiri" in talk.say("hubungkan akun ibu", "link_account", subject="mother")


def test_every_look_is_logged_and_told(talk: SampleTalk) -> None:
    talk.link(1)
    talk.say("status saya", "application_status")
    talk.say("insentif saya", "incentive_status")
    people.log_access(talk.connection, actor="agent:3", participant_id=talk.person(1), what="koreksi", now=talk.now)
    told = linking.who_looked(talk.turn("siapa saja yang melihat data saya")).replies[0].text
    assert "chat ini, status (1 kali)" in told
    assert "petugas, koreksi (1 kali)" in told
    assert told.count("kali") == 3


def test_who_looked_is_heard_however_it_is_asked(talk: SampleTalk) -> None:
    asked = "siapa aja yg udah liat data saya"
    assert linking.asked_who_looked(talk.turn(asked)) is None, "a chat without a link leaves it to the catalogue"
    talk.link(1)
    assert linking.asked_who_looked(talk.turn(asked)) is not None
    assert linking.asked_who_looked(talk.turn("data saya aman ga")) is None


def test_without_imported_people_there_is_nothing_to_connect(talk: SampleTalk) -> None:
    talk.connection.execute(participants.delete())
    assert "belum ada data peserta" in talk.say("hubungkan akun", "link_account")
    assert talk.step == ""


def test_a_record_hashed_two_keys_ago_is_still_found() -> None:
    from handlers.linking_proof import _hashes

    oldest, older = (Keys(lookup=bytes([n]) * 32, sealing=b"", signing=b"") for n in (1, 2))
    policy = Policy(lookup_key=b"n" * 32, formers=(older, oldest))
    sent = secure.sealable({"nik": "3273014312990001", "birth_date": "1999-12-03"}, policy)
    assert secure.hash_identity("3273014312990001", oldest.lookup) in _hashes(sent)
    assert len(_hashes(sent)) == 3
