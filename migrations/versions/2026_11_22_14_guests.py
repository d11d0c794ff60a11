"""Guests: whose an order was before the store gave it to an account, and whether its buyer was erased since.

Both are notes of something that happened and that no later body tells: from then on the store speaks of the account
alone, or of nobody.
"""

from __future__ import annotations

from alembic import op

from migrations import ForwardOnly

revision = "2026_11_22_14"
down_revision = "2026_11_22_13"
branch_labels = None
depends_on = None


STATEMENTS = """
ALTER TABLE orders ADD COLUMN guest_id bigint, ADD COLUMN buyer_erased boolean NOT NULL DEFAULT false;
ALTER TABLE orders ADD CONSTRAINT orders_guest_id_fkey FOREIGN KEY (shop_id, guest_id)
    REFERENCES customers (shop_id, customer_id) NOT VALID;
ALTER TABLE orders VALIDATE CONSTRAINT orders_guest_id_fkey;
CREATE INDEX orders_of_guest ON orders (shop_id, guest_id) WHERE guest_id IS NOT NULL;
"""


def upgrade() -> None:
    op.execute(STATEMENTS)


def downgrade() -> None:
    raise ForwardOnly
