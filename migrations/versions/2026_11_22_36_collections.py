"""Collections of a store's goods, and which products stand in those that some rule names: since when, until when."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_36"
down_revision = "2026_11_22_35"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE collections (
    shop_id       bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    collection_id text NOT NULL,
    title         text NOT NULL,
    -- The store has it no more.
    gone_at       timestamptz,
    -- Its products are wanted before the next round.
    asked_at      timestamptz,
    -- When all its products were read last; null: never.
    read_at       timestamptz,
    products      integer NOT NULL DEFAULT 0,
    -- A reading that is under way: how many products it has found.
    so_far        integer,
    -- Why the last reading failed, in a sentence; null: it did not.
    trouble       text,
    PRIMARY KEY (shop_id, collection_id)
);
CREATE TABLE collection_members (
    shop_id       bigint NOT NULL,
    collection_id text NOT NULL,
    product_id    text NOT NULL,
    since_at      timestamptz NOT NULL,
    until_at      timestamptz,
    PRIMARY KEY (shop_id, collection_id, product_id, since_at),
    FOREIGN KEY (shop_id, collection_id) REFERENCES collections (shop_id, collection_id) ON DELETE CASCADE
);
-- The readings that are due.
CREATE INDEX collections_due ON collections (shop_id, read_at) WHERE read_at IS NOT NULL OR asked_at IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("collections", "collection_members"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
