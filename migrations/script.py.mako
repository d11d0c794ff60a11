"""${message}

Two warnings before you write this one. Never hold a long lock: no rewrite of a large table, indexes CONCURRENTLY, constraints NOT VALID and
validated later. Never break the code that runs *now*: it will run on beside the new schema while the deploy rolls; add first, move over,
remove in a later version.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    raise ForwardOnly
