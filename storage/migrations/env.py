"""Alembic's entry: always runs on the connection that `storage.migrate` hands over."""

from alembic import context

from storage import schema_privacy

metadata = schema_privacy.erasures.metadata  # of the whole schema: the module adds its tables to it
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
context.run_migrations()
