"""Staff: the people of a shop and what each may do, how they sign in, what they changed; and mails that wait."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import machine_may, tenant

revision = "2026_11_22_34"
down_revision = "2026_11_22_33"
branch_labels = None
depends_on = None

STAFF = """
-- What the owner chose for people who come for the first time. Whoever decides about owners locks this row.
CREATE TABLE staff_rules (
    shop_id   bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    newcomers text NOT NULL DEFAULT 'manager' CHECK (newcomers IN ('manager', 'support', 'read_only'))
);
CREATE TABLE staff (
    shop_id    bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    staff_id   bigint GENERATED ALWAYS AS IDENTITY,
    -- The platform's number of them; empty for whoever it vouches for without saying who it is.
    user_id    text,
    -- Of those who sign in by themselves, in small letters.
    email      text,
    name       text NOT NULL DEFAULT '',
    role       text NOT NULL CHECK (role IN ('owner', 'manager', 'support', 'read_only')),
    made_at    timestamptz NOT NULL,
    -- NULL: invited, and has not come yet.
    joined_at  timestamptz,
    seen_at    timestamptz,
    -- Who was removed stays as a row, so that the platform does not bring them back as a newcomer.
    removed_at timestamptz,
    PRIMARY KEY (shop_id, staff_id),
    UNIQUE (shop_id, user_id),
    UNIQUE (shop_id, email),
    CHECK (num_nonnulls(user_id, email) = 1)
);
-- Who signs in says an address, and not of which shop they are.
CREATE INDEX staff_by_email ON staff (email) WHERE email IS NOT NULL;
CREATE TABLE staff_sessions (
    shop_id    bigint NOT NULL,
    session_id bigint GENERATED ALWAYS AS IDENTITY,
    staff_id   bigint NOT NULL,
    digest     bytea NOT NULL,
    way        text NOT NULL CHECK (way IN ('store', 'link', 'passkey')),
    browser    text NOT NULL,
    -- Of the question that a passkey answered: an answer lets in once.
    challenge  bytea,
    begun_at   timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL,
    PRIMARY KEY (shop_id, session_id),
    UNIQUE (shop_id, digest),
    UNIQUE (shop_id, challenge),
    FOREIGN KEY (shop_id, staff_id) REFERENCES staff ON DELETE CASCADE
);
CREATE INDEX staff_sessions_of_staff ON staff_sessions (shop_id, staff_id);
CREATE INDEX staff_sessions_by_end ON staff_sessions (shop_id, ends_at);
CREATE TABLE passkeys (
    shop_id       bigint NOT NULL,
    passkey_id    bigint GENERATED ALWAYS AS IDENTITY,
    staff_id      bigint NOT NULL,
    credential_id bytea NOT NULL,
    public_key    bytea NOT NULL,
    -- Grows with each use where the authenticator counts; 0 where it does not.
    sign_count    bigint NOT NULL,
    name          text NOT NULL,
    made_at       timestamptz NOT NULL,
    used_at       timestamptz,
    PRIMARY KEY (shop_id, passkey_id),
    UNIQUE (shop_id, credential_id),
    FOREIGN KEY (shop_id, staff_id) REFERENCES staff ON DELETE CASCADE
);
CREATE INDEX passkeys_of_staff ON passkeys (shop_id, staff_id);
-- Links that let somebody in once: into the browser that asked, or into any where `browser` is NULL.
CREATE TABLE staff_links (
    shop_id    bigint NOT NULL,
    digest     bytea NOT NULL,
    staff_id   bigint NOT NULL,
    invites    boolean NOT NULL,
    browser    bytea,
    made_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (shop_id, digest),
    FOREIGN KEY (shop_id, staff_id) REFERENCES staff ON DELETE CASCADE
);
CREATE INDEX staff_links_of_staff ON staff_links (shop_id, staff_id);
-- Tries to sign in, counted by digests of the address and of where from. They belong to no shop yet.
CREATE TABLE sign_in_tries (
    who      bytea NOT NULL,
    tried_at timestamptz NOT NULL
);
CREATE INDEX sign_in_tries_of ON sign_in_tries (who, tried_at);
CREATE INDEX sign_in_tries_by_age ON sign_in_tries (tried_at);
GRANT SELECT, INSERT, DELETE ON sign_in_tries TO perennial_machine;
"""

AUDIT = """
-- Who changed what, as they were called then. Rows are never changed.
CREATE TABLE audit (
    shop_id  bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    audit_id bigint GENERATED ALWAYS AS IDENTITY,
    at       timestamptz NOT NULL,
    staff_id bigint,
    who      text NOT NULL,
    role     text NOT NULL,
    what     text NOT NULL,
    about    jsonb NOT NULL,
    PRIMARY KEY (shop_id, audit_id)
);
CREATE INDEX audit_of_staff ON audit (shop_id, staff_id, audit_id);
CREATE INDEX audit_of_deed ON audit (shop_id, what, audit_id);
CREATE INDEX audit_by_age ON audit (shop_id, at);
"""

MAILS = """
-- Mails that wait to be sent. Content is sealed, and gone once it is sent.
CREATE TABLE mails (
    shop_id   bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    mail_id   bigint GENERATED ALWAYS AS IDENTITY,
    kind      text NOT NULL,
    sealed    bytea,
    made_at   timestamptz NOT NULL,
    -- Not sent any more after this: its link has ended.
    ends_at   timestamptz,
    due_at    timestamptz NOT NULL,
    attempts  integer NOT NULL DEFAULT 0,
    sent_at   timestamptz,
    parked_at timestamptz,
    reason    text,
    PRIMARY KEY (shop_id, mail_id)
);
CREATE INDEX mails_due ON mails (shop_id, due_at) WHERE sent_at IS NULL AND parked_at IS NULL;
CREATE INDEX mails_by_age ON mails (shop_id, made_at);
"""


def upgrade() -> None:
    for group in (STAFF, AUDIT, MAILS):
        op.execute(group)
    for table in ("staff_rules", "staff", "staff_sessions", "passkeys", "staff_links", "mails"):
        tenant(table)
    # Old rows go; none is changed.
    tenant("audit", "SELECT, INSERT, DELETE")
    machine_may("SELECT", "staff")
    machine_may("SELECT", "mails")


def downgrade() -> None:
    raise ForwardOnly
