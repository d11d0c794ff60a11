"""Plays: when each was on, who took part or was held out, and what was counted of it."""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import tenant

revision = "2026_11_22_35"
down_revision = "2026_11_22_34"
branch_labels = None
depends_on = None

STATEMENTS = """
-- A run lasts as long as a play is on under the same settings; its number is the version of the terms that began it.
CREATE TABLE play_runs (
    shop_id       bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    play          text NOT NULL,
    run           integer NOT NULL,
    holdout_percent smallint NOT NULL,
    began_at      timestamptz NOT NULL,
    ended_at      timestamptz,
    -- Where the look at the audience stands, and when the next portion or look is due.
    reached       bigint NOT NULL DEFAULT 0,
    next_look_at  timestamptz NOT NULL,
    trouble       text,
    enrolled      integer NOT NULL DEFAULT 0,
    held_out      integer NOT NULL DEFAULT 0,
    cost_points   bigint NOT NULL DEFAULT 0,
    last_until    timestamptz,
    counted_at    timestamptz,
    next_count_at timestamptz,
    PRIMARY KEY (shop_id, play, run)
);
CREATE UNIQUE INDEX play_runs_open ON play_runs (shop_id, play) WHERE ended_at IS NULL;
CREATE INDEX play_runs_due ON play_runs (shop_id, next_look_at) WHERE ended_at IS NULL;
CREATE INDEX play_runs_to_count ON play_runs (shop_id, next_count_at) WHERE next_count_at IS NOT NULL;
CREATE TABLE enrolments (
    shop_id      bigint NOT NULL,
    enrolment_id bigint GENERATED ALWAYS AS IDENTITY,
    play         text NOT NULL,
    run          integer NOT NULL,
    customer_id  bigint NOT NULL,
    -- The customer's first time in this run, second, ...: whatever is tried again, each is once.
    turn         bigint NOT NULL,
    arm          text NOT NULL CHECK (arm IN ('play', 'holdout')),
    enrolled_at  timestamptz NOT NULL,
    -- The end of the window in which the outcome is measured.
    until        timestamptz NOT NULL,
    points       bigint NOT NULL DEFAULT 0,
    reward       text,
    -- What it counts towards the budget, in points.
    cost_points  bigint NOT NULL DEFAULT 0,
    told         boolean NOT NULL DEFAULT false,
    tagged       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (shop_id, enrolment_id),
    UNIQUE (shop_id, play, run, customer_id, turn),
    FOREIGN KEY (shop_id, play, run) REFERENCES play_runs (shop_id, play, run) ON DELETE CASCADE,
    FOREIGN KEY (shop_id, customer_id) REFERENCES customers (shop_id, customer_id) ON DELETE CASCADE
);
CREATE INDEX enrolments_of_customer ON enrolments (shop_id, customer_id, play, enrolled_at);
CREATE INDEX enrolments_of_run ON enrolments (shop_id, play, run, enrolment_id);
CREATE INDEX enrolments_tagged ON enrolments (shop_id, until) WHERE tagged;
-- What a play has cost in a month of the shop's calendar, such as 2026-03, whichever runs it had.
CREATE TABLE play_costs (
    shop_id     bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    play        text NOT NULL,
    month       text NOT NULL,
    cost_points bigint NOT NULL,
    PRIMARY KEY (shop_id, play, month)
);
CREATE TABLE play_results (
    shop_id  bigint NOT NULL,
    play     text NOT NULL,
    run      integer NOT NULL,
    arm      text NOT NULL CHECK (arm IN ('play', 'holdout')),
    people   bigint NOT NULL,
    measured bigint NOT NULL,
    ordered  bigint NOT NULL,
    spent    numeric NOT NULL,
    squares  numeric NOT NULL,
    PRIMARY KEY (shop_id, play, run, arm),
    FOREIGN KEY (shop_id, play, run) REFERENCES play_runs (shop_id, play, run) ON DELETE CASCADE
);
"""


def upgrade() -> None:
    op.execute(STATEMENTS)
    for table in ("play_runs", "enrolments", "play_costs", "play_results"):
        tenant(table)


def downgrade() -> None:
    raise ForwardOnly
