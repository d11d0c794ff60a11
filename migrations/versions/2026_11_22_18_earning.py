"""What earning needs: more facts of orders, lines and refunds, receipts of entries, and deeds.

Columns are added with a constant, so that no table is rewritten. Orders from before this step say that nothing was
paid with credit and that their prices hold no tax, which is how they were reckoned.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_18"
down_revision = "2026_11_22_17"
branch_labels = None
depends_on = None

FACTS = """
ALTER TABLE orders
    ADD COLUMN list_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN tax_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN tax_included boolean NOT NULL DEFAULT false,
    ADD COLUMN shipping_minor bigint NOT NULL DEFAULT 0,
    -- Null: somebody paid with gift cards or store credit, and we have not been told how much.
    ADD COLUMN credit_minor bigint DEFAULT 0,
    ADD COLUMN fulfilled_at timestamptz,
    ADD COLUMN channel text NOT NULL DEFAULT 'online' CHECK (channel IN ('online', 'pos', 'draft')),
    ADD COLUMN gateways text[] NOT NULL DEFAULT '{}';
ALTER TABLE order_lines ADD COLUMN line_id text, ADD COLUMN variant_id text, ADD COLUMN vendor text;
ALTER TABLE refunds ADD COLUMN lines jsonb NOT NULL DEFAULT '[]';
"""

# The whole list of kinds, so that it does not matter which of several steps writes it last. `NOT VALID` first: nobody
# waits while the ledger is looked through.
ENTRIES = """
ALTER TABLE entries DROP CONSTRAINT IF EXISTS entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check CHECK (kind IN (
    'earn', 'clawback', 'award', 'award_back', 'repay', 'hold', 'spend', 'release', 'merge', 'action', 'action_back',
    'expire', 'adjust', 'return', 'import', 'batch')) NOT VALID;
ALTER TABLE entries VALIDATE CONSTRAINT entries_kind_check;
"""

DEEDS = """
-- What somebody did that earns points beside buying, once for each of its names; `withdrawn_at` takes it back.
CREATE TABLE deeds (
    shop_id      bigint NOT NULL,
    customer_id  bigint NOT NULL,
    action       text NOT NULL,
    deed_key     text NOT NULL,
    done_at      timestamptz NOT NULL,
    points       bigint NOT NULL CHECK (points >= 0),
    reason       text NOT NULL,
    withdrawn_at timestamptz,
    PRIMARY KEY (shop_id, customer_id, action, deed_key),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
-- Whose birthday is today: a fact like others, so that it is handed out and erased with them.
CREATE INDEX customer_facts_birthdays ON customer_facts (shop_id, value) WHERE fact = 'birthday';
-- Whose account was opened on this day of some year.
CREATE INDEX customers_created ON customers (shop_id, created_at);
"""


def upgrade() -> None:
    for group in (FACTS, ENTRIES, DEEDS):
        op.execute(group)
    tenant("deeds")


def downgrade() -> None:
    raise ForwardOnly
