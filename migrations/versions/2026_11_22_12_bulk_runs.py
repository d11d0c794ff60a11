"""Effects that are carried to a store many at a time: the runs, the effects in each as they were when it began, and
how long a shop's effects go by single calls because its store would not run them in bulk.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
from migrations.tenancy import machine_may, tenant

revision = "2026_11_22_12"
down_revision = "2026_11_22_11"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE bulk_runs (
    shop_id      bigint NOT NULL REFERENCES shops ON DELETE CASCADE,
    run_id       bigint GENERATED ALWAYS AS IDENTITY,
    -- What the store knows it by, so that a run whose beginner died before it could note the answer is found again.
    name         text NOT NULL,
    kind         text NOT NULL,
    -- The connector's own note of how far it is.
    state        text NOT NULL DEFAULT '',
    size         integer NOT NULL,
    done         integer NOT NULL DEFAULT 0,
    started_at   timestamptz NOT NULL,
    moved_at     timestamptz NOT NULL,
    look_at      timestamptz NOT NULL,
    cancelled_at timestamptz,
    PRIMARY KEY (shop_id, run_id)
);
CREATE TABLE bulk_run_effects (
    shop_id   bigint NOT NULL,
    run_id    bigint NOT NULL,
    place     integer NOT NULL,
    effect_id bigint NOT NULL,
    version   integer NOT NULL,
    body      jsonb NOT NULL,
    PRIMARY KEY (shop_id, run_id, place),
    -- An effect has one owner.
    UNIQUE (shop_id, effect_id),
    FOREIGN KEY (shop_id, run_id) REFERENCES bulk_runs ON DELETE CASCADE,
    FOREIGN KEY (shop_id, effect_id) REFERENCES effects ON DELETE CASCADE
);
CREATE TABLE bulk_pauses (
    shop_id   bigint PRIMARY KEY REFERENCES shops ON DELETE CASCADE,
    paused_at timestamptz NOT NULL,
    until     timestamptz NOT NULL,
    refused   boolean NOT NULL,
    reason    text NOT NULL
);
"""


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)
    for table in ("bulk_runs", "bulk_run_effects", "bulk_pauses"):
        tenant(table)
    machine_may("SELECT (shop_id, look_at)", "bulk_runs")


def downgrade() -> None:
    raise ForwardOnly
