"""Announcements: by topic, with the wording kept, ended at once; forwarded text changes nothing."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, select

from handlers import subscription
from storage import outbox, subscriptions
from storage.schema import outbox as outbox_rows
from storage.schema import subscriptions as rows
from tests.handlers.talking import NOW, Talk


@pytest.fixture
def talk(connection: Connection) -> Talk:
    """A chat while the programme is closed."""
    return Talk(connection)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("kabari ya kak", "gelombang"),
        ("kabarin kalo gelombang dibuka", "gelombang"),
        ("mau info pelatihan", "pelatihan"),
        ("kabari kalau insentif cair", "insentif"),
        ("langganan semua info", "semua"),
    ],
)
def test_the_topic_is_read_and_the_wording_is_kept(talk: Talk, text: str, topic: str) -> None:
    said = talk.say(text, "subscribe")
    assert "Paling banyak satu pesan sehari. Balas BERHENTI kapan saja." in said
    row = talk.connection.execute(select(rows)).mappings().one()
    assert (row["topic"], row["since"], row["ended_at"]) == (topic, NOW, None)
    assert row["wording"] in said


def test_while_closed_no_date_is_promised(talk: Talk) -> None:
    assert "Tanggal bukanya belum saya tahu" in talk.say("kabari kalau dibuka", "subscribe")


def test_a_second_time_says_so_and_changes_nothing(talk: Talk) -> None:
    talk.say("kabari saya", "subscribe")
    talk.later(days=1)
    assert "sudah terdaftar" in talk.say("kabari saya", "subscribe")
    assert talk.connection.execute(select(rows.c.since)).scalar_one() == NOW


def test_news_of_ones_money_need_the_link_and_the_owner(talk: Talk) -> None:
    assert "tersambung ke data peserta" in talk.say("kabari insentif", "subscribe")
    assert "Hubungkan akun" in talk.labels
    said = talk.say("kabari kalau insentif ibu cair", "subscribe", subject="mother")
    assert "hanya untuk pemiliknya" in said


def test_stop_ends_everything_at_once(talk: Talk) -> None:
    talk.say("kabari gelombang", "subscribe")
    talk.say("kabari pelatihan", "subscribe")
    for lane in (outbox.REPLIES, outbox.BROADCASTS):
        waiting = {"chat_id": 1, "source": "telegram:bot", "payload": {"text": "kabar"}, "lane": lane}
        outbox.enqueue(talk.connection, [outbox.Draft(**waiting, owner_version=0, expires_at=NOW)], NOW)
    assert "Sudah berhenti" in talk.say("BERHENTI", "unsubscribe")
    assert subscriptions.topics(talk.connection, 1) == []
    assert subscriptions.stopped(talk.connection, 1)
    states = talk.connection.execute(select(outbox_rows.c.lane, outbox_rows.c.state).order_by(outbox_rows.c.lane))
    assert [tuple(row) for row in states] == [(0, "pending"), (1, "cancelled")]


def test_stop_of_one_topic_leaves_the_others(talk: Talk) -> None:
    talk.say("kabari gelombang", "subscribe")
    talk.say("kabari pelatihan", "subscribe")
    said = talk.say("stop info pelatihan", "unsubscribe")
    assert "Kabar pelatihan sudah berhenti" in said
    assert subscriptions.topics(talk.connection, 1) == ["gelombang"]
    assert not subscriptions.stopped(talk.connection, 1)


def test_stop_without_a_subscription_is_noted_all_the_same(talk: Talk) -> None:
    assert "tidak berlangganan" in talk.say("stop", "unsubscribe")
    assert subscriptions.stopped(talk.connection, 1)
    talk.say("kabari saya", "subscribe")
    assert not subscriptions.stopped(talk.connection, 1)


def test_forwarded_text_neither_begins_nor_ends(talk: Talk) -> None:
    talk.say("kabari saya", "subscribe")
    said = talk.take(subscription.unsubscribe(talk.turn("berhenti", "unsubscribe", forwarded=True)))
    assert "pesan terusan" in said
    assert subscriptions.topics(talk.connection, 1) == ["gelombang"]
    talk.take(subscription.subscribe(talk.turn("kabari pelatihan", "subscribe", forwarded=True)))
    assert subscriptions.topics(talk.connection, 1) == ["gelombang"]


def test_another_topic_is_chosen_from_the_list(talk: Talk) -> None:
    talk.say("kabari saya", "subscribe")
    talk.tap("Topik lain")
    assert talk.state.form == "subscribe"
    talk.tap("Pelatihan")
    assert subscriptions.topics(talk.connection, 1) == ["gelombang", "pelatihan"]
    assert talk.state.form is None


def test_stop_in_the_middle_of_a_form_is_no_answer(talk: Talk) -> None:
    talk.say("kabari saya", "subscribe")
    talk.say("mau daftar", "register_start")
    talk.say("setuju", "affirm")
    said = talk.say("BERHENTI", "unsubscribe")
    assert "Sudah berhenti" in said
    assert talk.state.step == "age"
