"""What a merchant's own programs go by: keys to the API, and the address that is told of rewards to hand over."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_25"
down_revision = "2026_11_22_24"
branch_labels = None
depends_on = None


STATEMENTS = """
-- Of a key only its digest is kept, and its last letters, by which its merchant knows it again.
CREATE TABLE api_keys (
    shop_id      bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    key_id       bigint GENERATED ALWAYS AS IDENTITY,
    name         text NOT NULL,
    digest       bytea NOT NULL,
    ending       text NOT NULL,
    scopes       text[] NOT NULL,
    made_at      timestamptz NOT NULL,
    made_by      text NOT NULL,
    last_used_at timestamptz,
    revoked_at   timestamptz,
    revoked_by   text,
    PRIMARY KEY (shop_id, key_id)
);
CREATE UNIQUE INDEX api_keys_by_digest ON api_keys (shop_id, digest);
-- One address a shop. `sealed` holds the secret with which what is told there is signed.
CREATE TABLE reward_hooks (
    shop_id bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    address text NOT NULL,
    sealed  bytea NOT NULL,
    made_at timestamptz NOT NULL,
    made_by text NOT NULL
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("api_keys", "reward_hooks"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
