"""Asking for a person: why, how urgently, what is told; codes of agents; long stories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from handlers import agent_check, dialogue, handoff, handoff_reasons, handoff_texts, long_story
from handlers.handoff_texts import Place
from handlers.messages import Kind
from handlers.turn import Policy
from storage import agents, calendar, cases, chats, handoffs, ownership
from storage.schema import cases as case_rows
from tests.handlers.sample_talk import SampleTalk, sampled
from tests.handlers.talking import NOW, Talk, add_chat, memory
from tests.storage.desk import add_agent, ask, serve

STORY = (
    "Kak saya mau cerita ya. Saya ikut gelombang 68 dan sudah selesai pelatihan bulan lalu. Sertifikat sudah keluar dan "
    "ulasan sudah saya isi lengkap semuanya. Tapi insentif 600 ribu belum masuk juga ke rekening sampai sekarang. Teman "
    "saya yang barengan sudah cair dari minggu lalu. Saya sudah cek dashboard setiap hari tulisannya masih sama saja. "
    "Ibu saya sakit jadi uangnya sangat saya butuhkan. Kenapa belum cair ya kak?"
)


@pytest.fixture
def talk() -> Iterator[SampleTalk]:
    with sampled() as connection:
        made = SampleTalk(connection, policy=Policy(agents=True))
        calendar.set_shifts(connection, range(5), [(480, 960)])
        yield made


def going_on(talk: Talk) -> dict[str, object]:
    row = handoffs.going_on(talk.connection, 1)
    assert row is not None
    return dict(row)


# -- why ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "topic", "priority"),
    [
        (None, "petugas", cases.NORMAL),
        ("incentive_when", "uang", cases.NORMAL),
        ("course_redeem", "pelatihan", cases.NORMAL),
        ("account_blocked", "akun", cases.URGENT),
        ("identity_in_use", "data", cases.URGENT),
        ("membership_revoked", "petugas", cases.URGENT),
    ],
)
def test_topic_and_urgency_come_from_the_question_answered_last(
    talk: SampleTalk, last: str | None, topic: str, priority: int
) -> None:
    talk.state = replace(talk.state, last_intent=last)
    talk.say("petugas", "human_agent")
    row = going_on(talk)
    assert (row["topic"], row["priority"], row["live"]) == (topic, priority, False)
    assert row["wanted_skill"] == (None if topic == "petugas" else topic)


def test_who_was_defrauded_stays_in_line(talk: SampleTalk) -> None:
    talk.say("saya ketipu kak, sudah transfer ke penipu", "scam_check")
    talk.tap("Bicara petugas")
    assert (going_on(talk)["topic"], going_on(talk)["live"]) == ("penipuan", True)


def test_an_open_report_of_fraud_of_today_counts_too(talk: SampleTalk) -> None:
    talk.say("saya ditipu", "report_problem")
    talk.tap("Buat laporan")
    talk.say("kemarin saya transfer uang ke joki lewat telegram")
    talk.say("ya")
    assert handoff_reasons.wish(talk.turn("petugas", "human_agent")).live
    talk.later(days=2)
    assert not handoff_reasons.wish(talk.turn("petugas", "human_agent")).live


@pytest.mark.parametrize("said", ["saya tunanetra kak, mau bicara petugas", "saya tidak bisa baca, petugas saja"])
def test_people_who_cannot_use_text_stay_in_line(talk: SampleTalk, said: str) -> None:
    talk.say(said, "human_agent")
    assert going_on(talk)["live"]


def test_the_last_days_to_buy_stay_in_line_unless_something_was_bought(talk: SampleTalk) -> None:
    talk.link(6)  # active, nothing bought, six days left
    assert not handoff_reasons.wish(talk.turn("petugas")).live
    talk.later(days=4)
    assert handoff_reasons.wish(talk.turn("petugas")).live
    talk.later(days=3)
    assert not handoff_reasons.wish(talk.turn("petugas")).live


def test_a_disputed_payment_is_one_that_the_record_calls_paid(talk: SampleTalk) -> None:
    talk.link(1)
    assert not handoff_reasons.is_disputed(talk.turn("belum cair"))
    talk.link(2)
    assert handoff_reasons.is_disputed(talk.turn("belum cair"))
    told = talk.say("insentif belum cair", "incentive_unpaid")
    assert "harus diperiksa petugas" in told
    assert (going_on(talk)["topic"], going_on(talk)["live"]) == ("uang", True)
    again = talk.say("belum cair juga", "incentive_unpaid")
    assert "masih di antrean" in again
    talk.policy = Policy()
    assert "diperiksa petugas" not in talk.say("belum cair juga", "incentive_unpaid")


# -- what is told -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wait", "agents_there", "told"),
    [
        (timedelta(0), 1, "sedang luang"),
        (None, 1, "belum bisa saya hitung"),
        (None, 0, "belum ada petugas yang tersambung"),
        (timedelta(seconds=20), 1, "sekitar 1 menit"),
        (timedelta(minutes=4), 1, "sekitar 4 menit"),
        (timedelta(minutes=11), 2, "sekitar 15 menit"),
    ],
)
def test_the_wait_is_told_as_far_as_it_is_known(
    talk: SampleTalk, wait: timedelta | None, agents_there: int, told: str
) -> None:
    found = Place(position=2, wait=wait, agents=agents_there)
    assert told in handoff_texts.wait_words(talk.content, found)


def test_hours_are_told_in_the_persons_zone(talk: SampleTalk) -> None:
    chats.change(talk.connection, 1, zone="WIT")
    assert "Petugas ada sampai 24 Nov, 18.00 WIT" in talk.say("petugas", "human_agent")
    talk.say("keluar antrean")
    talk.later(hours=8)
    assert "Mulai lagi Rabu, 25 Nov, 10.00 WIT" in talk.say("petugas", "human_agent")


def test_a_desk_that_never_closes_names_no_hour(talk: SampleTalk) -> None:
    calendar.set_shifts(talk.connection, range(7), [(0, 1440)])
    assert "Petugas ada siang malam. Kalau 30 menit" in talk.say("petugas", "human_agent")
    talk.say("keluar antrean")
    assert "siang malam. Tempat Kakak tetap" in talk.say("saya tunanetra, petugas", "human_agent")


def test_a_wait_that_would_be_too_long_is_not_begun(talk: SampleTalk) -> None:
    rani = add_agent(talk.connection, "rani", NOW, cap=1)
    for n in range(5):
        serve(talk.connection, f"x{n}", rani, NOW, minutes=20)
    ownership.take(talk.connection, ask(talk.connection, "busy", NOW), rani, NOW)
    assert "sekitar 20 menit" in talk.say("petugas", "human_agent")
    talk.chat_id = add_chat(talk.connection, "two")
    said = talk.say("petugas", "human_agent")
    assert "Petugas penuh. Laporan Kakak nomor L-" in said
    assert "paling lambat Jumat, 27 Nov, 16.00 WIB" in said
    last = handoffs.last(talk.connection, talk.chat_id)
    assert last is not None
    assert (last["state"], last["ended_why"]) == ("closed_out", "full")


def test_asking_again_after_being_sent_home_keeps_number_and_story(talk: SampleTalk) -> None:
    talk.now = NOW + timedelta(hours=9)  # 19.00 WIB
    first = talk.say("petugas, KTP saya hilang", "human_agent")
    talk.later(hours=1)
    second = talk.say("petugas, sudah lapor polisi", "human_agent")
    rows = talk.connection.execute(select(case_rows.c.number, case_rows.c.story)).all()
    assert len(rows) == 1
    assert rows[0].number in first
    assert rows[0].number in second
    assert "KTP saya hilang" in rows[0].story
    assert "sudah lapor polisi" in rows[0].story


def test_leaving_closes_an_ordinary_case_and_never_one_of_danger(talk: SampleTalk) -> None:
    talk.say("petugas", "human_agent")
    talk.say("keluar antrean")
    talk.say("mau bunuh diri saja")
    talk.say("keluar antrean")
    states = talk.connection.execute(select(case_rows.c.topic, case_rows.c.state).order_by(case_rows.c.id)).all()
    assert [tuple(row) for row in states] == [("petugas", "closed"), ("danger", "open")]
    assert handoffs.going_on(talk.connection, 1) is None


def test_danger_goes_to_the_top_once(talk: SampleTalk) -> None:
    ask(talk.connection, "a", NOW - timedelta(hours=1))
    talk.say("petugas", "human_agent")
    assert handoffs.position(talk.connection, handoffs.going_on(talk.connection, 1)) == 2  # type: ignore[arg-type]
    talk.say("mau bunuh diri saja")
    talk.say("mau bunuh diri saja")
    assert handoffs.position(talk.connection, handoffs.going_on(talk.connection, 1)) == 1  # type: ignore[arg-type]
    assert len(talk.connection.execute(select(case_rows.c.id).where(case_rows.c.chat_id == 1)).all()) == 1


def test_words_about_the_queue_mean_it_only_for_who_is_in_it(talk: SampleTalk) -> None:
    assert handoff.asked_place(talk.turn("masih lama?")) is None
    talk.say("petugas", "human_agent")
    assert handoff.asked_place(talk.turn("masih lama?")) is not None
    assert handoff.asked_place(talk.turn("saya menunggu masih lama sekali insentif saya belum cair")) is None
    talk.policy = Policy()
    assert handoff.asked_to_leave(talk.turn("keluar antrean")) is None


def test_while_an_agent_speaks_the_bot_is_silent_and_danger_is_flagged(talk: SampleTalk) -> None:
    rani = add_agent(talk.connection, "rani", NOW)
    talk.say("petugas", "human_agent")
    ownership.take(talk.connection, int(str(going_on(talk)["id"])), rani, NOW)
    for said in ("halo", "syaratnya apa?", "/menu", "batal", "L-000001"):
        silent = dialogue.respond(replace(talk.turn(said, "greet"), owner=f"agent:{rani}"))
        assert (silent.replies, silent.handler) == ((), "agent"), said
    assert going_on(talk)["priority"] == cases.NORMAL
    silent = dialogue.respond(replace(talk.turn("mau bunuh diri saja"), owner=f"agent:{rani}"))
    assert (silent.replies, going_on(talk)["priority"]) == ((), cases.DANGER)


def test_a_number_shared_with_an_agent_is_vouched_for_without_a_word(talk: SampleTalk) -> None:
    shared = replace(talk.turn("", kind=Kind.CONTACT, phone="+6280000000001"), owner="agent:1")
    assert dialogue.respond(shared).replies == ()
    assert chats.vouched_phone(talk.connection, 1) == "+6280000000001"
    other = replace(talk.turn("", kind=Kind.CONTACT, phone="+6280000000002", own=False), owner="agent:1")
    dialogue.respond(other)
    assert chats.vouched_phone(talk.connection, 1) == "+6280000000001"


# -- agents' codes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("cek petugas P-4K7M", "P-4K7M"),
        ("cek petugas p4k7m ya", "P-4K7M"),
        ("periksa petugas P 4K7M", "P-4K7M"),
        ("cek petugas p-abcd", "P-ABCD"),
        ("cek petugas P-O1I0", "P-0110"),
        ("cek petugas pesan ini", None),
        ("cek petugas", None),
    ],
)
def test_a_code_is_found_however_it_is_typed(said: str, code: str | None) -> None:
    assert agent_check.agent_code(said) == code


def test_an_agent_who_is_switched_off_is_not_confirmed(talk: SampleTalk) -> None:
    key = add_agent(talk.connection, "rani", NOW, code="P-4K7M")
    assert "milik Rani" in talk.say("cek petugas P-4K7M", "human_agent")
    agents.switch_off(talk.connection, key, NOW)
    assert "bukan kode petugas kami" in talk.say("cek petugas P-4K7M", "human_agent")


# -- long stories -------------------------------------------------------------------------------------------------


def test_a_story_is_read_back_and_kept_whole(talk: SampleTalk) -> None:
    said = talk.say(STORY, "incentive_unpaid")
    assert "tiga hal" in said
    assert "600 ribu" in said
    assert talk.labels == ["Ya, benar", "Ada yang salah", "Bicara petugas"]
    answered = talk.say("ya", "affirm")
    assert "satu syarat yang belum lengkap" in answered
    talk.tap("Bicara petugas")
    assert STORY in str(talk.connection.execute(select(case_rows.c.story)).scalar_one())


def test_a_story_that_only_wants_a_person_or_is_a_report_goes_its_way(talk: SampleTalk) -> None:
    assert "L-" in talk.say(STORY, "human_agent")
    talk.say("mau lapor", "report_problem")
    talk.say("uang")
    talk.say(STORY, "incentive_unpaid")
    assert talk.step == "report/confirm"


def test_a_story_in_another_form_is_noted_and_the_form_stays(talk: SampleTalk) -> None:
    talk.say("mau daftar", "register_start")
    step = talk.step
    assert "tiga hal" in talk.say(STORY, "incentive_unpaid")
    assert talk.step == step
    talk.tap("Ya, benar")
    assert talk.step == step


@settings(max_examples=80, deadline=None)
@given(st.text(min_size=0, max_size=1_200), st.integers(1, 30))
def test_points_are_parts_of_the_story_and_short(text: str, times: int) -> None:
    with memory() as connection:
        talk = Talk(connection)
        noted = long_story.points(talk.turn((text + " ") * times))
    assert len(noted) <= 3
    assert all(0 < len(point) <= 101 for point in noted)
    whole = " ".join(((text + " ") * times).split())
    assert all(point.removesuffix("…") in whole for point in noted)


def test_short_messages_taps_and_walls_of_letters_are_no_stories(talk: SampleTalk) -> None:
    assert long_story.told(talk.turn("belum cair", "incentive_unpaid")) is None
    assert long_story.told(talk.turn("x" * 900)) is None
    assert long_story.told(talk.turn(STORY, kind=Kind.EDITED)) is None
