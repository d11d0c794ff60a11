"""E-mails that the program sends by itself: what is to be told to whom, who wants none, and what became of them."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_40"
down_revision = "2026_11_22_39"
branch_labels = None
depends_on = None

CHOICES = """
-- What somebody said themselves of these e-mails; nothing here: they never said.
CREATE TABLE mail_choices (
    shop_id         bigint NOT NULL,
    customer_id     bigint NOT NULL,
    -- Null: they want them.
    unsubscribed_at timestamptz,
    said_at         timestamptz NOT NULL,
    PRIMARY KEY (shop_id, customer_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
"""

MAILINGS = """
-- One thing that happened to somebody, of which an e-mail is to tell. Its key says it: the same thing is one row.
CREATE TABLE mailings (
    shop_id     bigint NOT NULL,
    customer_id bigint NOT NULL,
    kind        text NOT NULL,
    key         text NOT NULL,
    facts       jsonb NOT NULL,
    happened_at timestamptz NOT NULL,
    -- When to look at it (again).
    due_at      timestamptz NOT NULL,
    done_at     timestamptz,
    -- What became of it: sent, or why not.
    outcome     text,
    mail_id     bigint,
    PRIMARY KEY (shop_id, customer_id, kind, key),
    CHECK ((done_at IS NULL) = (outcome IS NULL)),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX mailings_due ON mailings (shop_id, due_at) WHERE done_at IS NULL;
CREATE INDEX mailings_sent ON mailings (shop_id, customer_id, done_at) WHERE outcome = 'sent';
CREATE INDEX mailings_done ON mailings (shop_id, done_at) WHERE done_at IS NOT NULL;
-- How far each reading of what happens has come.
CREATE TABLE mailing_marks (
    shop_id  bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    what     text NOT NULL,
    -- Everything up to here has been read and cannot be joined by anything any more; up to `top_id` it was read once.
    after_id bigint NOT NULL,
    top_id   bigint NOT NULL,
    topped_at timestamptz NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (shop_id, what)
);
-- Whose points can be spent from an instant on.
CREATE TABLE mailing_looks (
    shop_id     bigint NOT NULL,
    customer_id bigint NOT NULL,
    due_at      timestamptz NOT NULL,
    PRIMARY KEY (shop_id, due_at, customer_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX mailing_looks_of_customer ON mailing_looks (shop_id, customer_id);
CREATE TABLE mailing_counts (
    shop_id bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    on_day  date NOT NULL,
    kind    text NOT NULL,
    outcome text NOT NULL,
    number  bigint NOT NULL,
    PRIMARY KEY (shop_id, on_day, kind, outcome)
);
-- Who has joined of late, by their own word.
CREATE INDEX customer_facts_joined ON customer_facts (shop_id, said_at) WHERE fact = 'program';
"""

MAILS = """
-- Whom a mail of the program is for: it is not sent any more once they are erased, or want none.
ALTER TABLE mails ADD COLUMN customer_id bigint;
CREATE INDEX mails_of_customer ON mails (shop_id, customer_id)
    WHERE customer_id IS NOT NULL AND sent_at IS NULL AND parked_at IS NULL;
"""

TABLES = ("mail_choices", "mailings", "mailing_marks", "mailing_looks", "mailing_counts")


def upgrade() -> None:
    for group in (CHOICES, MAILINGS, MAILS):
        op.execute(group)
    for table in TABLES:
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
