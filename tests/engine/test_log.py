"""Logs and metrics: wide lines of fields that may be seen, and no others."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import orjson
import pytest

from engine import log, metrics
from engine.shops import Shop
from engine.work import Database
from tests.ground import Superuser

SECRETS = {
    "email": "anna@example.com",
    "token": "shpat_secret",
    "body": "{}",
    "name": "Anna Vos",
    "address": "Elm Street 1",
}


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What our logs write, in JSON."""
    root, sink = logging.getLogger("perennial"), io.StringIO()
    before = (root.handlers[:], root.level, root.propagate)
    log.set_up("json", "INFO")
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(sink)
    yield sink
    root.handlers[:], root.level, root.propagate = before


def test_a_wide_line_holds_the_fields_that_may_be_seen(written: io.StringIO) -> None:
    log.wide(logging.getLogger("perennial.test"), "settled", shop=1, lag_ms=7, **SECRETS)
    line = orjson.loads(written.getvalue())
    del line["at"]
    assert line == {"level": "INFO", "log": "perennial.test", "event": "settled", "shop": 1, "lag_ms": 7}


def test_a_batch_is_many_lines_and_one_write(written: io.StringIO) -> None:
    log.wide_many(logging.getLogger("perennial.test"), "settled", ({"delivery": n, **SECRETS} for n in range(3)))
    lines = [orjson.loads(line) for line in written.getvalue().splitlines()]
    assert [line["delivery"] for line in lines] == [0, 1, 2]
    assert not any(secret in written.getvalue() for secret in SECRETS.values() if len(secret) > 2)


def test_what_is_not_listened_to_is_not_even_built(written: io.StringIO) -> None:
    def build(number: int) -> dict[str, object]:
        raise AssertionError(f"line {number} was built")

    logger = logging.getLogger("perennial.test.quiet")
    logger.setLevel(logging.WARNING)
    log.wide_many(logger, "settled", map(build, range(3)))
    assert written.getvalue() == ""


def test_words_are_for_a_terminal(written: io.StringIO) -> None:
    log.set_up("words", "INFO")
    handler = logging.getLogger("perennial").handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    log.wide(logging.getLogger("perennial.test"), "pushed", kind="tags", **SECRETS)
    assert written.getvalue().rstrip().endswith(" pushed kind=tags")


def test_the_metrics_page_tells_depth_and_age_and_names_no_shop(
    database: Database, shop: Shop, above: Superuser, neighbour: Shop
) -> None:
    above.run(
        "INSERT INTO deliveries (shop_id, dedupe_key, topic, received_at, body) VALUES (%s, 'k', 't', %s, '')",
        shop.shop_id, database.clock(),
    )  # fmt: skip
    database.clock.forward(seconds=90)  # type: ignore[attr-defined]
    page = metrics.page(database).decode()
    values = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    assert values["perennial_inbox_waiting"] == "1.0"
    assert values["perennial_inbox_oldest_seconds"] == "90.0"
    assert values["perennial_outbox_waiting"] == "0.0"
    assert values["perennial_shops"] == "2.0"
    assert any(name.startswith("perennial_deliveries_settled_total") for name in values)
    assert shop.domain not in page
    assert neighbour.domain not in page
