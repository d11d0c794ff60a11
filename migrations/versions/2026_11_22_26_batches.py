"""Batches: points that a merchant gives to many members at once, or a count of past orders by other terms; row by row,
so that each can be shown, booked in portions and undone. Drafts: terms that were tried and wait to be published. And
what an import brings beside points, and what it leaves.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_26"
down_revision = "2026_11_22_25"
branch_labels = None
depends_on = None


# `done` counts the rows that the running pass (booking, or undoing) has behind it; `reached` is the last of them.
STATEMENTS = """
CREATE TABLE batches (
    shop_id       bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    batch_no      bigint GENERATED ALWAYS AS IDENTITY,
    kind          text NOT NULL CHECK (kind IN ('give', 'recount')),
    label         text NOT NULL,
    audience      text NOT NULL,
    since         timestamptz,
    terms_version integer NOT NULL,
    row_count     integer NOT NULL,
    made_by       text NOT NULL,
    read_at       timestamptz NOT NULL,
    approved_at   timestamptz,
    booked_at     timestamptz,
    recalled_at   timestamptz,
    undone_at     timestamptz,
    reached       bigint NOT NULL DEFAULT 0,
    done          integer NOT NULL DEFAULT 0,
    PRIMARY KEY (shop_id, batch_no)
);
CREATE INDEX open_batches ON batches (shop_id, batch_no)
    WHERE (approved_at IS NOT NULL AND booked_at IS NULL AND recalled_at IS NULL)
       OR (recalled_at IS NOT NULL AND undone_at IS NULL);
CREATE TABLE batch_rows (
    shop_id     bigint NOT NULL,
    batch_no    bigint NOT NULL,
    line        bigint NOT NULL,
    customer_id bigint NOT NULL,
    order_id    bigint,
    points      bigint NOT NULL CHECK (points <> 0),
    grounds     jsonb,
    before      jsonb,
    moved       jsonb,
    PRIMARY KEY (shop_id, batch_no, line),
    FOREIGN KEY (shop_id, batch_no) REFERENCES batches (shop_id, batch_no) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, order_id) REFERENCES orders (shop_id, order_id) ON DELETE CASCADE
);
CREATE INDEX batch_rows_of_customer ON batch_rows (shop_id, customer_id);
CREATE INDEX batch_rows_of_order ON batch_rows (shop_id, order_id) WHERE order_id IS NOT NULL;
ALTER TABLE imports ADD COLUMN notes text[] NOT NULL DEFAULT '{}';
ALTER TABLE import_rows ADD COLUMN birthday text;
CREATE TABLE drafts (
    shop_id      bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    draft_id     bigint GENERATED ALWAYS AS IDENTITY,
    domain       text NOT NULL,
    name         text NOT NULL,
    body         jsonb NOT NULL,
    beside       integer NOT NULL,
    kept_at      timestamptz NOT NULL,
    PRIMARY KEY (shop_id, draft_id),
    UNIQUE (shop_id, domain, name)
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("batches", "batch_rows", "drafts"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
