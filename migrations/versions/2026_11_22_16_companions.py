"""Companions: our plugin in a store that its merchant owns, and the secret that it and we share."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_16"
down_revision = "2026_11_22_15"
branch_labels = None
depends_on = None


STATEMENTS = """
-- `sealed` holds the secret in force and, while a pairing is under way, the next one.
CREATE TABLE companions (
    shop_id   bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    sealed    bytea NOT NULL,
    version   text NOT NULL DEFAULT '',
    paired_at timestamptz
);
-- What was asked with a signature that serves once; forgotten when the signature is too old anyway.
CREATE TABLE companion_nonces (
    shop_id bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    nonce   text NOT NULL,
    seen_at timestamptz NOT NULL,
    PRIMARY KEY (shop_id, nonce)
);
CREATE INDEX companion_nonces_by_time ON companion_nonces (shop_id, seen_at);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("companions", "companion_nonces"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
