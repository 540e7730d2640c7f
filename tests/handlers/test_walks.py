"""Random walks through the journeys: no exception, never silent, never over-long, "batal" always leads out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from handlers.messages import Kind
from handlers.turn import Policy
from tests.handlers.sample_talk import SampleTalk, born, entity, sampled

STARTS = ("course_choose", "incentive_status", "link_account", "report_problem", "application_status")
TEXTS = (
    ("ya", "affirm"),
    ("tidak", "deny"),
    ("kembali", "out_of_scope"),
    ("lewati", "out_of_scope"),
    ("kue online murah", "course_choose"),
    ("yang lain", "out_of_scope"),
    ("bandingkan", "out_of_scope"),
    ("kartu 1234", "out_of_scope"),
    ("1234", "out_of_scope"),
    ("3", "out_of_scope"),
    ("99", "out_of_scope"),
    ("😀😀", "out_of_scope"),
    ("", "out_of_scope"),
    ("x" * 3_000, "out_of_scope"),
    ("W-12345678", "out_of_scope"),
    ("sertifikat belum muncul", "course_certificate"),
    ("tulisannya gagal", "incentive_failed"),
    ("gimana cara daftar?", "register_how"),
    ("insentif berapa?", "incentive_amount"),
    ("petugas", "human_agent"),
    ("ubah cerita", "out_of_scope"),
    ("uang saya hilang kemarin malam di gopay", "incentive_unpaid"),
    ("putuskan chat ini", "link_account"),
    ("siapa saja yang melihat data saya", "link_account"),
    ("rekomendasi dong kak", "course_choose"),
    ("saya ojol", "out_of_scope"),
    ("yang mulai bulan depan dan sesuai saldo", "course_choose"),
    ("matikan saran dari peserta lain", "unsubscribe"),
    ("apakah lpk contoh jaya resmi?", "provider_check"),
    ("kabari saya", "subscribe"),
    ("berhenti", "unsubscribe"),
    ("keluar antrean", "out_of_scope"),
    ("masih lama?", "out_of_scope"),
    ("cek petugas P-4K7M", "human_agent"),
    ("saya ditipu orang yang ngaku petugas, sudah transfer", "scam_check"),
    ("mau mati saja", "out_of_scope"),
    ("jadi begini kak ceritanya panjang, " * 14, "incentive_unpaid"),
)
STEPS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(TEXTS)),
    st.tuples(st.just("start"), st.sampled_from(STARTS)),
    st.tuples(st.just("tap"), st.integers(0, 6)),
    st.tuples(st.just("date"), st.sampled_from(("1968-09-29", "2026-11-20", "2031-01-01"))),
    st.tuples(st.just("wave"), st.sampled_from((1, 68, 99))),
    st.tuples(st.just("contact"), st.sampled_from(("+6280000000001", "+6281234567890"))),
    st.tuples(st.just("link"), st.sampled_from((1, 10, 12))),
)


@pytest.fixture(scope="module")
def filled() -> Iterator[Connection]:
    with sampled() as connection:
        SampleTalk(connection)
        yield connection


def act(talk: SampleTalk, what: str, value: object) -> None:
    match what, value:
        case "say", (str(text), str(intent)):
            talk.say(text, intent)
        case "start", str(intent):
            talk.say("saya mau itu", intent)
        case "tap", int(index) if talk.labels:
            talk.tap(talk.labels[index % len(talk.labels)])
        case "date", str(day):
            talk.say("tgl", entities=[born(day, "tgl")])
        case "wave", int(wave):
            talk.say(str(wave), entities=[entity("wave", wave)])
        case "contact", str(phone):
            talk.share(phone)
        case "link", int(number):
            talk.link(number)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=3, max_size=25), agents=st.booleans())
def test_no_walk_ends_badly(filled: Connection, steps: list[tuple[str, object]], agents: bool) -> None:
    inner = filled.begin_nested()
    try:
        talk = SampleTalk.__new__(SampleTalk)
        super(SampleTalk, talk).__init__(filled, policy=Policy(agents=agents))
        talk.channel = "telegram"
        for what, value in steps:
            act(talk, what, value)
            if talk.last is not None:
                assert all(len(reply.text) <= 1_500 for reply in talk.replies)
                assert all(len(option.label) <= 20 for reply in talk.replies for option in reply.options)
        talk.say("batal")
        assert talk.step == ""
        assert talk.replies
    finally:
        inner.rollback()


def test_a_late_form_or_contact_never_breaks_another_journey(talk: SampleTalk) -> None:
    talk.say("kursus bikin kue", "course_choose")
    talk.share("+6280000000001")
    assert talk.step == "course_choose/list"
    talk.say("", kind=Kind.FORM, form="Y" * 32)
    assert talk.step == "course_choose/list"
