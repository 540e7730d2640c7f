"""A reply with a picture as Telegram gets it: words below it, cut by the caption's limit, buttons under the last part."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest

from bot import picture_files
from bot.channel import Accepted, Failed, Retry
from bot.telegram.send import TelegramChannel
from handlers.messages import Option, Reply
from storage import pictures
from storage.database import Database
from tests.fakes.pictures import drawn
from tests.fakes.telegram import TOKEN, FakeTelegram

PICTURE = picture_files.shrunk(drawn())


@pytest.fixture
async def channel(fake: FakeTelegram, database: Database, now) -> AsyncIterator[TelegramChannel]:
    await database.write(partial(pictures.add, picture=PICTURE, author="operator:a", now=now))
    made = TelegramChannel(TOKEN, api=fake.base, database=database)
    yield made
    await made.close()


def pictured(text: str, **more: object) -> Reply:
    return Reply(text=text, image=PICTURE.sha256, **more)


async def test_the_words_stand_below_it_and_nothing_in_them_is_markup(
    channel: TelegramChannel, fake: FakeTelegram
) -> None:
    buttons = (Option(label="Ya", action="answer:ya"),)
    found = await channel.send("7", pictured("a < b & <b>c</b>", version=1, options=buttons), lane=0, key=1)
    assert isinstance(found, Accepted)
    (sent,) = fake.people[7].inbox
    assert sent.text == "a < b & <b>c</b>"
    assert fake.files[sent.picture].data == PICTURE.jpeg
    assert [button["text"] for button in sent.buttons] == ["Ya"]
    assert str(sent.message["message_id"]) == found.platform_id


async def test_a_long_text_goes_on_behind_the_picture_and_a_retry_behind_what_was_taken(
    channel: TelegramChannel, fake: FakeTelegram
) -> None:
    text = " ".join(f"Kalimat nomor {n} tentang jadwal." for n in range(80))
    fake.fail(1, method="sendMessage", status=500)
    assert isinstance(await channel.send("7", pictured(text), lane=0, key=1), Retry)
    assert isinstance(await channel.send("7", pictured(text), lane=0, key=1), Accepted)
    parts = fake.people[7].inbox
    assert [bool(part.picture) for part in parts] == [True] + [False] * (len(parts) - 1)
    assert len(parts) == 3
    assert all(len(part.text) <= 1024 for part in parts)
    assert " ".join(part.text for part in parts) == text
    assert len(fake.uploads) == 1


async def test_exactly_a_captions_length_is_one_message(channel: TelegramChannel, fake: FakeTelegram) -> None:
    await channel.send("7", pictured("a" * 1024), lane=0, key=1)
    await channel.send("7", pictured("b" * 1025), lane=0, key=2)
    assert [len(sent.text) for sent in fake.people[7].inbox] == [1024, 1024, 1]


async def test_broken_markup_and_another_chat_as_without_a_picture(
    channel: TelegramChannel, fake: FakeTelegram
) -> None:
    fake.person(8)
    fake.migrated[-7] = 8
    assert isinstance(await channel.send("-7", pictured("pindah"), lane=0, key=1), Accepted)
    fake.fail(1, method="sendPhoto", status=400, description="Bad Request: can't parse entities: x")
    assert isinstance(await channel.send("8", pictured("polos"), lane=0, key=2), Accepted)
    assert [sent.text for sent in fake.people[8].inbox] == ["pindah", "polos"]
    assert len(fake.uploads) == 1


@pytest.mark.parametrize(
    "told",
    [
        "Bad Request: wrong file identifier/HTTP URL specified",
        "Bad Request: wrong remote file identifier specified: Wrong string length",
        "Bad Request: FILE_REFERENCE_EXPIRED",
        "Bad Request: can't use file of type Document as Photo",
    ],
)
async def test_a_refused_id_is_uploaded_anew_once_and_then_it_is_the_picture(
    channel: TelegramChannel, fake: FakeTelegram, told: str
) -> None:
    await channel.send("7", pictured("satu"), lane=1, key=1)
    fake.fail(1, method="sendPhoto", status=400, description=told)
    assert isinstance(await channel.send("7", pictured("dua"), lane=1, key=2), Accepted)
    assert len(fake.uploads) == 2
    fake.fail(2, method="sendPhoto", status=400, description=told)
    found = await channel.send("7", pictured("tiga"), lane=1, key=3)
    assert isinstance(found, Failed)
    assert "does not take the picture" in found.note
    assert isinstance(await channel.send("7", pictured("empat"), lane=1, key=4), Accepted)


@pytest.mark.parametrize(
    "told",
    ["Bad Request: PHOTO_INVALID_DIMENSIONS", "Bad Request: IMAGE_PROCESS_FAILED", "Bad Request: PHOTO_EXT_INVALID"],
)
async def test_a_refused_picture_is_told_to_the_operator(
    channel: TelegramChannel, fake: FakeTelegram, told: str
) -> None:
    fake.fail(1, method="sendPhoto", status=400, description=told)
    found = await channel.send("7", pictured("satu"), lane=1, key=1)
    assert isinstance(found, Failed)
    assert told in found.note


async def test_a_channel_without_a_database_sends_the_text(fake: FakeTelegram) -> None:
    lonely = TelegramChannel(TOKEN, api=fake.base)
    assert isinstance(await lonely.send("7", pictured("teks"), lane=0, key=1), Accepted)
    await lonely.close()
    assert [(sent.text, sent.picture) for sent in fake.people[7].inbox] == [("teks", "")]
