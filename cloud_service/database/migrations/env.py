"""Runs the revisions on the connection that `cloud_service.database.connection.migrate` hands over."""

from alembic import context

from cloud_service.database.columns import Table

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Table.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
