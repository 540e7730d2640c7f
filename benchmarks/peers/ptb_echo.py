"""Peer: the shortest python-telegram-bot there is, with the custom webhook of its documentation (Starlette on uvicorn and uvloop).

https://docs.python-telegram-bot.org/en/stable/examples.customwebhookbot.html
"""

from __future__ import annotations

import argparse
import asyncio
import logging

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters


async def echo(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """The whole bot."""
    assert update.message is not None
    await update.message.reply_text(update.message.text or "")


async def serve(port: int, api: str, token: str, concurrent: bool) -> None:
    """Until it is killed."""
    builder = Application.builder().token(token).base_url(f"{api}/bot").updater(None).concurrent_updates(concurrent)
    application = builder.build()
    application.add_handler(MessageHandler(filters.TEXT, echo))

    async def hook(request: Request) -> Response:
        await application.update_queue.put(Update.de_json(await request.json(), application.bot))
        return Response()

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    web = Starlette(routes=[Route("/hook", hook, methods=["POST"]), Route("/healthz", health)])
    server = uvicorn.Server(uvicorn.Config(web, host="127.0.0.1", port=port, log_level="error", access_log=False))
    async with application:
        await application.start()
        await server.serve()
        await application.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--concurrent", action="store_true", help="concurrent_updates(True)")
    chosen = parser.parse_args()
    logging.disable(logging.WARNING)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(serve(chosen.port, chosen.api, chosen.token, chosen.concurrent))
