"""Pictures of announcements: kept once, named by campaigns, deleted when nothing names them; and who holds them under which id."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot import tidy
from storage import campaigns, pictures
from storage.database import Database
from storage.pictures import Picture
from storage.schema import picture_uploads

SHA, OTHER = "a" * 64, "b" * 64
BOT, NUMBER = "telegram:123", "whatsapp:456"
DAY = timedelta(days=1)


def picture(sha256: str = SHA, jpeg: bytes = b"\xff\xd8\x00jpeg") -> Picture:
    return Picture(sha256=sha256, jpeg=jpeg, width=1280, height=720)


def announce(connection: Connection, name: str, content: dict[str, object], now: datetime) -> int:
    row = {"name": name, "content": content, "audience": {"filter": {}}, "sources": [BOT]}
    return campaigns.create(connection, row, actor="operator:budi", now=now)


async def test_a_picture_comes_back_byte_by_byte_and_is_kept_once(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        pictures.add(connection, picture(), author="operator:budi", now=now)
        pictures.add(connection, picture(), author="operator:ani", now=now)
        assert pictures.jpeg(connection, SHA) == b"\xff\xd8\x00jpeg"
        assert dict(pictures.facts(connection, SHA) or {}) == {"width": 1280, "height": 720, "size": 7}
        assert pictures.jpeg(connection, OTHER) is None
        assert pictures.facts(connection, OTHER) is None

    await database.write(work)


async def test_only_pictures_that_nothing_names_are_deleted_and_only_after_a_day(
    database: Database, now: datetime
) -> None:
    def work(connection: Connection) -> None:
        for sha in (SHA, OTHER):
            pictures.add(connection, picture(sha), author="operator:budi", now=now)
        announce(connection, "jadwal", {"text": "Halo", "image": SHA, "words": []}, now)
        announce(connection, "polos", {"text": "Halo", "words": []}, now)
        assert pictures.delete_unused(connection, before=now, limit=10) == 0
        assert pictures.delete_unused(connection, before=now + DAY, limit=10) == 1
        assert pictures.facts(connection, SHA)
        assert pictures.facts(connection, OTHER) is None

    await database.write(work)


async def test_a_picture_that_a_draft_names_again_stays_another_day(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        pictures.add(connection, picture(), author="operator:budi", now=now - DAY)
        assert pictures.name(connection, SHA, now)
        assert not pictures.name(connection, OTHER, now)
        assert pictures.delete_unused(connection, before=now, limit=10) == 0
        pictures.add(connection, picture(), author="operator:budi", now=now + DAY)
        assert pictures.delete_unused(connection, before=now + DAY, limit=10) == 0

    await database.write(work)


async def test_tidying_deletes_them_with_what_platforms_call_them(database: Database) -> None:
    present = await database.now()

    def put(connection: Connection) -> None:
        for sha, at in ((SHA, present - 2 * DAY), (OTHER, present)):
            pictures.add(connection, picture(sha), author="operator:budi", now=at)
            pictures.keep_upload(connection, BOT, sha, platform_id=f"id of {sha[0]}", until=None)

    await database.write(put)
    await tidy.once(database)
    left = await database.read(lambda c: c.execute(picture_uploads.select()).mappings().all())
    assert [row["sha256"] for row in left] == [OTHER]
    assert await database.read(lambda c: pictures.facts(c, SHA)) is None


async def test_an_upload_counts_until_its_end_and_for_its_account_alone(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        pictures.add(connection, picture(), author="operator:budi", now=now)
        pictures.keep_upload(connection, BOT, SHA, platform_id="AgAC", until=None)
        pictures.keep_upload(connection, NUMBER, SHA, platform_id="1", until=now + DAY)
        found = pictures.upload(connection, BOT, SHA, now + 9999 * DAY)
        assert found
        assert (found["platform_id"], found["until"]) == ("AgAC", None)
        found = pictures.upload(connection, NUMBER, SHA, now)
        assert found
        assert (found["platform_id"], found["until"]) == ("1", now + DAY)
        assert pictures.upload(connection, NUMBER, SHA, now + DAY) is None
        assert pictures.upload(connection, "telegram:124", SHA, now) is None
        assert pictures.upload(connection, BOT, OTHER, now) is None

    await database.write(work)


async def test_a_refused_id_is_forgotten_but_never_its_successor(database: Database, now: datetime) -> None:
    def work(connection: Connection) -> None:
        pictures.add(connection, picture(), author="operator:budi", now=now)
        pictures.keep_upload(connection, BOT, SHA, platform_id="old", until=None)
        pictures.keep_upload(connection, BOT, SHA, platform_id="new", until=None)
        pictures.forget_upload(connection, BOT, SHA, platform_id="old")
        found = pictures.upload(connection, BOT, SHA, now)
        assert found
        assert found["platform_id"] == "new"
        pictures.forget_upload(connection, BOT, SHA, platform_id="new")
        assert pictures.upload(connection, BOT, SHA, now) is None

    await database.write(work)
