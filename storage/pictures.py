"""Pictures of announcements, by the hash of their bytes, and the ids under which platforms hold them (docs/broadcast.md)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, or_, select, update

from storage.inbox import insert_for
from storage.schema import campaigns, picture_uploads, pictures

UNUSED: Final = timedelta(days=1)  # how long a picture waits for an announcement that names it


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as it is sent."""

    sha256: str
    jpeg: bytes
    width: int
    height: int


def add(connection: Connection, picture: Picture, *, author: str, now: datetime) -> None:
    """Keeps a picture; one that is there already is kept for another day."""
    row = {name: getattr(picture, name) for name in picture.__slots__}
    statement = insert_for(connection)(pictures).values(**row, author=author, at=now)
    connection.execute(statement.on_conflict_do_update(index_elements=["sha256"], set_={"at": now}))


def name(connection: Connection, sha256: str, now: datetime) -> bool:
    """Whether there is such a picture; it then stays for another day, until the draft that names it is written."""
    return bool(connection.execute(update(pictures).where(pictures.c.sha256 == sha256).values(at=now)).rowcount)


def facts(connection: Connection, sha256: str) -> RowMapping | None:
    """`width`, `height` and `size` in bytes, without the bytes; None where there is no such picture."""
    size = func.length(pictures.c.jpeg).label("size")
    statement = select(pictures.c.width, pictures.c.height, size).where(pictures.c.sha256 == sha256)
    return connection.execute(statement).mappings().first()


def jpeg(connection: Connection, sha256: str) -> bytes | None:
    """The bytes; None where there is no such picture."""
    found = connection.execute(select(pictures.c.jpeg).where(pictures.c.sha256 == sha256)).scalar()
    return None if found is None else bytes(found)


def upload(connection: Connection, source: str, sha256: str, now: datetime) -> RowMapping | None:
    """`platform_id` and `until` of a channel account's upload ("telegram:123"); None where it has none that still counts."""
    kept = or_(picture_uploads.c.until.is_(None), picture_uploads.c.until > now)
    statement = select(picture_uploads.c.platform_id, picture_uploads.c.until)
    return connection.execute(statement.where(*_mine(source, sha256), kept)).mappings().first()


def keep_upload(connection: Connection, source: str, sha256: str, *, platform_id: str, until: datetime | None) -> None:
    """Writes down an upload, over an earlier one."""
    values = {"platform_id": platform_id, "until": until}
    statement = insert_for(connection)(picture_uploads).values(source=source, sha256=sha256, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["source", "sha256"], set_=values))


def forget_upload(connection: Connection, source: str, sha256: str, *, platform_id: str | None = None) -> None:
    """Forgets an id that the platform refused; a newer one, which another process has written, stays. None: whichever it is."""
    refused = () if platform_id is None else (picture_uploads.c.platform_id == platform_id,)
    connection.execute(delete(picture_uploads).where(*_mine(source, sha256), *refused))


def _mine(source: str, sha256: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return picture_uploads.c.source == source, picture_uploads.c.sha256 == sha256


def delete_unused(connection: Connection, *, before: datetime, limit: int) -> int:
    """Deletes up to `limit` pictures that no announcement names and that were put down before a moment; returns how many."""
    image = campaigns.c.content["image"].as_string()
    named = select(image).where(image.is_not(None))
    some = select(pictures.c.sha256).where(pictures.c.at < before, pictures.c.sha256.not_in(named)).limit(limit)
    return connection.execute(delete(pictures).where(pictures.c.sha256.in_(some), pictures.c.at < before)).rowcount
