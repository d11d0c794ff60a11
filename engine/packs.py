"""A shop's pack: all that the shop's program is, as lines of JSON that any language reads, and the way back in.

The first line says what the pack is: format, schema, shop, each table's columns and number of rows. Each line after it
is a row, ``{"t": table, "r": {column: value}}``, tables in an order in which none needs a later one. Numbers of ours
stay as they are, so everything that hangs on them stays true, hashes too. Credentials, deliveries and what waits to be
pushed stay at home: whoever takes a pack in connects the store anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, TextClause, text
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from commerce.ids import ShopId
from commerce.refusal import Refusal
from commerce.store import ShopDetails
from engine import shops
from engine.shops import Shop
from engine.work import Database, UnitOfWork

FORMAT = 1
PORTION = 1000
# A row is some hundred bytes; a longer line is no pack.
LONGEST_LINE = 8_000_000

KEPT = (
    "customers",
    "customer_facts",
    "orders",
    "order_lines",
    "order_codes",
    "refunds",
    "terms",
    "standings",
    "happenings",
    "stage_changes",
    "checkouts",
    "redemptions",
    "lots",
    "entries",
    "balances",
    "ledger_heads",
    "ledger_links",
    "ledger_totals",
    "deeds",
    "member_tiers",
    "tier_changes",
    "tier_choices",
    "walks",
    "gifts",
    "imports",
    "import_rows",
    "contests",
    "tickets",
    "referral_codes",
    "claims",
    "refused_claims",
    "mentions",
    "attributions",
    "referral_gifts",
    "screenings",
    "rulings",
    "invitation_counts",
    "surveys",
    "discount_nodes",
    "privacy_requests",
    "advocate_counts",
    "batches",
    "batch_rows",
    "drafts",
    "collections",
    "collection_members",
    "segments",
    "segment_versions",
    "segment_members",
    "segment_changes",
    "visit_counts",
    "marketing_spend",
    "benchmarks",
    "play_runs",
    "enrolments",
    "play_costs",
    "play_results",
    "mail_choices",
    "unwanted_mails",
    "mailings",
)
"""Every table of a shop is here or in `LEFT`; a test asks."""

LEFT: Mapping[str, str] = {
    "shops": "is the first line",
    "shop_credentials": "opens the store: connect it anew",
    "api_keys": "open this installation's doors: make new ones",
    "companions": "a secret between two servers",
    "companion_nonces": "of an hour",
    "connections": "how this installation reaches the store",
    "former_domains": "addresses of this installation's doors",
    "deliveries": "settled already, or the store tells it again",
    "effects": "what is so is stated anew",
    "bulk_runs": "under way here",
    "bulk_run_effects": "under way here",
    "bulk_pauses": "under way here",
    "bulk_finishes": "under way here",
    "backfills": "the new installation reads for itself",
    "sweeps": "the new installation reads for itself",
    "listed_orders": "the new installation reads for itself",
    "reconciliations": "the new installation reads for itself",
    "stale_orders": "the new installation reads for itself",
    "stage_walks": "whoever was settled under older terms is found anew",
    "store_segments": "numbers that the store gives anew",
    "listeners": "the store says anew who listens",
    "reward_hooks": "a secret between two servers",
    "touches": "of days",
    "claim_tries": "of an hour",
    "claim_notes": "digests that only this installation's secret compares",
    "screening_requests": "asked for anew by whatever comes",
    "screening_traces": "digests that only this installation's secret compares",
    "advocate_traces": "digests that only this installation's secret compares",
    "customer_values": "the new installation's first night reckons everybody",
    "prediction_models": "the new installation's first night fits its own",
    "value_runs": "of this installation's nights",
    "value_requests": "of a minute",
    "metrics_daily": "counted anew",
    "metrics_counts": "counted anew",
    "summaries": "counted anew",
    "ticks": "this clock's",
    "budgets": "what the store told these processes",
    "notes": "of this connection",
    "segment_untold": "what is so is stated anew",
    "products": "studied anew in the next night",
    "product_pairs": "studied anew in the next night",
    "product_studies": "studied anew in the next night",
    "staff_rules": "of this installation's doors",
    "staff": "this installation's people: whoever opens the new one first is its owner",
    "staff_sessions": "open this installation's doors",
    "passkeys": "open this installation's doors",
    "staff_links": "open this installation's doors",
    "audit": "says who did it among this installation's people",
    "mails": "on their way from here",
    "shop_doors": "addresses of this installation's doors: the new one makes its own, which is open",
    "shopper_links": "open this installation's doors",
    "shopper_sessions": "open this installation's doors",
    "mailing_marks": "the new installation begins with what happens there",
    "mailing_looks": "the new installation begins with what happens there",
    "mailing_counts": "of what was sent from here",
}

_SEQUENCES = {("lots", "lot_id"): "lot_ids", ("ledger_links", "batch_id"): "ledger_batches"}
_NUMBER_ON = text("""
    SELECT setval(CAST(CAST(:sequence AS text) AS regclass), greatest(:least, (
        SELECT coalesce(last_value, 1) FROM pg_sequences WHERE schemaname = 'public'
          AND sequencename = split_part(CAST(:sequence AS text), '.', -1))))
""")

_COLUMNS = text("""
    SELECT c.relname AS name, a.attname AS column_name, format_type(a.atttypid, a.atttypmod) AS type,
           CASE WHEN a.attidentity <> '' THEN pg_get_serial_sequence(c.relname, a.attname) END AS sequence
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname = ANY(:tables) AND a.attnum > 0
      AND NOT a.attisdropped AND a.attgenerated = '' AND a.attname <> 'shop_id'
    ORDER BY c.relname, a.attnum
""")
_NEEDS = text("""
    SELECT DISTINCT c.relname AS name, f.relname AS needs
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
    WHERE k.contype = 'f' AND c.relname = ANY(:tables) AND f.relname = ANY(:tables)
""")
_SELF = text("""
    SELECT c.relname AS name, a.attname AS column_name
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)
    WHERE k.contype = 'f' AND k.conrelid = k.confrelid AND c.relname = ANY(:tables) AND a.attname <> 'shop_id'
""")
_SCHEMA = text("SELECT version_num FROM alembic_version")

Tell = Callable[[str, int], None]
"""Called with a table and how many of its rows are done."""


class NotAPack(Refusal):
    """This file is no pack of a shop, or is not whole. Nothing was taken in."""


class OtherSchema(Refusal):
    """The pack is of another release: bring both installations to the same one, and pack it again."""


class ShopExists(Refusal):
    """There is a shop of that address here already. A pack is taken in where there is none."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is packed: `columns` with their types, and those that point at the table's own rows."""

    name: str
    columns: Mapping[str, str]
    key: str
    own: Sequence[str]
    sequences: Mapping[str, str]
    """What numbers its columns."""

    @property
    def written(self) -> TextClause:
        """Its rows as lines, in an order in which rows need only earlier ones."""
        # The text of a json column is kept to the byte: hashes are made of it.
        shown = ", ".join(f"CAST({c} AS text) AS {c}" if t == "json" else c for c, t in self.columns.items())
        return text(
            f"SELECT CAST(row_to_json(x) AS text) AS line FROM (SELECT {shown} FROM {self.name} "
            f"WHERE shop_id = :shop_id ORDER BY {self.key}) x"
        )

    @property
    def taken(self) -> TextClause:
        read = ", ".join(f"{c} {'text' if t == 'json' else t}" for c, t in self.columns.items())
        given = ", ".join(
            "NULL" if c in self.own else f"CAST(g.{c} AS json)" if t == "json" else f"g.{c}"
            for c, t in self.columns.items()
        )
        return text(
            f"INSERT INTO {self.name} (shop_id, {', '.join(self.columns)}) OVERRIDING SYSTEM VALUE "
            f"SELECT :shop_id, {given} FROM json_to_recordset(CAST(:rows AS json)) AS g({read})"
        )

    def pointed(self, column: str) -> TextClause:
        """Its rows' pointers at each other, set once all rows are there."""
        return text(
            f"UPDATE {self.name} t SET {column} = g.{column} FROM json_to_recordset(CAST(:rows AS json)) "
            f"AS g({self.key} bigint, {column} bigint) WHERE t.shop_id = :shop_id AND t.{self.key} = g.{self.key}"
        )


def tables(connection: Connection) -> list[Table]:
    """The tables of a pack, in an order in which none needs a later one."""
    names = list(KEPT)
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    sequences: dict[str, dict[str, str]] = {name: {} for name in names}
    for row in connection.execute(_COLUMNS, {"tables": names}):
        found[row.name][row.column_name] = row.type
        if sequence := row.sequence or _SEQUENCES.get((row.name, row.column_name)):
            sequences[row.name][row.column_name] = sequence
    own: dict[str, list[str]] = {name: [] for name in names}
    for row in connection.execute(_SELF, {"tables": names}):
        own[row.name].append(row.column_name)
    needs: dict[str, set[str]] = {name: set() for name in names}
    for row in connection.execute(_NEEDS, {"tables": names}):
        needs[row.name] |= {row.needs} - {row.name}
    ordered = list[str]()
    while len(ordered) < len(names):
        ordered += [name for name in names if name not in ordered and needs[name] <= set(ordered)]
    return [Table(name, found[name], next(iter(found[name])), own[name], sequences[name]) for name in ordered]


def schema(database: Database) -> str:
    """Which release's tables these are."""
    with database.engine.begin() as connection:
        return str(connection.execute(_SCHEMA).scalar_one())


def pack(work: UnitOfWork, release: str, tell: Tell = lambda _name, _done: None) -> Iterator[str]:
    """The lines of the shop's pack. `work` reads one instant (`Database.snapshot`); `release` is `schema`'s answer."""
    shop, whole = shops.current(work), tables(work.connection)
    counts = {t.name: _count(work, t.name) for t in whole}
    head = {
        "perennial": "pack", "format": FORMAT, "schema": release,
        "made_at": work.now.isoformat(), "rows": counts,
        "columns": {t.name: t.columns for t in whole},
        "shop": {
            "platform": shop.platform, "domain": shop.domain, "name": shop.name, "currency": shop.currency,
            "timezone": shop.timezone, "country": shop.country,
        },
    }  # fmt: skip
    yield json.dumps(head, ensure_ascii=False)
    for table in whole:
        reading = work.connection.execution_options(stream_results=True, max_row_buffer=PORTION)
        for done, row in enumerate(reading.execute(table.written, {"shop_id": work.shop_id}), 1):
            yield f'{{"t": "{table.name}", "r": {row.line}}}'
            if done % PORTION == 0:
                tell(table.name, done)


def _count(work: UnitOfWork, name: str) -> int:
    row = work.row(text(f"SELECT count(*) AS many FROM {name} WHERE shop_id = :shop_id"))
    assert row is not None
    return int(row.many)


def unpack(database: Database, lines: Iterable[bytes], tell: Tell = lambda _name, _done: None) -> Shop:
    """Take a pack in, all of it or nothing, as a shop that is to be connected.

    Refuses with `NotAPack`, `OtherSchema` or `ShopExists`.
    """
    reading = iter(lines)
    head = _head(next(reading, b""))
    told, now = head["shop"], database.clock()
    if schema(database) != head["schema"]:
        raise OtherSchema
    with database.machine() as connection:
        if shops.find(connection, told["platform"], told["domain"]) is not None:
            raise ShopExists

    def found(connection: Connection) -> ShopId:
        return shops.install(connection, told["platform"], told["domain"], now).shop_id

    try:
        with database.founding(found) as work:
            shops.describe(work, ShopDetails(told["domain"], told["name"], told["currency"], told["timezone"]))
            shops.stands_in(work, told["country"] or "")
            taking = _Taking(work, {table.name: table for table in tables(work.connection)}, tell)
            taking.take(reading)
            if taking.counts != head["rows"]:
                raise NotAPack
            shops.uninstall(work, now)
            shop, numbers = shops.current(work), taking.numbers()
    except (DataError, IntegrityError, ProgrammingError):
        # Rows that no pack of ours has. The database's words may quote them, so nobody repeats those.
        raise NotAPack from None
    with database.engine.begin() as connection:
        for sequence, least in numbers.items():
            connection.execute(_NUMBER_ON, {"sequence": sequence, "least": least})
    return shop


def _head(line: bytes) -> Mapping[str, Any]:
    try:
        head = orjson.loads(line)
        sound = head["perennial"] == "pack" and head["format"] == FORMAT and set(head["rows"]) == set(KEPT)
        words = {name: head["shop"][name] for name in ("platform", "domain", "name", "currency", "timezone", "country")}
    except (ValueError, KeyError, TypeError):
        raise NotAPack from None
    if not sound or not all(value is None or isinstance(value, str) for value in words.values()):
        raise NotAPack
    return {**head, "shop": words}


class _Taking:
    """Writes rows, portion by portion, and counts them. A portion has rows of one table."""

    def __init__(self, work: UnitOfWork, known: Mapping[str, Table], tell: Tell) -> None:
        self.counts = dict.fromkeys(known, 0)
        self._work, self._known, self._tell = work, known, tell
        self._pointing: dict[str, list[Any]] = {name: [] for name in known}

    def take(self, lines: Iterator[bytes]) -> None:
        name, rows = "", list[str]()
        for line in lines:
            table, row = self._row(line)
            if table != name or len(rows) >= PORTION:
                self._write(name, rows)
                name, rows = table, []
            rows.append(row)
        self._write(name, rows)
        for known in self._known.values():
            for column in known.own:
                rows = [json.dumps(row) for row in self._pointing[known.name]]
                self._work.run(known.pointed(column), rows=f"[{','.join(rows)}]")

    def numbers(self) -> dict[str, int]:
        """The greatest number of each sequence that came in: whoever is numbered next comes behind it."""
        found = dict[str, int]()
        for table in self._known.values():
            for column, sequence in table.sequences.items():
                most = self._work.row(
                    text(f"SELECT coalesce(max({column}), 0) AS most FROM {table.name} WHERE shop_id = :shop_id")
                )
                assert most is not None
                found[sequence] = max(found.get(sequence, 0), int(most.most))
        return found

    def _row(self, line: bytes) -> tuple[str, str]:
        """The table of a line, and the row as it stands in it: not a byte of it is written anew."""
        said = line.decode("utf-8", "replace").strip()
        opening, _, rest = said.partition('", "r": ')
        table = opening.removeprefix('{"t": "')
        if table not in self._known or not rest.endswith("}}") or len(said) > LONGEST_LINE:
            raise NotAPack
        return table, rest[:-1]

    def _write(self, name: str, rows: Sequence[str]) -> None:
        if not rows:
            return
        table = self._known[name]
        self._work.run(table.taken, rows=f"[{','.join(rows)}]")
        if table.own:
            pointing = [row for row in map(orjson.loads, rows) if any(row.get(c) is not None for c in table.own)]
            self._pointing[name] += pointing
        self.counts[name] += len(rows)
        self._tell(name, self.counts[name])
