"""A few hundred wild inputs to every address; `make fuzz` sends ten thousand (the same generator, another seed)."""

from __future__ import annotations

from storage.database import Database
from tests.bot.fuzz import Fuzz

COUNT, SEED = 480, 7


async def test_nothing_is_a_500_and_nothing_that_was_stored_is_given_up(database: Database) -> None:
    fuzz = Fuzz(database.url)
    await fuzz.prepare()
    found = await fuzz.run(COUNT, SEED)
    await fuzz.close()
    assert found.failures == []
    assert found.troubled == {}
    answered = {kind for kind, status in found.statuses if status < 400}
    assert answered >= {"telegram", "whatsapp", "sms", "web_chat", "secure_form", "desk"}, (
        "the inputs reach the program"
    )
