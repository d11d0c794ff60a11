"""Connections: stores that a merchant connects with a key, the approvals that are under way, and notes of what was done
unasked.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import machine_may, tenant

revision = "2026_11_22_13"
down_revision = "2026_11_22_12"
branch_labels = None
depends_on = None


STATEMENTS = """
-- Where the shop stands; its phones are dialled from there. And what was the matter when its store was last asked:
-- unlike a closed store, an unwell one goes on being asked.
ALTER TABLE shops ADD COLUMN country text, ADD COLUMN unwell_reason text, ADD COLUMN unwell_since timestamptz;

CREATE TABLE connections (
    shop_id          bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    -- Of the unguessable end of the path to which the store posts: the door looks shops up by it.
    path_digest      bytea NOT NULL,
    address          text NOT NULL,
    -- How the store took our key last.
    mode             text NOT NULL,
    decimals         smallint NOT NULL,
    shop_version     text NOT NULL,
    site_version     text NOT NULL,
    connected_at     timestamptz NOT NULL,
    -- When the store's webhooks were last seen to be in order; null: they want to be looked at now.
    webhooks_seen_at timestamptz
);
CREATE UNIQUE INDEX connections_path ON connections (path_digest);

-- Merchants whom we sent to their store's page of consent. There may be no shop yet that a row could belong to.
CREATE TABLE approvals (
    state_digest text PRIMARY KEY,
    address      text NOT NULL,
    expires_at   timestamptz NOT NULL,
    -- The shop whose store moved to this address, where its merchant said so.
    moves        bigint,
    -- A link from the command line: whoever has it is let in, in any browser.
    by_link      boolean NOT NULL DEFAULT false,
    taken_at     timestamptz,
    -- The shop that was opened, or the sentence that says why none was.
    opened       bigint,
    refusal      text
);
CREATE INDEX approvals_end ON approvals (expires_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON approvals TO perennial_machine;

CREATE TABLE notes (
    shop_id  bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    note_id  bigint GENERATED ALWAYS AS IDENTITY,
    noted_at timestamptz NOT NULL,
    said     text NOT NULL,
    PRIMARY KEY (shop_id, note_id)
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    tenant("connections")
    tenant("notes")
    machine_may("SELECT (shop_id, path_digest)", "connections")


def downgrade() -> None:
    raise ForwardOnly
