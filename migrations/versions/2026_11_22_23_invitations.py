"""Invitations: every word of who brought an order, the one that counts and why; claims by phone, by name and refused;
what is given to advocates and friends besides points.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_23"
down_revision = "2026_11_22_22"
branch_labels = None
depends_on = None


STATEMENTS = """
-- What stood in the address at which the shopper came in; `referral_code` is the cart's word, else this.
ALTER TABLE orders ADD COLUMN landing_code text;

-- The advocate's name as names are compared, for "who invited you?". Null until somebody has looked at it.
ALTER TABLE referral_codes ADD COLUMN name_key text;
CREATE INDEX referral_codes_by_name ON referral_codes (shop_id, name_key);
CREATE INDEX referral_codes_unnamed ON referral_codes (shop_id, customer_id) WHERE name_key IS NULL;

ALTER TABLE claims
    -- By which the friend claimed: a code, a link, or the advocate's name.
    ADD COLUMN way text NOT NULL DEFAULT 'link',
    -- The customer that the friend was already, or turned out to be.
    ADD COLUMN friend_id bigint,
    ADD FOREIGN KEY (shop_id, friend_id) REFERENCES customers (shop_id, customer_id) ON DELETE SET NULL (friend_id);
CREATE INDEX claims_of_friend ON claims (shop_id, friend_id) WHERE friend_id IS NOT NULL;
CREATE INDEX claims_of_advocate ON claims (shop_id, advocate_id);

-- Claims that were refused. No code that was typed and no address: only a digest, and the reason's code.
CREATE TABLE refused_claims (
    shop_id       bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    refusal_id    bigint GENERATED ALWAYS AS IDENTITY,
    advocate_id   bigint,
    friend_digest bytea,
    reason        text NOT NULL,
    refused_at    timestamptz NOT NULL,
    PRIMARY KEY (shop_id, refusal_id),
    FOREIGN KEY (shop_id, advocate_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX refused_claims_of_advocate ON refused_claims (shop_id, advocate_id);
CREATE INDEX refused_claims_by_time ON refused_claims (shop_id, refused_at);
-- How often somebody has tried of late: a digest of where from, and the hour.
CREATE TABLE claim_tries (
    shop_id bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    whence  bytea NOT NULL,
    since   timestamptz NOT NULL,
    tries   integer NOT NULL,
    PRIMARY KEY (shop_id, whence, since)
);
CREATE INDEX claim_tries_by_time ON claim_tries (shop_id, since);

-- Every word that an advocate brought an order. Kept also when it did not win.
CREATE TABLE mentions (
    shop_id     bigint NOT NULL,
    order_id    bigint NOT NULL,
    source      text NOT NULL,
    advocate_id bigint NOT NULL,
    claim_id    bigint,
    at          timestamptz NOT NULL,
    PRIMARY KEY (shop_id, order_id, source, advocate_id),
    FOREIGN KEY (shop_id, order_id) REFERENCES orders (shop_id, order_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, advocate_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, claim_id) REFERENCES claims (shop_id, claim_id) ON DELETE CASCADE
);
CREATE INDEX mentions_of_advocate ON mentions (shop_id, advocate_id);
CREATE INDEX mentions_of_claim ON mentions (shop_id, claim_id) WHERE claim_id IS NOT NULL;
INSERT INTO mentions (shop_id, order_id, source, advocate_id, claim_id, at)
SELECT a.shop_id, a.order_id, CASE WHEN a.claim_id IS NULL THEN 'attribute' ELSE 'friend_code' END, a.advocate_id,
       a.claim_id, coalesce(c.claimed_at, o.placed_at)
FROM attributions a
JOIN orders o ON o.shop_id = a.shop_id AND o.order_id = a.order_id
LEFT JOIN claims c ON c.shop_id = a.shop_id AND c.claim_id = a.claim_id;

ALTER TABLE attributions
    ADD COLUMN source text NOT NULL DEFAULT 'attribute',
    ADD COLUMN why text NOT NULL DEFAULT 'only',
    -- The policy that was applied: window_days, first_touch, code_first.
    ADD COLUMN policy jsonb NOT NULL DEFAULT '{"window_days": 90, "first_touch": false, "code_first": true}',
    ADD COLUMN pay text NOT NULL DEFAULT 'owed',
    -- Of the whole order, before returns: fixed when it was first judged to be a friend's.
    ADD COLUMN promised_points integer,
    ADD COLUMN placed_at timestamptz;
UPDATE attributions a SET placed_at = o.placed_at, pay = CASE WHEN a.verdict = 'friend' THEN 'owed' ELSE 'not_owed' END
FROM orders o WHERE o.shop_id = a.shop_id AND o.order_id = a.order_id;
ALTER TABLE attributions ALTER COLUMN placed_at SET NOT NULL;
DROP INDEX attributions_of_advocate;
CREATE INDEX attributions_of_advocate ON attributions (shop_id, advocate_id, placed_at, order_id);

-- Rewards of the loyalty program that an order owes somebody, once they are due: to the advocate, or of a milestone.
CREATE TABLE referral_gifts (
    shop_id       bigint NOT NULL,
    order_id      bigint NOT NULL,
    part          text NOT NULL,
    customer_id   bigint NOT NULL,
    reward        text NOT NULL,
    due_at        timestamptz NOT NULL,
    owed          boolean NOT NULL,
    given_at      timestamptz,
    taken_back_at timestamptz,
    -- Why it could not be given, or not be taken back.
    trouble       text,
    PRIMARY KEY (shop_id, order_id, part, customer_id),
    FOREIGN KEY (shop_id, order_id) REFERENCES orders (shop_id, order_id) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX referral_gifts_of_customer ON referral_gifts (shop_id, customer_id);
CREATE INDEX referral_gifts_to_give ON referral_gifts (shop_id, due_at)
    WHERE owed AND given_at IS NULL AND trouble IS NULL;
CREATE INDEX referral_gifts_to_take ON referral_gifts (shop_id, order_id)
    WHERE NOT owed AND given_at IS NOT NULL AND taken_back_at IS NULL AND trouble IS NULL;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("refused_claims", "claim_tries", "mentions", "referral_gifts"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
