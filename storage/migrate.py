"""Migrations: brings a database to this version's schema (Alembic; expand/contract, so that old and new workers run together)."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from storage import schema_campaigns as _campaigns  # noqa: F401 - its tables belong to the metadata that migrations are compared with

MIGRATIONS = Path(__file__).parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Runs what is missing, in the caller's transaction (a storage function: use with `Database.write`)."""
    command.upgrade(_config(connection), "head")


def current(connection: Connection) -> str | None:
    """The database's revision; None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The revision of this version of the program."""
    return ScriptDirectory.from_config(_config()).get_current_head()
