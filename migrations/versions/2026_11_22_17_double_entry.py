"""Double entry, and the chain: the other side of each entry, the receipt that it bears, the links that seal them, and
the kept totals.

`counter` is what the kind decides, in the one place where the kinds are listed with it. Adding it writes the table
anew; no shop has a ledger of an earlier release. Rows from before have the batch 0, and belong to no link.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import append_only, tenant

revision = "2026_11_22_17"
down_revision = "2026_11_22_16"
branch_labels = None
depends_on = None

ENTRIES = """
ALTER TABLE entries DROP CONSTRAINT entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check CHECK (kind IN (
    'earn', 'clawback', 'award', 'award_back', 'repay', 'hold', 'spend', 'release', 'merge',
    'action', 'action_back', 'expire', 'adjust', 'return', 'import', 'batch')) NOT VALID;
ALTER TABLE entries VALIDATE CONSTRAINT entries_kind_check;
CREATE SEQUENCE ledger_batches;
ALTER TABLE entries
    ADD COLUMN counter text NOT NULL GENERATED ALWAYS AS (CASE
        WHEN kind IN ('earn', 'award', 'action', 'import') THEN 'issued'
        WHEN kind IN ('clawback', 'award_back', 'action_back') THEN 'reversed'
        WHEN kind IN ('hold', 'spend', 'release', 'return') THEN 'spent'
        WHEN kind = 'expire' THEN 'expired'
        WHEN kind IN ('adjust', 'batch') THEN 'adjusted'
        WHEN kind IN ('repay', 'merge') THEN 'moved' END) STORED,
    ADD COLUMN batch_id bigint NOT NULL DEFAULT 0,
    ADD COLUMN receipt json;
"""

# `marks` has four bytes for each entry, the beginning of its hash: enough to say which of them was changed.
CHAIN = """
CREATE TABLE ledger_links (
    shop_id        bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    seq            bigint NOT NULL,
    batch_id       bigint NOT NULL,
    entries        integer NOT NULL CHECK (entries > 0),
    first_entry_id bigint NOT NULL,
    last_entry_id  bigint NOT NULL,
    linked_at      timestamptz NOT NULL,
    marks          bytea NOT NULL,
    digest         bytea NOT NULL,
    previous       bytea NOT NULL,
    hash           bytea NOT NULL,
    PRIMARY KEY (shop_id, seq),
    UNIQUE (shop_id, batch_id)
);
CREATE INDEX ledger_links_by_time ON ledger_links (shop_id, linked_at);
CREATE TABLE ledger_heads (
    shop_id  bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    seq      bigint NOT NULL,
    hash     bytea NOT NULL,
    previous bytea NOT NULL,
    points   bigint NOT NULL,
    held     bigint NOT NULL
) WITH (fillfactor = 50);
-- Slots are quarters of an hour: every zone's midnight is the beginning of one.
CREATE TABLE ledger_totals (
    shop_id  bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    slot     timestamptz NOT NULL,
    issued   bigint NOT NULL,
    reversed bigint NOT NULL,
    spent    bigint NOT NULL,
    expired  bigint NOT NULL,
    adjusted bigint NOT NULL,
    moved    bigint NOT NULL,
    PRIMARY KEY (shop_id, slot)
) WITH (fillfactor = 70);
"""

# Whoever runs migrations owns the table, and may have no right to look past its rows' lock otherwise.
TOTALS_SO_FAR = """
ALTER TABLE entries NO FORCE ROW LEVEL SECURITY;
INSERT INTO ledger_heads
SELECT shop_id, 0, decode(repeat('00', 32), 'hex'), decode(repeat('00', 32), 'hex'),
       coalesce(sum(points) FILTER (WHERE account = 'points'), 0),
       coalesce(sum(points) FILTER (WHERE account = 'held'), 0)
FROM entries GROUP BY shop_id;
INSERT INTO ledger_totals
SELECT shop_id, date_bin('15 minutes', recorded_at, '2000-01-01 00:00Z'),
       coalesce(sum(points) FILTER (WHERE counter = 'issued'), 0),
       coalesce(sum(points) FILTER (WHERE counter = 'reversed'), 0),
       coalesce(sum(points) FILTER (WHERE counter = 'spent'), 0),
       coalesce(sum(points) FILTER (WHERE counter = 'expired'), 0),
       coalesce(sum(points) FILTER (WHERE counter = 'adjusted'), 0),
       coalesce(sum(points) FILTER (WHERE counter = 'moved'), 0)
FROM entries GROUP BY 1, 2;
ALTER TABLE entries FORCE ROW LEVEL SECURITY;
"""


def upgrade() -> None:
    for group in (ENTRIES, CHAIN, TOTALS_SO_FAR):
        op.execute(group)
    tenant("ledger_links", "SELECT, INSERT")
    append_only("ledger_links")
    for table in ("ledger_heads", "ledger_totals"):
        tenant(table)
    op.execute("GRANT USAGE ON SEQUENCE ledger_batches TO perennial_app")


def downgrade() -> None:
    raise ForwardOnly
