"""Segments: rules of the merchant's own, who meets them, and who came and went. And which products people buy who
bought another.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import append_only, tenant

revision = "2026_11_22_31"
down_revision = "2026_11_22_30"
branch_labels = None
depends_on = None

SEGMENTS = """
-- Ended segments stay as rows: their tags may still be on customers, and what came and went names them.
CREATE TABLE segments (
    shop_id      bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    segment_id   bigint GENERATED ALWAYS AS IDENTITY,
    slug         text NOT NULL,
    name         text NOT NULL,
    rule         jsonb NOT NULL,
    version      integer NOT NULL DEFAULT 1,
    made_at      timestamptz NOT NULL,
    changed_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    -- Whether the store shall have it, and whether it ever had: then its tag is ours to take off.
    wanted       boolean NOT NULL DEFAULT false,
    ever_wanted  boolean NOT NULL DEFAULT false,
    members      bigint NOT NULL DEFAULT 0,
    -- Whose news up to here are in; NULL until everybody was looked at under this version.
    looked_at    timestamptz,
    -- When everybody is looked at again.
    next_look_at timestamptz NOT NULL,
    took_ms      integer NOT NULL DEFAULT 0,
    trouble      text,
    PRIMARY KEY (shop_id, segment_id),
    UNIQUE (shop_id, slug)
);
CREATE TABLE segment_versions (
    shop_id      bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    segment_id   bigint NOT NULL,
    version      integer NOT NULL,
    name         text NOT NULL,
    rule         jsonb NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (shop_id, segment_id, version)
);
-- No foreign key to segments, here and below: they never go, and each member would be checked.
CREATE TABLE segment_members (
    shop_id     bigint NOT NULL,
    segment_id  bigint NOT NULL,
    customer_id bigint NOT NULL,
    since       timestamptz NOT NULL,
    PRIMARY KEY (shop_id, segment_id, customer_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX segment_members_of_customer ON segment_members (shop_id, customer_id);
-- Who came and went, with the version of the rule that said so.
CREATE TABLE segment_changes (
    shop_id     bigint NOT NULL,
    change_id   bigint GENERATED ALWAYS AS IDENTITY,
    segment_id  bigint NOT NULL,
    customer_id bigint NOT NULL,
    entered     boolean NOT NULL,
    version     integer NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (shop_id, change_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX segment_changes_of_segment ON segment_changes (shop_id, segment_id, change_id);
CREATE INDEX segment_changes_of_customer ON segment_changes (shop_id, customer_id, change_id);
CREATE INDEX segment_changes_by_age ON segment_changes (shop_id, at);
-- Customers whose tags in the store may not say yet in which segments they are.
CREATE TABLE segment_untold (
    shop_id     bigint NOT NULL,
    customer_id bigint NOT NULL,
    PRIMARY KEY (shop_id, customer_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
"""

# Who has news is found by the time of the last settling. A block-range index costs the settling nothing that could be
# measured: it is written once for many pages, and new rows of the table lie together.
NEWS = """
ALTER TABLE standings ADD COLUMN settled_at timestamptz;
CREATE INDEX standings_settled ON standings USING brin (settled_at) WITH (pages_per_range = 16, autosummarize = on);
"""

PRODUCTS = """
CREATE TABLE products (
    shop_id    bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    product_id text NOT NULL,
    title      text NOT NULL,
    vendor     text,
    -- Customers who bought it, of those that were counted.
    buyers     integer NOT NULL,
    sold_at    timestamptz NOT NULL,
    PRIMARY KEY (shop_id, product_id)
);
CREATE INDEX products_by_buyers ON products (shop_id, buyers DESC);
-- Of the customers who bought one product, those who bought another, where that is no accident.
CREATE TABLE product_pairs (
    shop_id    bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    product_id text NOT NULL,
    with_id    text NOT NULL,
    together   integer NOT NULL CHECK (together > 0),
    buyers     integer NOT NULL,
    with_buyers integer NOT NULL,
    customers  integer NOT NULL,
    lift       double precision NOT NULL,
    chance     double precision NOT NULL,
    weight     double precision NOT NULL,
    PRIMARY KEY (shop_id, product_id, with_id)
);
CREATE TABLE product_studies (
    shop_id   bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    studied_at timestamptz NOT NULL,
    customers integer NOT NULL,
    products  integer NOT NULL,
    tested    integer NOT NULL,
    pairs     integer NOT NULL,
    took_ms   integer NOT NULL
);
"""

TABLES = ("segments", "segment_members", "segment_changes", "segment_untold", "products", "product_pairs",
          "product_studies")  # fmt: skip


def upgrade() -> None:
    for group in (SEGMENTS, NEWS, PRODUCTS):
        op.execute(group)
    for table in TABLES:
        tenant(table)
    tenant("segment_versions", "SELECT, INSERT")
    append_only("segment_versions")


def downgrade() -> None:
    raise ForwardOnly
