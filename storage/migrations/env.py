"""Alembic's entry: always runs on the connection that `storage.migrate` hands over."""

from alembic import context

from storage import (  # noqa: F401 - their tables belong to the metadata
    schema_campaigns,
    schema_editing,
    schema_figures,
    schema_privacy,
    schema_teaching,
)
from storage.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
