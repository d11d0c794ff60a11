"""Three statements that make a table a shop's own: row-level security, forced on its owner too, and the rights of the
two roles.

`perennial_app` is the role of everything that works for one shop: it sees only the rows of the shop that its
transaction named. `perennial_machine` is the role of the engine's look across shops ("who has work waiting?"): it is
let in per table, by `machine_may`.
"""

from __future__ import annotations

from alembic import op

APP_ROLE = "perennial_app"
MACHINE_ROLE = "perennial_machine"

# Evaluated once a statement, because it stands in a sub-select; an unset shop gives NULL, and NULL matches no row.
SHOP = "(SELECT nullif(current_setting('app.shop_id', true), '')::bigint)"


def create_roles() -> None:
    """Both roles, and the right of the connecting role to enter them.

    Roles belong to the whole server: they may exist already.
    """
    for role in (APP_ROLE, MACHINE_ROLE):
        _tolerate(f"CREATE ROLE {role} NOLOGIN")
        _tolerate(f"EXECUTE format('GRANT {role} TO %I', current_user)")
        op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")


def _tolerate(statement: str) -> None:
    """Run a statement that another database of this server may have run already, perhaps at this very moment."""
    trouble = "duplicate_object OR unique_violation"
    op.execute(f"DO $$ BEGIN {statement}; EXCEPTION WHEN {trouble} THEN NULL; END $$")


def tenant(table: str, rights: str = "SELECT, INSERT, UPDATE, DELETE") -> None:
    """`table` holds rows of many shops; each transaction sees and writes only its own shop's."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY shop_only ON {table} TO {APP_ROLE} USING (shop_id = {SHOP}) WITH CHECK (shop_id = {SHOP})"
    )
    op.execute(f"GRANT {rights} ON {table} TO {APP_ROLE}")


def machine_may(rights: str, table: str) -> None:
    """Let the engine's look across shops do `rights` on `table`."""
    op.execute(f"CREATE POLICY machine ON {table} TO {MACHINE_ROLE} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT {rights} ON {table} TO {MACHINE_ROLE}")


def append_only(table: str) -> None:
    """Rows of `table` are written once.

    Erasing a whole shop is the one exception, and says so with a setting of its transaction.
    """
    op.execute(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
