"""Referral signals: what was found about each referral, the keyed digests that it was found by, what people decided
about it, and how often invitations were shared and opened.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import append_only, tenant

revision = "2026_11_22_24"
down_revision = "2026_11_22_23"
branch_labels = None
depends_on = None

STATEMENTS = """
-- One referral: a claim, the order that it led to, or both.
CREATE TABLE screenings (
    shop_id         bigint NOT NULL,
    screening_id    bigint GENERATED ALWAYS AS IDENTITY,
    advocate_id     bigint NOT NULL,
    claim_id        bigint,
    order_id        bigint,
    friend_id       bigint,
    -- The digest of the friend's address: who claims and then buys is one person, and no second one.
    person          bytea,
    channel         text NOT NULL DEFAULT '',
    began_at        timestamptz NOT NULL,
    -- Signals that only the claim itself could tell, and all that were found, each with its number.
    told            jsonb NOT NULL DEFAULT '{}',
    found           jsonb NOT NULL DEFAULT '{}',
    score           integer NOT NULL DEFAULT 0,
    band            text NOT NULL DEFAULT 'review' CHECK (band IN ('approve', 'review', 'decline')),
    ruling          text CHECK (ruling IN ('approve', 'decline')),
    -- The block that reaches this referral, although its advocate is another.
    held_by         bigint,
    weights_version integer NOT NULL DEFAULT 0,
    -- Its award does not follow its band yet.
    unsettled       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (shop_id, screening_id),
    UNIQUE (shop_id, claim_id),
    UNIQUE (shop_id, order_id),
    FOREIGN KEY (shop_id, advocate_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, friend_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, claim_id) REFERENCES claims (shop_id, claim_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, order_id) REFERENCES orders (shop_id, order_id) ON DELETE CASCADE
);
CREATE INDEX screenings_of_advocate ON screenings (shop_id, advocate_id, began_at);
CREATE INDEX screenings_of_person ON screenings (shop_id, person) WHERE person IS NOT NULL;
CREATE INDEX screenings_of_friend ON screenings (shop_id, friend_id);
CREATE INDEX screenings_by_band ON screenings (shop_id, band, screening_id);
CREATE INDEX screenings_by_weights ON screenings (shop_id, weights_version);
CREATE INDEX screenings_to_settle ON screenings (shop_id) WHERE unsettled;
CREATE INDEX screenings_held ON screenings (shop_id, held_by) WHERE held_by IS NOT NULL;

-- Screenings that are to be looked at, again or for the first time: others like them may have come. A table of its own,
-- so that whoever claims waits for no lock on somebody else's screening.
CREATE TABLE screening_requests (
    shop_id      bigint NOT NULL,
    screening_id bigint NOT NULL,
    PRIMARY KEY (shop_id, screening_id),
    FOREIGN KEY (shop_id, screening_id) REFERENCES screenings (shop_id, screening_id) ON DELETE CASCADE
);

-- Keyed digests, never what they are of; dropped after half a year.
CREATE TABLE screening_traces (
    shop_id      bigint NOT NULL,
    screening_id bigint NOT NULL,
    kind         text NOT NULL,
    digest       bytea NOT NULL,
    seen_at      timestamptz NOT NULL,
    PRIMARY KEY (shop_id, screening_id, kind, digest),
    FOREIGN KEY (shop_id, screening_id) REFERENCES screenings (shop_id, screening_id) ON DELETE CASCADE
);
CREATE INDEX screening_traces_alike ON screening_traces (shop_id, kind, digest, seen_at);
CREATE INDEX screening_traces_by_age ON screening_traces (shop_id, seen_at);
CREATE TABLE advocate_traces (
    shop_id     bigint NOT NULL,
    customer_id bigint NOT NULL,
    kind        text NOT NULL,
    digest      bytea NOT NULL,
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (shop_id, customer_id, kind, digest),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX advocate_traces_by_age ON advocate_traces (shop_id, seen_at);

-- Whose traces are to be forgotten.
CREATE INDEX customers_erased ON customers (shop_id)
    WHERE redacted_at IS NOT NULL OR (gone_at IS NOT NULL AND merged_into IS NULL);

-- What people decided, of one referral or of an advocate: the newest word counts, the older ones stay.
CREATE TABLE rulings (
    shop_id      bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    ruling_id    bigint GENERATED ALWAYS AS IDENTITY,
    screening_id bigint,
    customer_id  bigint,
    ruling       text NOT NULL CHECK (ruling IN ('approve', 'decline', 'block', 'unblock')),
    note         text NOT NULL,
    ruled_by     text NOT NULL,
    ruled_at     timestamptz NOT NULL,
    PRIMARY KEY (shop_id, ruling_id),
    CHECK (num_nonnulls(screening_id, customer_id) = 1)
);
CREATE INDEX rulings_of_screening ON rulings (shop_id, screening_id, ruling_id) WHERE screening_id IS NOT NULL;
CREATE INDEX rulings_of_advocate ON rulings (shop_id, customer_id, ruling_id) WHERE customer_id IS NOT NULL;

-- How often invitations were shared and opened: counted by day and channel, nothing of anybody.
CREATE TABLE invitation_counts (
    shop_id bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    day     date NOT NULL,
    channel text NOT NULL,
    what    text NOT NULL CHECK (what IN ('share', 'click')),
    many    bigint NOT NULL,
    PRIMARY KEY (shop_id, day, channel, what)
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("screenings", "screening_requests", "screening_traces", "advocate_traces", "invitation_counts"):
        tenant(table)
    tenant("rulings", "SELECT, INSERT")
    append_only("rulings")


def downgrade() -> None:
    raise ForwardOnly
