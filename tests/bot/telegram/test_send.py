"""Replies → requests and outcomes, against the fake Bot API server."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.channel import Accepted, Channel, Retry, Unknown
from bot.settings import Settings, SettingsError
from bot.telegram.send import TelegramChannel
from handlers.messages import Option, Reply, SecureForm
from tests.bot.telegram.conftest import send
from tests.fakes.telegram import TOKEN, FakeTelegram

LONG = "\n\n".join(f"Alinea {n}. " + "kata " * 300 for n in range(6)).strip()


def options(*labels: str) -> tuple[Option, ...]:
    return tuple(Option(label=label, action="intent:x") for label in labels)


def form(url: str) -> SecureForm:
    return SecureForm(key="k", fields=("nik",), url=url)


def test_the_channel_keeps_the_contract() -> None:
    made: Channel = TelegramChannel.from_settings(Settings(telegram_token=TOKEN, telegram_rate=12.0))
    assert (made.name, made.account, made.rate) == ("telegram", "123456789", 12.0)
    with pytest.raises(SettingsError, match="PANDU_TELEGRAM_TOKEN"):
        TelegramChannel("rahasia")


# -- shape -----------------------------------------------------------------------------------------------------------

REMOVE = {"remove_keyboard": True}
FORM = {"text": "Buka formulir", "url": "https://pandu.example.id/f/k"}


def rows(*row: tuple[str, ...]) -> dict[str, Any]:
    """An inline keyboard of version 12."""
    numbered = iter(range(1, 100))
    return {
        "inline_keyboard": [
            [{"text": label, "callback_data": f"o:12:{next(numbered)}"} for label in labels] for labels in row
        ]
    }


SHAPES: list[tuple[str, Reply, str, dict[str, Any] | None]] = [
    ("plain", Reply(text="Halo, Kak."), "Halo, Kak.", REMOVE),
    ("markup is text", Reply(text="a < b & <b>c</b> &amp; > d"), "a < b & <b>c</b> &amp; > d", REMOVE),
    ("unstorable characters", Reply(text="a\x00b\ud83dc"), "abc", REMOVE),
    (
        "one a row",
        Reply(text="?", options=options("Tanya insentif saya", "Menu")),
        "?",
        rows(("Tanya insentif saya",), ("Menu",)),
    ),
    (
        "short ones in pairs",
        Reply(text="?", options=options("Ya", "Tidak", "Nanti")),
        "?",
        rows(("Ya", "Tidak"), ("Nanti",)),
    ),
    ("an empty label", Reply(text="?", options=options("", "Ya")), "?", rows(("1", "Ya"))),
    (
        "descriptions are written out",
        Reply(text="Pilih.", options=(Option(label="Kursus Excel", action="a", description="Daring, 12 jam"),)),
        "Pilih.\n\n• Kursus Excel: Daring, 12 jam",
        rows(("Kursus Excel",)),
    ),
    ("form", Reply(text="Isi di sini.", form=form(FORM["url"])), "Isi di sini.", {"inline_keyboard": [[FORM]]}),
    ("form without https", Reply(text="Isi.", form=form("http://a.id/f")), "Isi.\n\nhttp://a.id/f", REMOVE),
    ("form on a laptop", Reply(text="Isi.", form=form("https://localhost/f")), "Isi.\n\nhttps://localhost/f", REMOVE),
    (
        "contact",
        Reply(text="Nomor Kakak?", ask_contact=True, options=options("Nanti saja")),
        "Nomor Kakak?",
        {
            "keyboard": [[{"text": "Bagikan nomor saya", "request_contact": True}], [{"text": "Nanti saja"}]],
            "one_time_keyboard": True,
            "resize_keyboard": True,
        },
    ),
    (
        "contact and form",
        Reply(text="?", ask_contact=True, form=form(FORM["url"])),
        f"?\n\n{FORM['url']}",
        {
            "keyboard": [[{"text": "Bagikan nomor saya", "request_contact": True}]],
            "one_time_keyboard": True,
            "resize_keyboard": True,
        },
    ),
]


@pytest.mark.parametrize(("label", "reply", "text", "markup"), SHAPES, ids=[shape[0] for shape in SHAPES])
async def test_shapes(
    channel: TelegramChannel, fake: FakeTelegram, label: str, reply: Reply, text: str, markup: dict[str, Any] | None
) -> None:
    assert isinstance(await send(channel, replace(reply, version=12)), Accepted)
    (sent,) = fake.sent
    assert (sent.text, sent.markup) == (text, markup)
    (call,) = fake.called("sendMessage")
    assert call.arguments["parse_mode"] == "HTML"


async def test_a_contact_keyboard_is_taken_away_afterwards_but_not_by_a_broadcast(
    channel: TelegramChannel, fake: FakeTelegram
) -> None:
    siti = fake.person(7)
    await send(channel, Reply(text="Nomor Kakak?", ask_contact=True))
    assert siti.keyboard
    await send(channel, "Pengumuman", lane=1, key=2)
    assert siti.keyboard
    await send(channel, "Terima kasih", key=3)
    assert siti.keyboard is None


async def test_more_options_than_buttons_are_written_out(channel: TelegramChannel, fake: FakeTelegram) -> None:
    await send(channel, Reply(text="?", options=options(*(f"Pilihan {n}" for n in range(1, 103)))))
    (sent,) = fake.sent
    assert len(sent.buttons) == 99
    assert sent.text == "?\n\n100. Pilihan 100\n101. Pilihan 101\n102. Pilihan 102"


async def test_long_texts_become_several_messages_with_the_options_on_the_last(
    channel: TelegramChannel, fake: FakeTelegram
) -> None:
    outcome = await send(channel, Reply(text=LONG, options=options("Ya")))
    assert [bool(sent.markup) for sent in fake.sent] == [False, False, True]
    assert "\n\n".join(sent.text for sent in fake.sent).split() == LONG.split()
    assert outcome == Accepted(str(fake.sent[-1].message["message_id"]))


async def test_a_retry_goes_on_behind_the_accepted_parts(channel: TelegramChannel, fake: FakeTelegram) -> None:
    fake.fail(kind="slow", method="nothing")  # stays unused: faults wait for their method
    fake.person(8)
    first = asyncio.Event()
    fake.fail()  # 500 for the very first part
    assert isinstance(await send(channel, LONG), Retry)
    assert not fake.sent
    assert not first.is_set()
    original = fake.do_sendmessage

    def second_fails(given: dict[str, Any]) -> dict[str, Any]:
        if fake.sent and not first.is_set():
            first.set()
            fake.fail(kind="cut_before")
        return dict(original(given))

    fake.do_sendmessage = second_fails  # type: ignore[method-assign]
    assert isinstance(await send(channel, LONG), Unknown)  # part 2 arrived, part 3 was cut
    assert isinstance(await send(channel, LONG, chat="8", key=2), Accepted)  # another message is not disturbed
    assert isinstance(await send(channel, LONG), Accepted)
    texts = [sent.text for sent in fake.person(7).inbox]
    assert len(texts) == 3
    assert " ".join(texts).split() == LONG.split()
