"""The fake keeps the documented rules: offsets, webhooks with retries, limits, errors, speeds, faults."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest, TelegramConflictError, TelegramForbiddenError, TelegramRetryAfter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.fakes.telegram import TOKEN, FakeTelegram, on_loopback, serve

BUTTON = {"text": "Ya", "callback_data": "o:1:1"}


async def call(fake: FakeTelegram, method: str, **arguments: Any) -> tuple[int, dict[str, Any]]:
    """A bare request, as `curl` would send it."""
    url = f"{fake.base}/bot{TOKEN}/{method}"
    async with aiohttp.ClientSession() as client, client.post(url, json=arguments) as answer:
        return answer.status, await answer.json()


# -- getUpdates ------------------------------------------------------------------------------------------------------


async def test_updates_stay_until_a_higher_offset_confirms_them(fake: FakeTelegram, bot: Bot) -> None:
    siti = fake.person(7)
    ids = [siti.says(str(n))["update_id"] for n in range(3)]
    assert [u.update_id for u in await bot.get_updates(limit=2)] == ids[:2]
    assert [u.update_id for u in await bot.get_updates()] == ids
    assert [u.update_id for u in await bot.get_updates(offset=ids[1])] == ids[1:]
    assert [u.update_id for u in await bot.get_updates(offset=-1)] == ids[2:]
    assert await bot.get_updates(offset=ids[2] + 1) == []
    siti.says("later")
    assert len(await bot.get_updates(offset=ids[2] + 1_000_000)) == 1  # a number from the future is not believed


async def test_a_poll_waits_for_the_next_update(fake: FakeTelegram, bot: Bot) -> None:
    polling = asyncio.create_task(bot.get_updates(timeout=30, allowed_updates=["message"]))
    await fake.until(lambda: fake.called("getUpdates waits"))
    siti = fake.person(7)
    siti.blocks()  # not asked for
    siti.says("halo")
    (update,) = await polling
    assert update.message
    assert update.message.text == "halo"


async def test_only_one_may_poll_and_none_beside_a_webhook(fake: FakeTelegram, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=30))
    await fake.until(lambda: fake.called("getUpdates waits"))
    second = asyncio.create_task(bot.get_updates(timeout=30))
    with pytest.raises(TelegramConflictError, match="other getUpdates request"):
        await first
    await fake.until(lambda: len(fake.called("getUpdates waits")) == 2)
    await bot.set_webhook("https://example.org/hook")
    with pytest.raises(TelegramConflictError, match="setWebhook"):
        await second
    with pytest.raises(TelegramConflictError, match="webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert await bot.get_updates() == []


async def test_updates_expire_taps_first() -> None:
    now = [1_800_000_000.0]
    async with serve(clock=lambda: now[0]) as fake:
        siti = fake.person(7)
        await call(fake, "sendMessage", chat_id=7, text="?", reply_markup={"inline_keyboard": [[BUTTON]]})
        siti.taps(siti.inbox[0], 1)
        siti.says("halo")
        now[0] += 151
        assert len((await call(fake, "getUpdates"))[1]["result"]) == 1
        (tap,) = fake.taps
        assert "query is too old" in (await call(fake, "answerCallbackQuery", callback_query_id=tap))[1]["description"]
        now[0] += 86_400
        assert (await call(fake, "getUpdates"))[1]["result"] == []
        assert len(fake.queue.dropped) == 2


# -- the webhook -----------------------------------------------------------------------------------------------------


async def delivered(answers: list[Response], fake: FakeTelegram, updates: int) -> list[tuple[int, str | None]]:
    """What a webhook got that gives these answers, and 200 when they have run out."""
    got: list[tuple[int, str | None]] = []

    async def hook(request: Request) -> Response:
        got.append(((await request.json())["update_id"], request.headers.get("X-Telegram-Bot-Api-Secret-Token")))
        return answers.pop(0) if answers else Response()

    async with on_loopback(Starlette(routes=[Route("/hook", hook, methods=["POST"])])) as base:
        await call(fake, "setWebhook", url=f"{base}/hook", secret_token="s")
        for _ in range(updates):
            fake.person(7).says("halo")
        async with asyncio.timeout(5):
            while fake.queue.waiting:
                await asyncio.gather(*fake.queue._tasks.values())
    return got


async def test_a_webhook_gets_each_update_in_order_until_it_says_yes(fake: FakeTelegram) -> None:
    got = await delivered([Response(status_code=500), Response(status_code=302), Response(status_code=500)], fake, 2)
    assert got == [(1001, "s")] * 4 + [(1002, "s")]
    assert fake.queue.delays == [0, 2, 4]
    assert "500" in (await call(fake, "getWebhookInfo"))[1]["result"]["last_error_message"]


async def test_a_webhook_may_ask_for_patience(fake: FakeTelegram) -> None:
    await delivered([Response(status_code=503, headers={"Retry-After": "5"})] * 2, fake, 1)
    assert fake.queue.delays == [5, 5]


async def test_an_update_that_no_webhook_takes_is_dropped(fake: FakeTelegram) -> None:
    got = await delivered([Response(status_code=503, headers={"Retry-After": "3600"})] * 25, fake, 2)
    assert fake.queue.dropped == [1001]
    assert got[-1][0] == 1002


@pytest.mark.parametrize(
    ("url", "secret", "words"),
    [("http://example.org/", "s", "HTTPS URL"), ("https://example.org/", "a b", "unallowed characters")],
)
async def test_set_webhook_refuses(fake: FakeTelegram, url: str, secret: str, words: str) -> None:
    status, answer = await call(fake, "setWebhook", url=url, secret_token=secret)
    assert status == 400
    assert words in answer["description"]


# -- sending ---------------------------------------------------------------------------------------------------------

MARKUP_ERRORS = [
    ("a < b", 'Unsupported start tag "" at byte offset 2'),
    ("é <abac aba", 'Unsupported start tag "abac" at byte offset 3'),
    ("x <b", "Unclosed start tag at byte offset 2"),
    ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
    ("x</b>", "Unexpected end tag at byte offset 1"),
    ("<b>x</b", "Unclosed end tag at byte offset 4"),
    ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
]
KEYBOARD_ERRORS: list[tuple[Any, str]] = [
    ("{", "can't parse JSON object"),
    ("[]", "object expected as reply markup"),
    ({"inline_keyboard": "x"}, "can't parse reply keyboard markup"),
    ({"inline_keyboard": [[{**BUTTON, "callback_data": "é" * 33}]]}, "BUTTON_DATA_INVALID"),
    ({"inline_keyboard": [[BUTTON]] * 101}, "reply markup is too long"),
    ({"inline_keyboard": [[{"text": "Ya"}]]}, "text buttons are unallowed"),
    ({"inline_keyboard": [[{"text": "", "url": "https://a.id"}]]}, "non-empty"),
    ({"inline_keyboard": [[{"text": "x", "url": "https://lokal"}]]}, "Wrong HTTP URL"),
]


@pytest.mark.parametrize(
    ("arguments", "description"),
    [
        ({"chat_id": 7}, "message text is empty"),
        ({"chat_id": 7, "text": " \u200b\n"}, "text must be non-empty"),
        ({"chat_id": 7, "text": "x" * 4097}, "message is too long"),
        ({"text": "halo"}, "chat_id is empty"),
        ({"chat_id": 8, "text": "halo"}, "chat not found"),
        ({"chat_id": "@nobody", "text": "halo"}, "chat not found"),
        *(
            ({"chat_id": 7, "text": text, "parse_mode": "HTML"}, f"can't parse entities: {why}")
            for text, why in MARKUP_ERRORS
        ),
        *(({"chat_id": 7, "text": "?", "reply_markup": markup}, why) for markup, why in KEYBOARD_ERRORS),
    ],
)
async def test_send_message_refuses(fake: FakeTelegram, arguments: dict[str, Any], description: str) -> None:
    fake.person(7)
    status, answer = await call(fake, "sendMessage", **arguments)
    assert (status, answer["error_code"], answer["ok"]) == (400, 400, False)
    assert description in answer["description"]
    assert not fake.sent


async def test_4096_are_counted_after_parsing(fake: FakeTelegram) -> None:
    fake.person(7)
    status, answer = await call(fake, "sendMessage", chat_id=7, text="<b>" + "&amp;" * 4096 + "</b>", parse_mode="HTML")
    assert status == 200
    assert answer["result"]["text"] == "&" * 4096


async def test_blocked_and_back(fake: FakeTelegram, bot: Bot) -> None:
    siti = fake.person(7)
    siti.blocks()
    with pytest.raises(TelegramForbiddenError, match="blocked by the user"):
        await bot.send_message(7, "halo")
    siti.unblocks()
    await bot.send_message(7, "halo")
    statuses = [u.my_chat_member.new_chat_member.status for u in await bot.get_updates() if u.my_chat_member]
    assert statuses == ["kicked", "member"]


async def test_flood_control_has_a_burst_and_says_how_long() -> None:
    now = [1_800_000_000.0]
    async with serve(clock=lambda: now[0]) as fake:
        fake.flood.on = True
        fake.person(7)
        assert [(await call(fake, "sendMessage", chat_id=7, text="x"))[0] for _ in range(4)] == [200, 200, 200, 429]
        now[0] += 1
        assert (await call(fake, "sendMessage", chat_id=7, text="x"))[0] == 200
        for chat in range(100, 129):
            fake.person(chat)
            await call(fake, "sendMessage", chat_id=chat, text="x")
        fake.person(200)
        status, answer = await call(fake, "sendMessage", chat_id=200, text="x")
        assert (status, answer["parameters"]) == (429, {"retry_after": 1})
        assert fake.flood.refused == 2


async def test_a_thousand_a_second_are_paid_for_beside_thirty_free_ones() -> None:
    async with serve(clock=lambda: 1_800_000_000.0) as fake:
        fake.flood.on = True
        for chat in range(1, 1033):
            fake.person(chat)
        paid = [
            (await call(fake, "sendMessage", chat_id=chat, text="x", allow_paid_broadcast=True))[0]
            for chat in range(1, 1002)
        ]
        assert (paid.count(200), paid[-1]) == (1000, 429)
        free = [(await call(fake, "sendMessage", chat_id=chat, text="x"))[0] for chat in range(1002, 1033)]
        assert (free.count(200), free[-1]) == (30, 429)
        assert sum(sent.paid for sent in fake.sent) == 1000


async def test_faults_on_demand(fake: FakeTelegram, bot: Bot) -> None:
    fake.person(7)
    fake.fail(kind="cut_before")
    with pytest.raises(Exception, match="ServerDisconnectedError"):
        await bot.send_message(7, "one")
    fake.fail(kind="cut_after")
    with pytest.raises(Exception, match="ServerDisconnectedError"):
        await bot.send_message(7, "two")
    fake.fail(status=429, description="Too Many Requests: retry after 3", parameters={"retry_after": 3})
    with pytest.raises(TelegramRetryAfter) as caught:
        await bot.send_message(7, "three")
    assert caught.value.retry_after == 3
    assert [sent.text for sent in fake.sent] == ["two"]
    assert [call.status for call in fake.called("sendMessage")] == [0, 0, 429]


async def test_edits_know_when_nothing_changes(fake: FakeTelegram, bot: Bot) -> None:
    fake.person(7)
    message = await bot.send_message(7, "halo")
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_text("halo", chat_id=7, message_id=message.message_id)
    with pytest.raises(TelegramBadRequest, match="message to edit not found"):
        await bot.edit_message_text("halo", chat_id=7, message_id=999)


@pytest.mark.parametrize("shape", ["query", "json", "urlencoded", "multipart"])
async def test_every_way_to_pass_arguments(fake: FakeTelegram, shape: str) -> None:
    fake.person(7)
    given = {"chat_id": "7", "text": "halo é 🏟"}
    form = aiohttp.FormData(given) if shape == "urlencoded" else aiohttp.MultipartWriter("form-data")
    if isinstance(form, aiohttp.MultipartWriter):
        for key, value in given.items():
            form.append(value).set_content_disposition("form-data", name=key)
    how = {"query": {"params": given}, "json": {"json": given}}.get(shape, {"data": form})
    async with aiohttp.ClientSession() as client, client.post(f"{fake.base}/bot{TOKEN}/SENDMESSAGE", **how) as answer:
        assert (await answer.json())["result"]["text"] == "halo é 🏟"


async def test_unknown_methods_and_tokens(fake: FakeTelegram) -> None:
    async with aiohttp.ClientSession() as client:
        paths = {f"bot{TOKEN}/nonsense": 404, "bot1:x/getMe": 401, "botx/getMe": 404, "elsewhere": 404}
        for path, status in paths.items():
            async with client.get(f"{fake.base}/{path}") as answer:
                assert answer.status == status
                assert (await answer.json())["ok"] is False
