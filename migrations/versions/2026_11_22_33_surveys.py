"""Surveys: whom we asked after which order, and what was answered."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_33"
down_revision = "2026_11_22_32"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE surveys (
    shop_id       bigint NOT NULL,
    survey_id     bigint GENERATED ALWAYS AS IDENTITY,
    customer_id   bigint NOT NULL,
    order_id      bigint NOT NULL,
    kind          text NOT NULL CHECK (kind IN ('nps', 'csat')),
    -- Where the person stood when they were asked.
    stage         text,
    asked_at      timestamptz NOT NULL,
    terms_version integer NOT NULL,
    answered_at   timestamptz,
    score         smallint,
    grade         text CHECK (grade IN ('good', 'middle', 'bad')),
    words         text,
    -- When somebody of the shop looked after a bad answer.
    looked_at     timestamptz,
    PRIMARY KEY (shop_id, survey_id),
    UNIQUE (shop_id, order_id),
    CHECK (num_nonnulls(answered_at, score, grade) IN (0, 3)),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, order_id) REFERENCES orders (shop_id, order_id) ON DELETE CASCADE
);
CREATE INDEX surveys_of_customer ON surveys (shop_id, customer_id, asked_at);
CREATE INDEX surveys_by_age ON surveys (shop_id, asked_at);
CREATE INDEX surveys_answered ON surveys (shop_id, answered_at) WHERE answered_at IS NOT NULL;
CREATE INDEX surveys_to_look_at ON surveys (shop_id) WHERE grade = 'bad' AND looked_at IS NULL;
-- Where the goods went, or else the bill.
ALTER TABLE orders ADD COLUMN country text;
-- A bad answer puts a customer at risk, until they order again.
ALTER TABLE happenings DROP CONSTRAINT happenings_kind_check;
ALTER TABLE happenings ADD CONSTRAINT happenings_kind_check
    CHECK (kind IN ('order', 'referral', 'return', 'complaint')) NOT VALID;
ALTER TABLE standings ADD COLUMN upset_at timestamptz;
-- Whose goods have just arrived.
CREATE INDEX orders_fulfilled ON orders (shop_id, fulfilled_at) WHERE fulfilled_at IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    tenant("surveys")


def downgrade() -> None:
    raise ForwardOnly
