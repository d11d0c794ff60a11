"""Telling the planner how large young tables have become.

A plan made while a table was empty takes any index for as good as the right one, and a connection keeps it however
large the table grows: above all the plans behind foreign keys, which then read every order of the shop for each line
of a new one. The server's own statistics come a minute later at the earliest; a first import is over by then. So a
worker that settles batches asks for statistics at each doubling of their number, for tables that the server still
takes for small. Fresh statistics make every connection plan anew.
"""

from __future__ import annotations

from sqlalchemy import text

from engine.work import Database

# Above this the server's own statistics keep up: they are renewed when a twentieth of a table has changed.
SMALL_ROWS = 20_000

# A table is looked at again when it has grown to twice the pages that its statistics know of.
_OUTGROWN = text("""
    SELECT quote_ident(c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relrowsecurity AND c.reltuples < :rows
      AND pg_relation_size(c.oid) >= 2 * CAST(current_setting('block_size') AS bigint) * c.relpages
      AND pg_relation_size(c.oid) > 0
""")


def learn(database: Database) -> None:
    """Renew the statistics of young tables that have outgrown them. Blocks no reader and no writer."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        names = connection.execute(_OUTGROWN, {"rows": SMALL_ROWS}).scalars().all()
        if names:
            connection.execute(text(f"ANALYZE {', '.join(names)}"))
