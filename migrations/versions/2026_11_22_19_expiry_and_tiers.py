"""Expiry and tiers: lots that are over are found by their instant, members by the next one that may move them.

How a member came to a tier, and what the shop has set by its own word, are written once. A walk is the place of a job
that goes through all lots or all members after the terms have changed.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import append_only, tenant

revision = "2026_11_22_19"
down_revision = "2026_11_22_18"
branch_labels = None
depends_on = None

LEDGER = """
ALTER TABLE entries DROP CONSTRAINT entries_kind_check;
ALTER TABLE entries ADD CONSTRAINT entries_kind_check CHECK (kind IN (
    'earn', 'clawback', 'award', 'award_back', 'repay', 'hold', 'spend', 'release', 'merge', 'action', 'action_back',
    'expire', 'adjust', 'return', 'import', 'batch')) NOT VALID;
ALTER TABLE entries VALIDATE CONSTRAINT entries_kind_check;
-- How often a lot was closed: points that were held come back to it, and may be over by then.
ALTER TABLE lots ADD COLUMN closings integer NOT NULL DEFAULT 0;
-- Shops whose points never expire have no row here.
CREATE INDEX lots_expiring ON lots (shop_id, expires_at, lot_id) WHERE remaining > 0 AND expires_at IS NOT NULL;
"""

TIERS = """
CREATE TABLE member_tiers (
    shop_id        bigint NOT NULL,
    customer_id    bigint NOT NULL,
    tier           text,
    since          timestamptz,
    -- What happens next if nothing else does.
    next_at        timestamptz,
    next_tier      text,
    next_review_at timestamptz,
    -- The fall of which the member was warned.
    warned_of      timestamptz,
    PRIMARY KEY (shop_id, customer_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX member_tiers_due ON member_tiers (shop_id, next_review_at) WHERE next_review_at IS NOT NULL;
CREATE INDEX members_of_tier ON member_tiers (shop_id, tier, customer_id) WHERE tier IS NOT NULL;
CREATE TABLE tier_changes (
    shop_id       bigint NOT NULL,
    change_id     bigint GENERATED ALWAYS AS IDENTITY,
    customer_id   bigint NOT NULL,
    effective_at  timestamptz NOT NULL,
    from_tier     text,
    to_tier       text,
    cause         text NOT NULL,
    reason        text NOT NULL,
    terms_version integer NOT NULL,
    recorded_at   timestamptz NOT NULL,
    PRIMARY KEY (shop_id, change_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX tier_changes_of_customer ON tier_changes (shop_id, customer_id, effective_at, change_id);
CREATE TABLE tier_choices (
    shop_id     bigint NOT NULL,
    choice_id   bigint GENERATED ALWAYS AS IDENTITY,
    customer_id bigint NOT NULL,
    made_at     timestamptz NOT NULL,
    made_by     text NOT NULL,
    tier        text,
    until       timestamptz,
    reason      text NOT NULL,
    ended       boolean NOT NULL,
    PRIMARY KEY (shop_id, choice_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX tier_choices_of_customer ON tier_choices (shop_id, customer_id, choice_id);
CREATE TABLE walks (
    shop_id  bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    what     text NOT NULL,
    -- The terms under which everything up to `after_id` has been looked at.
    version  integer NOT NULL,
    after_id bigint NOT NULL,
    -- The end of the last look, and when that was: whatever is written late lies behind it.
    top_id   bigint NOT NULL DEFAULT 0,
    at       timestamptz NOT NULL,
    PRIMARY KEY (shop_id, what)
);
"""


def upgrade() -> None:
    op.execute(LEDGER)
    op.execute(TIERS)
    for table in ("member_tiers", "walks"):
        tenant(table)
    for table in ("tier_changes", "tier_choices"):
        tenant(table, "SELECT, INSERT")
        append_only(table)


def downgrade() -> None:
    raise ForwardOnly
