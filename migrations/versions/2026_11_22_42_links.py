"""Shoppers who come by a link of ours: a shop's door on our own address, links by e-mail, their sessions."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import machine_may, tenant

revision = "2026_11_22_42"
down_revision = "2026_11_22_41"
branch_labels = None
depends_on = None

DOORS = """
-- By which key a shop's pages are found on our own address, and which other sites may show parts of them.
CREATE TABLE shop_doors (
    shop_id bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    door    text NOT NULL UNIQUE,
    origins text[] NOT NULL DEFAULT '{}',
    made_at timestamptz NOT NULL
);
"""

SHOPPERS = """
-- Links that let a shopper in once. `address` is a digest: of the e-mail address to which the link was sent.
CREATE TABLE shopper_links (
    shop_id     bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    digest      bytea NOT NULL,
    -- NULL for an address that nobody has: the row is taken back at once, so that both cost the same.
    customer_id bigint,
    address     bytea NOT NULL,
    made_at     timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (shop_id, digest),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers ON DELETE CASCADE
);
CREATE INDEX shopper_links_of_customer ON shopper_links (shop_id, customer_id);
CREATE INDEX shopper_links_by_end ON shopper_links (shop_id, expires_at);
CREATE TABLE shopper_sessions (
    shop_id     bigint NOT NULL,
    session_id  bigint GENERATED ALWAYS AS IDENTITY,
    customer_id bigint NOT NULL,
    digest      bytea NOT NULL,
    -- What was proven: a customer who has another address now is not whom this browser may see.
    address     bytea NOT NULL,
    begun_at    timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    PRIMARY KEY (shop_id, session_id),
    UNIQUE (shop_id, digest),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers ON DELETE CASCADE
);
CREATE INDEX shopper_sessions_of_customer ON shopper_sessions (shop_id, customer_id);
CREATE INDEX shopper_sessions_of_address ON shopper_sessions (shop_id, address);
CREATE INDEX shopper_sessions_by_end ON shopper_sessions (shop_id, ends_at);
"""


def upgrade() -> None:
    op.execute(DOORS)
    op.execute(SHOPPERS)
    for table in ("shop_doors", "shopper_links", "shopper_sessions"):
        tenant(table)
    # A door is all that a request on our own address says of which shop it is.
    machine_may("SELECT", "shop_doors")


def downgrade() -> None:
    raise ForwardOnly
