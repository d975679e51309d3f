"""Alembic's entry: run the migrations on the connection the ledger hands over, each in its own transaction."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transaction_per_migration=True)
context.run_migrations()
