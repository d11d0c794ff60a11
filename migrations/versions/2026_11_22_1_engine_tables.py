"""The machine's tables: shops, deliveries, the mirror, effects, terms, ticks."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import create_roles, machine_may, tenant

revision = "2026_11_22_1"
down_revision = None
branch_labels = None
depends_on = None

SHOPS = """
CREATE TABLE shops (
    shop_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    platform       text NOT NULL CHECK (platform IN ('shopify', 'woocommerce')),
    domain         text NOT NULL,
    external_id    text,
    name           text NOT NULL DEFAULT '',
    currency       text NOT NULL DEFAULT 'USD',
    timezone       text NOT NULL DEFAULT 'UTC',
    installed_at   timestamptz NOT NULL,
    uninstalled_at timestamptz,
    -- The store answers nobody (frozen, token dead): its effects wait until this instant.
    closed_until   timestamptz,
    closed_reason  text,
    -- Everything that the store changed before this instant has been compared with our mirror.
    reconciled_to  timestamptz NOT NULL,
    UNIQUE (platform, domain)
);
CREATE TABLE shop_credentials (
    shop_id    bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    sealed     bytea NOT NULL,
    updated_at timestamptz NOT NULL
);
"""

# The busiest tables do not point at `shops`: each insert would share-lock that one row, for all workers at once. Row-
# level security admits no other shop's id anyway; `shops.erase` empties them by name.
DELIVERIES = """
CREATE TABLE deliveries (
    shop_id      bigint NOT NULL,
    delivery_id  bigint GENERATED ALWAYS AS IDENTITY,
    dedupe_key   text NOT NULL,
    topic        text NOT NULL,
    triggered_at timestamptz,
    received_at  timestamptz NOT NULL,
    attempts     smallint NOT NULL DEFAULT 0,
    settled_at   timestamptz,
    parked_at    timestamptz,
    reason       text,
    body         bytea NOT NULL,
    PRIMARY KEY (shop_id, delivery_id),
    UNIQUE (shop_id, dedupe_key)
);
-- We compress bodies ourselves; the server's own try would only cost time.
ALTER TABLE deliveries ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX deliveries_waiting ON deliveries (shop_id, delivery_id) WHERE settled_at IS NULL AND parked_at IS NULL;
CREATE INDEX deliveries_parked ON deliveries (shop_id, delivery_id) WHERE parked_at IS NOT NULL;
CREATE INDEX deliveries_received ON deliveries (shop_id, received_at);
-- Signed deliveries for a shop that we do not know: counted and kept by name, never their bodies.
CREATE TABLE strays (
    platform    text NOT NULL,
    domain      text NOT NULL,
    topic       text NOT NULL,
    seen        bigint NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (platform, domain, topic)
);
"""

MIRROR = """
CREATE TABLE customers (
    shop_id     bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    customer_id bigint GENERATED ALWAYS AS IDENTITY,
    external_id text NOT NULL,
    email       text,
    first_name  text,
    last_name   text,
    created_at  timestamptz,
    updated_at  timestamptz,
    observed_at timestamptz NOT NULL,
    redacted_at timestamptz,
    PRIMARY KEY (shop_id, customer_id),
    UNIQUE (shop_id, external_id)
);
CREATE INDEX customers_email ON customers (shop_id, lower(email) text_pattern_ops);
CREATE TABLE orders (
    shop_id        bigint NOT NULL,
    order_id       bigint GENERATED ALWAYS AS IDENTITY,
    external_id    text NOT NULL,
    name           text NOT NULL,
    customer_id    bigint,
    currency       text NOT NULL,
    placed_at      timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    observed_at    timestamptz NOT NULL,
    paid           boolean NOT NULL,
    cancelled_at   timestamptz,
    test           boolean NOT NULL,
    goods_minor    bigint NOT NULL,
    total_minor    bigint NOT NULL,
    refunded_minor bigint NOT NULL DEFAULT 0,
    refund_count   integer NOT NULL DEFAULT 0,
    discount_codes text[] NOT NULL,
    referral_code  text,
    lines_digest   bigint NOT NULL,
    version        integer NOT NULL DEFAULT 1,
    PRIMARY KEY (shop_id, order_id),
    UNIQUE (shop_id, external_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id)
);
CREATE INDEX orders_of_customer ON orders (shop_id, customer_id, placed_at);
CREATE TABLE order_lines (
    shop_id    bigint NOT NULL,
    order_id   bigint NOT NULL,
    line_no    integer NOT NULL,
    product_id text,
    title      text NOT NULL,
    quantity   integer NOT NULL,
    net_minor  bigint NOT NULL,
    gift_card  boolean NOT NULL,
    -- No foreign key: lines are written with their order and never without; checking it for each of twenty lines costs
    -- a tenth of settling.
    PRIMARY KEY (shop_id, order_id, line_no)
);
-- Who carried which code. A table of its own and not an index over the array: row-level security keeps the planner from
-- using that.
CREATE TABLE order_codes (
    shop_id  bigint NOT NULL,
    code     text NOT NULL,
    order_id bigint NOT NULL,
    PRIMARY KEY (shop_id, code, order_id),
    FOREIGN KEY (shop_id, order_id) REFERENCES orders (shop_id, order_id) ON DELETE CASCADE
);
-- Keyed by the order's external id, because a refund may arrive before its order.
CREATE TABLE refunds (
    shop_id           bigint NOT NULL,
    order_external_id text NOT NULL,
    external_id       text NOT NULL,
    refunded_at       timestamptz NOT NULL,
    goods_minor       bigint NOT NULL,
    total_minor       bigint NOT NULL,
    PRIMARY KEY (shop_id, order_external_id, external_id)
);
"""

EFFECTS = """
CREATE TABLE effects (
    shop_id    bigint NOT NULL,
    effect_id  bigint GENERATED ALWAYS AS IDENTITY,
    kind       text NOT NULL,
    key        text NOT NULL,
    body       jsonb NOT NULL,
    version    integer NOT NULL DEFAULT 1,
    wanted_at  timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,
    attempts   smallint NOT NULL DEFAULT 0,
    pushed_at  timestamptz,
    parked_at  timestamptz,
    reason     text,
    PRIMARY KEY (shop_id, effect_id),
    UNIQUE (shop_id, kind, key)
);
CREATE INDEX effects_waiting ON effects (shop_id, due_at) WHERE pushed_at IS NULL AND parked_at IS NULL;
CREATE INDEX effects_recent ON effects (shop_id, pushed_at DESC) WHERE pushed_at IS NOT NULL;
CREATE INDEX effects_parked ON effects (shop_id, effect_id) WHERE parked_at IS NOT NULL;
"""

REST = """
CREATE TABLE terms (
    shop_id      bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    domain       text NOT NULL,
    version      integer NOT NULL,
    body         jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (shop_id, domain, version)
);
-- One row for each time that a job ran for a shop: what keeps two processes from running it twice.
CREATE TABLE ticks (
    shop_id bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    job     text NOT NULL,
    slot    timestamptz NOT NULL,
    PRIMARY KEY (shop_id, job, slot)
);
CREATE TABLE privacy_requests (
    shop_id              bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    request_id           text NOT NULL,
    kind                 text NOT NULL,
    customer_external_id text,
    asked_at             timestamptz NOT NULL,
    done_at              timestamptz,
    outcome              jsonb,
    PRIMARY KEY (shop_id, kind, request_id)
);
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('app.erasing_shop', true) = OLD.shop_id::text THEN RETURN OLD; END IF;
    RAISE EXCEPTION 'rows of % are written once; append a new one that corrects them', TG_TABLE_NAME;
END $$;
"""


def upgrade() -> None:
    create_roles()
    for group in (SHOPS, DELIVERIES, MIRROR, EFFECTS, REST):
        op.execute(group)
    for table in (
        "shop_credentials",
        "deliveries",
        "customers",
        "orders",
        "order_lines",
        "order_codes",
        "refunds",
        "effects",
        "terms",
        "ticks",
    ):
        tenant(table)
    tenant("privacy_requests")
    tenant("shops")
    machine_may("SELECT, INSERT, UPDATE, DELETE", "shops")
    machine_may(
        "INSERT, SELECT (shop_id, delivery_id, dedupe_key, topic, triggered_at, received_at, settled_at, parked_at)",
        "deliveries",
    )
    machine_may("SELECT (shop_id, effect_id, due_at, wanted_at, pushed_at, parked_at)", "effects")
    op.execute("GRANT SELECT, INSERT, UPDATE ON strays TO perennial_machine")


def downgrade() -> None:
    raise ForwardOnly
