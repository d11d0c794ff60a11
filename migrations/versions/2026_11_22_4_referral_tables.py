"""Referral: codes, claims and attributions."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_4"
down_revision = "2026_11_22_3"
branch_labels = None
depends_on = None

STATEMENTS = """
CREATE TABLE referral_codes (
    shop_id     bigint NOT NULL,
    customer_id bigint NOT NULL,
    code        text NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (shop_id, customer_id),
    UNIQUE (shop_id, code),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE TABLE claims (
    shop_id       bigint NOT NULL,
    claim_id      bigint GENERATED ALWAYS AS IDENTITY,
    advocate_id   bigint NOT NULL,
    -- A keyed digest of the friend's address; the address itself is not kept.
    friend_digest bytea NOT NULL,
    code          text NOT NULL,
    claimed_at    timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    terms_version integer NOT NULL,
    PRIMARY KEY (shop_id, claim_id),
    UNIQUE (shop_id, friend_digest),
    UNIQUE (shop_id, code),
    FOREIGN KEY (shop_id, advocate_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE TABLE attributions (
    shop_id       bigint NOT NULL,
    order_id      bigint NOT NULL,
    advocate_id   bigint NOT NULL,
    friend_id     bigint,
    claim_id      bigint,
    verdict       text NOT NULL,
    terms_version integer NOT NULL,
    decided_at    timestamptz NOT NULL,
    PRIMARY KEY (shop_id, order_id),
    FOREIGN KEY (shop_id, order_id) REFERENCES orders (shop_id, order_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, advocate_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, friend_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, claim_id) REFERENCES claims (shop_id, claim_id) ON DELETE CASCADE
);
CREATE INDEX attributions_of_friend ON attributions (shop_id, friend_id);
CREATE INDEX attributions_of_advocate ON attributions (shop_id, advocate_id);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("referral_codes", "claims", "attributions"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
