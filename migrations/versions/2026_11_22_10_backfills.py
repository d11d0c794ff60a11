"""Backfills: how far a shop's history has been read in. Reconciliations: what each comparison found."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import machine_may, tenant

revision = "2026_11_22_10"
down_revision = "2026_11_22_9"
branch_labels = None
depends_on = None

# `position` is where to go on: bytes into an export, or the instant of change up to which pages were read. It moves in
# the transaction that settles what lies before it.
BACKFILLS = """
CREATE TABLE backfills (
    shop_id          bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    backfill_id      bigint GENERATED ALWAYS AS IDENTITY,
    asked_at         timestamptz NOT NULL,
    started_at       timestamptz,
    finished_at      timestamptz,
    subject          text NOT NULL DEFAULT 'orders' CHECK (subject IN ('orders', 'customers')),
    plan             text CHECK (plan IN ('export', 'pages')),
    plan_reason      text,
    recent_only      boolean,
    orders_total     bigint,
    customers_total  bigint,
    orders_read      bigint NOT NULL DEFAULT 0,
    orders_settled   bigint NOT NULL DEFAULT 0,
    customers_read    bigint NOT NULL DEFAULT 0,
    customers_settled bigint NOT NULL DEFAULT 0,
    left_out         bigint NOT NULL DEFAULT 0,
    export           text,
    export_written   bigint,
    export_grew_at   timestamptz,
    subject_read     bigint NOT NULL DEFAULT 0,
    position         text,
    trouble          text,
    tries            integer NOT NULL DEFAULT 0,
    look_at          timestamptz NOT NULL,
    lease            text,
    leased_until     timestamptz,
    PRIMARY KEY (shop_id, backfill_id)
);
-- One at a time; and the look for work reads only what is not finished.
CREATE UNIQUE INDEX backfills_unfinished ON backfills (shop_id) WHERE finished_at IS NULL;
"""

RECONCILIATIONS = """
CREATE TABLE reconciliations (
    shop_id           bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    reconciliation_id bigint GENERATED ALWAYS AS IDENTITY,
    deep              boolean NOT NULL,
    since             timestamptz NOT NULL,
    started_at        timestamptz NOT NULL,
    finished_at       timestamptz NOT NULL,
    compared          bigint NOT NULL,
    orders_healed     bigint NOT NULL,
    customers_healed  bigint NOT NULL,
    orders_gone       bigint NOT NULL,
    PRIMARY KEY (shop_id, reconciliation_id)
);
CREATE INDEX reconciliations_latest ON reconciliations (shop_id, deep, started_at DESC);
"""


def upgrade() -> None:
    op.execute(BACKFILLS)
    tenant("backfills", "SELECT, INSERT, UPDATE")
    machine_may("SELECT", "backfills")
    op.execute(RECONCILIATIONS)
    tenant("reconciliations", "SELECT, INSERT, DELETE")


def downgrade() -> None:
    raise ForwardOnly
