"""Rhythm: a customer's own gaps, orders that came back, who was won back, reasons as facts, and how far a walk is."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_29"
down_revision = "2026_11_22_28"
branch_labels = None
depends_on = None

STATEMENTS = """
-- Whose gaps are unknown was settled before they were kept, and is walked again when next settled.
ALTER TABLE standings ADD COLUMN gaps integer[], ADD COLUMN returned_at timestamptz,
    ADD COLUMN won_back_at timestamptz, ADD COLUMN awaited_at timestamptz;
-- Older rows keep their sentence alone.
ALTER TABLE stage_changes ADD COLUMN facts jsonb;
CREATE INDEX stage_changes_of_time ON stage_changes (shop_id, effective_at);
ALTER TABLE happenings DROP CONSTRAINT happenings_kind_check;
ALTER TABLE happenings ADD CONSTRAINT happenings_kind_check CHECK (kind IN ('order', 'referral', 'return')) NOT VALID;
-- The walk of everybody under new terms: one row a shop, which the next walk replaces.
CREATE TABLE stage_walks (
    shop_id       bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    terms_version integer NOT NULL,
    place         bigint NOT NULL DEFAULT 0,
    walked        bigint NOT NULL DEFAULT 0,
    most          bigint NOT NULL,
    started_at    timestamptz NOT NULL,
    finished_at   timestamptz
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    tenant("stage_walks")


def downgrade() -> None:
    raise ForwardOnly
