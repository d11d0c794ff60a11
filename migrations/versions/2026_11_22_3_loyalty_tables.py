"""Loyalty: the ledger of points, its lots and balances, and redemptions."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import append_only, tenant

revision = "2026_11_22_3"
down_revision = "2026_11_22_2"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE SEQUENCE lot_ids;
CREATE TABLE lots (
    shop_id      bigint NOT NULL,
    lot_id       bigint NOT NULL,
    customer_id  bigint NOT NULL,
    order_id     bigint,
    remaining    bigint NOT NULL CHECK (remaining >= 0),
    available_at timestamptz NOT NULL,
    expires_at   timestamptz,
    PRIMARY KEY (shop_id, lot_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX lots_open ON lots (shop_id, customer_id) WHERE remaining > 0;
CREATE TABLE redemptions (
    shop_id       bigint NOT NULL,
    redemption_id bigint GENERATED ALWAYS AS IDENTITY,
    customer_id   bigint NOT NULL,
    request_key   text NOT NULL,
    reward        jsonb NOT NULL,
    points        bigint NOT NULL CHECK (points > 0),
    code          text NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    terms_version integer NOT NULL,
    issued_at     timestamptz,
    refused_at    timestamptz,
    refusal       text,
    outcome       text,
    PRIMARY KEY (shop_id, redemption_id),
    UNIQUE (shop_id, code),
    UNIQUE (shop_id, customer_id, request_key),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX redemptions_open ON redemptions (shop_id, expires_at) WHERE outcome IS NULL;
CREATE TABLE entries (
    shop_id         bigint NOT NULL,
    entry_id        bigint GENERATED ALWAYS AS IDENTITY,
    customer_id     bigint NOT NULL,
    account         text NOT NULL CHECK (account IN ('points', 'held')),
    kind            text NOT NULL CHECK (kind IN ('earn', 'clawback', 'award', 'award_back', 'repay', 'hold', 'spend',
    'release')), points          bigint NOT NULL CHECK (points <> 0), lot_id          bigint, order_id        bigint,
    redemption_id   bigint, idempotency_key text NOT NULL, terms_version   integer NOT NULL, sentence        text NOT
    NULL, available_at    timestamptz, expires_at      timestamptz, recorded_at     timestamptz NOT NULL, PRIMARY KEY
    (shop_id, entry_id), UNIQUE (shop_id, idempotency_key), FOREIGN KEY (shop_id, customer_id) REFERENCES customers
    (shop_id, customer_id) ON DELETE CASCADE, FOREIGN KEY (shop_id, lot_id) REFERENCES lots (shop_id, lot_id), FOREIGN
    KEY (shop_id, order_id) REFERENCES orders (shop_id, order_id) ON DELETE CASCADE, FOREIGN KEY (shop_id,
    redemption_id) REFERENCES redemptions (shop_id, redemption_id) ON DELETE CASCADE
);
CREATE INDEX entries_of_customer ON entries (shop_id, customer_id, entry_id);
CREATE INDEX entries_of_order ON entries (shop_id, order_id) WHERE order_id IS NOT NULL;
CREATE INDEX entries_of_redemption ON entries (shop_id, redemption_id) WHERE redemption_id IS NOT NULL;
CREATE TABLE balances (
    shop_id     bigint NOT NULL,
    customer_id bigint NOT NULL,
    points      bigint NOT NULL DEFAULT 0,
    held        bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    debt        bigint NOT NULL DEFAULT 0 CHECK (debt >= 0),
    PRIMARY KEY (shop_id, customer_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("lots", "redemptions", "balances"):
        tenant(table)
    tenant("entries", "SELECT, INSERT")
    append_only("entries")
    op.execute("GRANT USAGE ON SEQUENCE lot_ids TO perennial_app")


def downgrade() -> None:
    raise ForwardOnly
