"""Saved states of every step of every journey, from this and earlier versions: each can be loaded, talked to and left.

`pandu dialogue map tests/dialogues --states tests/states` adds the states of new steps and never overwrites one.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from bot import app, settings
from bot.effects import Parts
from bot.terminal.session import Session
from handlers.journeys import FORMS
from handlers.messages import state_from_json
from storage import chats, inbox
from storage.database import Database
from tests.conftest import NOW

pytestmark = pytest.mark.usefixtures("in_one_thread")

FOLDER = Path(__file__).parents[1] / "states"
FILES = sorted(FOLDER.glob("*.json"))


@pytest.fixture(scope="module")
def parts() -> Parts:
    return app.parts(settings.load({"PANDU_SECRET_KEY": "states"}))


def test_every_step_has_a_saved_state() -> None:
    saved = {tuple(path.stem.split(".")) for path in FILES}
    steps = {(form.name, step.name) for form in FORMS.values() for step in form.steps}
    assert steps - saved == set()


def saved(path: Path) -> dict:
    state: dict = json.loads(path.read_text(encoding="utf-8"))
    return state


async def resumed(database: Database, parts: Parts, state: dict) -> Session:
    session = Session(database, parts, now=NOW)

    def put(connection) -> None:
        chat = inbox.chat_at(connection, ("terminal", "local", "saya"), NOW)
        chats.save_states(connection, {chat: state}, NOW)

    await database.write(put)
    return session


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_a_saved_state_goes_on(path: Path, sqlite: Database, parts: Parts) -> None:
    state = saved(path)
    session = await resumed(sqlite, parts, state)
    for words in ("insentif cair berapa lama ya kak", "🙂"):
        replies = await session.say(words)
        assert replies
        assert parts.catalogue.texts["dead_letter"] not in replies[0].text
    await session.say("batal")
    assert (await session.look())[0].form is None


@pytest.mark.parametrize(
    "change", [{"step": "langkah_lama"}, {"form": "formulir_lama"}, {"unknown_key": 1}, {"data": {}}]
)
async def test_an_unknown_state_starts_again_with_a_sentence(change: dict, sqlite: Database, parts: Parts) -> None:
    state = {**saved(FOLDER / "registration.region.json"), **change}
    session = await resumed(sqlite, parts, state)
    replies = await session.say("hmm")
    assert replies
    assert parts.catalogue.texts["dead_letter"] not in replies[0].text
    look = partial(state_from_json, (await session.look())[0].to_json())
    assert look().form in (None, "registration")
