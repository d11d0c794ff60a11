"""Gifts: rewards that the merchant gives to everybody of a stage, for no points."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_21"
down_revision = "2026_11_22_20"
branch_labels = None
depends_on = None


STATEMENTS = """
CREATE TABLE gifts (
    shop_id       bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    gift_id       bigint GENERATED ALWAYS AS IDENTITY,
    reward        jsonb NOT NULL,
    audience      text NOT NULL,
    terms_version integer NOT NULL,
    asked_at      timestamptz NOT NULL,
    reached       bigint NOT NULL DEFAULT 0,
    given         integer NOT NULL DEFAULT 0,
    done_at       timestamptz,
    PRIMARY KEY (shop_id, gift_id)
);
CREATE INDEX gifts_open ON gifts (shop_id, gift_id) WHERE done_at IS NULL;
ALTER TABLE redemptions DROP CONSTRAINT redemptions_points_check;
ALTER TABLE redemptions ADD CONSTRAINT redemptions_points_check CHECK (points >= 0) NOT VALID;
CREATE INDEX redemptions_sold ON redemptions (shop_id, (reward ->> 'key'))
    WHERE outcome IS NULL OR outcome = 'used';
CREATE INDEX redemptions_to_hand_over ON redemptions (shop_id, redemption_id)
    WHERE outcome IS NULL AND reward ->> 'kind' = 'custom';
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    tenant("gifts")


def downgrade() -> None:
    raise ForwardOnly
