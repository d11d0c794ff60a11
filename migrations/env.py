"""How migrations run: one at a time (advisory lock), one transaction each, and never waiting long for a lock that
shoppers hold.
"""

from __future__ import annotations

from alembic import context
from sqlalchemy import text

# Any constant will do, as long as every deploy uses the same: "PERE" in ASCII.
MIGRATION_LOCK = 0x50455245


def run() -> None:
    connection = context.config.attributes["connection"]
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.execute(text("SET statement_timeout = '10min'"))
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
    connection.commit()
    try:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


run()
