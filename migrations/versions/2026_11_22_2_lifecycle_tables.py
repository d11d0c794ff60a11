"""Lifecycle: the happenings that count, where each customer stands, and the history of stages."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_2"
down_revision = "2026_11_22_1"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE happenings (
    shop_id     bigint NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('order', 'referral')),
    order_id    bigint NOT NULL,
    customer_id bigint NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (shop_id, kind, order_id),
    FOREIGN KEY (shop_id, order_id) REFERENCES orders (shop_id, order_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX happenings_of_customer ON happenings (shop_id, customer_id, at);
CREATE TABLE standings (
    shop_id        bigint NOT NULL,
    customer_id    bigint NOT NULL,
    stage          text CHECK (stage IN (
                       'lead', 'acquired', 'developing', 'retained', 'advocate', 'at_risk', 'lapsed')),
    since          timestamptz,
    next_review_at timestamptz,
    terms_version  integer,
    -- The state right after the last happening: where the next walk starts.
    known_since    timestamptz NOT NULL,
    last_since     timestamptz NOT NULL,
    orders         integer NOT NULL DEFAULT 0,
    referrals      integer NOT NULL DEFAULT 0,
    first_order_at timestamptz,
    last_order_at  timestamptz,
    last_at        timestamptz,
    -- The last change by silence that is in the history.
    silent_to      timestamptz,
    PRIMARY KEY (shop_id, customer_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX standings_due ON standings (shop_id, next_review_at) WHERE next_review_at IS NOT NULL;
CREATE INDEX standings_by_stage ON standings (shop_id, stage);
CREATE TABLE stage_changes (
    shop_id       bigint NOT NULL,
    customer_id   bigint NOT NULL,
    effective_at  timestamptz NOT NULL,
    step          smallint NOT NULL,
    from_stage    text,
    to_stage      text NOT NULL,
    reason        text NOT NULL,
    terms_version integer NOT NULL,
    recorded_at   timestamptz NOT NULL,
    PRIMARY KEY (shop_id, customer_id, effective_at, to_stage),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("happenings", "standings", "stage_changes"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
