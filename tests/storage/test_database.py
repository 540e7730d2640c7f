"""What a database's URL may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from storage import backup, migrate
from storage.database import Database, UrlError, parsed

NAMES = ("lock_timeout", "application_name")
SAYS = "sslmode=disable&options=-c%20lock_timeout%3D5s&application_name=pandu-test"


def with_more(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{SAYS}"


async def test_libpqs_own_words_reach_postgresql(postgres: Database, tmp_path: Path) -> None:
    database = Database(with_more(postgres.url))
    shown = [await database.read(lambda c, name=name: c.execute(text(f"SHOW {name}")).scalar()) for name in NAMES]
    await database.close()
    assert shown == ["5s", "pandu-test"]
    made = await backup.make(with_more(postgres.url), tmp_path / "one.pandu", tell=lambda _table, _rows: None)
    assert made.schema == migrate.head()


@pytest.mark.parametrize(
    "url", ["", "pandu.db", "sqlite://", "sqlite:///:memory:", "mysql://host/x", "postgresql://h:p/x"]
)
def test_an_address_of_no_database(url: str) -> None:
    with pytest.raises(UrlError):
        parsed(url)


def test_a_parameter_that_nobody_knows_is_named() -> None:
    with pytest.raises(UrlError, match="sslrot is no parameter"):
        Database("postgresql://host/pandu?sslrot=x")
