"""Imports: balances that a merchant brings from another program, row by row, so that each can be shown and undone."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_20"
down_revision = "2026_11_22_19"
branch_labels = None
depends_on = None


STATEMENTS = """
CREATE TABLE imports (
    shop_id    bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    import_id  bigint GENERATED ALWAYS AS IDENTITY,
    source     text NOT NULL,
    way        text NOT NULL CHECK (way IN ('add', 'set')),
    note       text NOT NULL,
    row_count  integer NOT NULL,
    left_out   integer NOT NULL,
    read_at    timestamptz NOT NULL,
    applied_at timestamptz,
    undone_at  timestamptz,
    PRIMARY KEY (shop_id, import_id)
);
CREATE TABLE import_rows (
    shop_id     bigint NOT NULL,
    import_id   bigint NOT NULL,
    line        integer NOT NULL,
    customer_id bigint NOT NULL,
    points      bigint NOT NULL CHECK (points >= 0),
    earned_at   timestamptz,
    expires_at  timestamptz,
    moved       jsonb,
    PRIMARY KEY (shop_id, import_id, line),
    FOREIGN KEY (shop_id, import_id) REFERENCES imports (shop_id, import_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX import_rows_of_customer ON import_rows (shop_id, customer_id);
ALTER TABLE entries DROP CONSTRAINT entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check CHECK (kind IN (
    'earn', 'clawback', 'award', 'award_back', 'repay', 'hold', 'spend', 'release', 'merge', 'action', 'action_back',
    'expire', 'adjust', 'return', 'import', 'batch')) NOT VALID;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("imports", "import_rows"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
