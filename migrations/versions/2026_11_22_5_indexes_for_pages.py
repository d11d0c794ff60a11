"""What the merchant's pages look customers up by.

Row-level security lets the planner use an index only for operators that cannot leak a row, and `lower()` is not
among them: an index over `lower(email)` is never used by the app's role. So the keys are columns of their own, made
by the database, in an order ("C") in which a prefix is a range.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly

revision = "2026_11_22_5"
down_revision = "2026_11_22_4"
branch_labels = None
depends_on = None

STATEMENTS = """
ALTER TABLE customers
    ADD COLUMN email_key text GENERATED ALWAYS AS (lower(email)) STORED,
    ADD COLUMN name_key text
        GENERATED ALWAYS AS (lower(coalesce(first_name || ' ', '') || coalesce(last_name, ''))) STORED,
    ADD COLUMN last_name_key text GENERATED ALWAYS AS (lower(last_name)) STORED;
DROP INDEX customers_email;
CREATE INDEX customers_by_email ON customers (shop_id, email_key COLLATE "C");
CREATE INDEX customers_by_name ON customers (shop_id, name_key COLLATE "C");
CREATE INDEX customers_by_last_name ON customers (shop_id, last_name_key COLLATE "C");
-- The same index with the customer's id behind it: a stage is counted from it as before, and paged through in order.
CREATE INDEX standings_of_stage ON standings (shop_id, stage, customer_id);
DROP INDEX standings_by_stage;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)


def downgrade() -> None:
    raise ForwardOnly
