"""Where people stand, for whoever aims at them: statements over this domain's tables that others put into their own.

Each gives customer_id and since, of the one that `:name` names, by rising customer_id; an index serves both.
"""

from __future__ import annotations

from collections.abc import Mapping

AUDIENCES: Mapping[str, str] = {
    "stage": "SELECT s.customer_id, s.since FROM standings s WHERE s.shop_id = :shop_id AND s.stage = :name",
    "segment": (
        "SELECT m.customer_id, m.since FROM segment_members m "
        "WHERE m.shop_id = :shop_id AND m.segment_id = CAST(:name AS bigint)"
    ),
}
