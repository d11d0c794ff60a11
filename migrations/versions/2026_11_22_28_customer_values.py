"""What customers are worth: the numbers of each, the models that they come from, the nightly runs, and who is to be
looked at again before the next night.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_28"
down_revision = "2026_11_22_27"
branch_labels = None
depends_on = None

STATEMENTS = """
-- Everybody with an order that counts. Expectations are kept as fine as they are good, in steps of about a tenth: so a
-- night writes those rows only in which something worth telling has changed.
CREATE TABLE customer_values (
    shop_id         bigint NOT NULL,
    customer_id     bigint NOT NULL,
    r               smallint NOT NULL CHECK (r BETWEEN 1 AND 5),
    f               smallint NOT NULL CHECK (f BETWEEN 1 AND 5),
    m               smallint NOT NULL CHECK (m BETWEEN 1 AND 5),
    rfm_group       text NOT NULL,
    -- Days on which they bought: two orders of one day are one purchase.
    purchases       integer NOT NULL,
    spent_minor     bigint NOT NULL,
    first_day       date NOT NULL,
    last_day        date NOT NULL,
    -- Percent: that an order comes within the horizon, and that none does.
    buys            smallint NOT NULL CHECK (buys BETWEEN 0 AND 100),
    churn           smallint NOT NULL CHECK (churn BETWEEN 0 AND 100),
    expected        real NOT NULL,
    next_order_at   timestamptz,
    historic_minor  bigint NOT NULL,
    predicted_minor bigint NOT NULL,
    -- When this row was written last.
    scored_at       timestamptz NOT NULL,
    PRIMARY KEY (shop_id, customer_id),
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX customer_values_by_worth ON customer_values (shop_id, predicted_minor, customer_id);
CREATE INDEX customer_values_by_group ON customer_values (shop_id, rfm_group, predicted_minor, customer_id);

-- How a shop's customers are reckoned, night by night: never changed, the newest counts.
CREATE TABLE prediction_models (
    shop_id       bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    model_id      bigint GENERATED ALWAYS AS IDENTITY,
    made_at       timestamptz NOT NULL,
    -- When the parameters were fitted and tried on the shop's own past.
    fitted_at     timestamptz NOT NULL,
    terms_version integer NOT NULL,
    method        text NOT NULL,
    params        jsonb NOT NULL,
    report        jsonb NOT NULL,
    cuts          jsonb NOT NULL,
    PRIMARY KEY (shop_id, model_id)
);

-- The last nightly run of a shop, and what it found as a whole.
CREATE TABLE value_runs (
    shop_id     bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    began_at    timestamptz NOT NULL,
    finished_at timestamptz,
    purchases   bigint NOT NULL DEFAULT 0,
    customers   bigint NOT NULL DEFAULT 0,
    written     bigint NOT NULL DEFAULT 0,
    summary     jsonb NOT NULL DEFAULT '{}',
    -- The store is being told of everybody: up to this customer. NULL: it has been.
    told_to     bigint
);

-- Whose orders changed since: one row for each batch that settled some.
CREATE TABLE value_requests (
    shop_id      bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    request_id   bigint GENERATED ALWAYS AS IDENTITY,
    customer_ids bigint[] NOT NULL,
    PRIMARY KEY (shop_id, request_id)
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    tenant("customer_values")
    tenant("prediction_models", "SELECT, INSERT, DELETE")
    tenant("value_runs")
    tenant("value_requests")


def downgrade() -> None:
    raise ForwardOnly
