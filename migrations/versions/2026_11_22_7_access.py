"""Access: which scopes a shop granted, who is on the way to granting, and the house's own secret."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly

revision = "2026_11_22_7"
down_revision = "2026_11_22_6"
branch_labels = None
depends_on = None

TABLES = """
-- What the merchant granted us since `scopes_at`, in the platform's words; null until the platform first said.
-- And when the platform last vouched for somebody of the shop's staff: the app was installed then.
ALTER TABLE shops ADD COLUMN scopes text[], ADD COLUMN scopes_at timestamptz, ADD COLUMN vouched_at timestamptz;

-- Browsers on their way through the platform's page of consent. There is no shop yet that a row could belong to; the
-- state itself is only in the browser and on its way back.
CREATE TABLE authorizations (
    state_digest bytea PRIMARY KEY,
    domain       text NOT NULL,
    begun_at     timestamptz NOT NULL
);
CREATE INDEX authorizations_begun ON authorizations (begun_at);

-- Secrets of the house itself, sealed like the shops' credentials.
CREATE TABLE house_secrets (
    name       text PRIMARY KEY,
    sealed     bytea NOT NULL,
    updated_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE ON authorizations TO perennial_machine;
GRANT SELECT, INSERT, UPDATE ON house_secrets TO perennial_machine;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    raise ForwardOnly
