"""The fake is honest: aiogram and python-telegram-bot work against it unpatched; it refuses what the server refuses."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiogram import Bot, Dispatcher, F, types
from aiogram.filters import CommandStart
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.error import InvalidToken
from telegram.ext import Application, CallbackQueryHandler, CommandHandler, ContextTypes, MessageHandler, filters

from tests.fakes.telegram import TOKEN, FakeTelegram


def echo_dispatcher() -> Dispatcher:
    dispatcher = Dispatcher()
    button = types.InlineKeyboardButton(text="Ya", callback_data="o:1:1")
    keyboard = types.InlineKeyboardMarkup(inline_keyboard=[[button]])

    @dispatcher.message(CommandStart())
    async def start(message: types.Message) -> None:
        await message.answer("Mulai", reply_markup=keyboard)

    @dispatcher.message(F.text)
    async def echo(message: types.Message) -> None:
        await message.answer(f"<b>{message.text}</b>", parse_mode="HTML")

    @dispatcher.callback_query()
    async def tapped(query: types.CallbackQuery) -> None:
        await query.answer("ok")
        assert isinstance(query.message, types.Message)
        await query.message.edit_text(f"Dipilih {query.data}")
        await query.message.answer("Terima kasih")

    return dispatcher


async def test_aiogram_polls_echoes_and_answers_taps(fake: FakeTelegram, bot: Bot) -> None:
    siti = fake.person(7)
    dispatcher = echo_dispatcher()
    polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False))
    siti.says("/start abc")
    first = await fake.wait_for_reply(siti, 1)
    siti.taps(first, 1)
    assert (await fake.wait_for_reply(siti, 2)).text == "Terima kasih"
    assert first.message["text"] == "Dipilih o:1:1"
    assert not fake.taps
    siti.says("halo 🏟 dunia")
    third = await fake.wait_for_reply(siti, 3)
    assert (third.text, third.message["entities"]) == ("halo 🏟 dunia", [{"type": "bold", "offset": 0, "length": 13}])
    await dispatcher.stop_polling()
    await polling


async def test_aiogram_takes_its_webhook(fake: FakeTelegram, bot: Bot) -> None:
    siti = fake.person(7)
    application = web.Application()
    handler = SimpleRequestHandler(echo_dispatcher(), bot, handle_in_background=False, secret_token="rahasia")
    handler.register(application, path="/hook")
    runner = web.AppRunner(application)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    await bot.set_webhook(f"http://127.0.0.1:{listener.getsockname()[1]}/hook", secret_token="rahasia")
    siti.says("/start")
    siti.taps(await fake.wait_for_reply(siti, 1), 1)
    await fake.wait_for_reply(siti, 2)
    await fake.until(lambda: not fake.queue.waiting)
    assert [status for _, status in fake.queue.attempts] == [200, 200]
    assert (await bot.get_webhook_info()).pending_update_count == 0
    await runner.cleanup()


async def test_python_telegram_bot_polls_echoes_and_answers_taps(fake: FakeTelegram) -> None:
    siti = fake.person(7)
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Ya", callback_data="o:1:1")]])

    async def start(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message
        assert context.args == ["abc"]
        await update.message.reply_text("Mulai", reply_markup=keyboard)

    async def echo(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.message
        await update.message.reply_html(f"<i>{update.message.text}</i>")

    async def tapped(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        assert update.callback_query
        await update.callback_query.answer()
        await update.callback_query.edit_message_text("Dipilih")

    application = Application.builder().token(TOKEN).base_url(f"{fake.base}/bot").build()
    application.add_handler(CommandHandler("start", start))
    application.add_handler(MessageHandler(filters.TEXT, echo))
    application.add_handler(CallbackQueryHandler(tapped))
    async with application:
        await application.start()
        assert application.updater
        await application.updater.start_polling(allowed_updates=["message", "callback_query"])
        siti.says("/start abc")
        first = await fake.wait_for_reply(siti, 1)
        siti.taps(first, 1)
        await fake.until(lambda: fake.called("editMessageText"))
        assert first.message["text"] == "Dipilih"
        siti.says("halo")
        assert (await fake.wait_for_reply(siti, 2)).text == "halo"
        await application.updater.stop()
        await application.stop()
    assert fake.queue.allowed == ["message", "callback_query"]


async def test_python_telegram_bot_takes_every_answer_as_its_types(fake: FakeTelegram) -> None:
    siti = fake.person(7)
    application = Application.builder().token(TOKEN).base_url(f"{fake.base}/bot").build()
    async with application:
        bot = application.bot
        assert bot.username == "pandu_test_bot"
        assert await bot.set_my_commands([("menu", "Menu")])
        assert [command.command for command in await bot.get_my_commands()] == ["menu"]
        assert (await bot.get_chat(siti.id)).first_name == "Siti"
        assert await bot.send_chat_action(siti.id, "typing")
        sent = await bot.send_message(siti.id, "halo")
        assert await bot.delete_message(siti.id, sent.message_id)
        assert (await bot.get_webhook_info()).url == ""
        assert await bot.set_my_description("Asisten")
        assert await bot.set_my_short_description("Asisten")
    stranger = Application.builder().token("1:none").base_url(f"{fake.base}/bot").build()
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.bot.shutdown()
