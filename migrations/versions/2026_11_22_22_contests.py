"""Contests: prize draws and scratch cards, with the seed that was promised before and is shown after."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_22"
down_revision = "2026_11_22_21"
branch_labels = None
depends_on = None


STATEMENTS = """
CREATE TABLE contests (
    shop_id           bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    contest_id        bigint GENERATED ALWAYS AS IDENTITY,
    kind              text NOT NULL CHECK (kind IN ('draw', 'scratch')),
    title             text NOT NULL,
    opens_at          timestamptz NOT NULL,
    closes_at         timestamptz NOT NULL CHECK (closes_at > opens_at),
    minimum_minor     bigint NOT NULL CHECK (minimum_minor >= 0),
    most_per_customer integer NOT NULL CHECK (most_per_customer > 0),
    prizes            jsonb NOT NULL,
    terms_version     integer NOT NULL,
    seed              bytea NOT NULL,
    commitment        text NOT NULL,
    tickets           integer NOT NULL DEFAULT 0,
    digest            text,
    drawn_at          timestamptz,
    PRIMARY KEY (shop_id, contest_id)
);
CREATE INDEX contests_open ON contests (shop_id, contest_id) WHERE drawn_at IS NULL;
CREATE TABLE tickets (
    shop_id       bigint NOT NULL,
    contest_id    bigint NOT NULL,
    number        integer NOT NULL,
    customer_id   bigint NOT NULL,
    order_id      bigint NOT NULL,
    shown_at      timestamptz,
    prize         integer,
    PRIMARY KEY (shop_id, contest_id, number),
    UNIQUE (shop_id, contest_id, order_id),
    FOREIGN KEY (shop_id, contest_id) REFERENCES contests (shop_id, contest_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, order_id) REFERENCES orders (shop_id, order_id) ON DELETE CASCADE
);
CREATE INDEX tickets_of_customer ON tickets (shop_id, customer_id);
CREATE INDEX tickets_of_order ON tickets (shop_id, order_id);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("contests", "tickets"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
