"""Peer: the shortest aiogram bot there is. Repeats what it hears; understands and stores nothing. Webhook through aiohttp on uvloop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging

import uvloop
from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.types import Message
from aiogram.webhook.aiohttp_server import SimpleRequestHandler
from aiohttp import web


async def echo(message: Message) -> None:
    """The whole bot."""
    await message.answer(message.text or "")


async def serve(port: int, api: str, token: str, freeze: bool) -> None:
    """Until it is killed."""
    bot = Bot(token, session=AiohttpSession(api=TelegramAPIServer.from_base(api)))
    dispatcher = Dispatcher()
    dispatcher.message.register(echo)
    application = web.Application()
    SimpleRequestHandler(dispatcher, bot).register(application, "/hook")
    application.router.add_get("/healthz", health)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    if freeze:
        gc.collect()
        gc.freeze()
    await asyncio.Event().wait()


async def health(_request: web.Request) -> web.Response:
    """Ready."""
    return web.Response(text="ok")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--freeze", action="store_true", help="gc.freeze() before serving")
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(serve(chosen.port, chosen.api, chosen.token, chosen.freeze))
