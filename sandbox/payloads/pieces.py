"""The pieces that every body is made of: JSON text, instants in the store's zone, money and money bags."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import orjson

from sandbox.money import Currency

# amounts repeat (prices of products, zero): enough for every price of a shop and its recent totals
MONEY_CACHE = 8_192
NULL = b"null"


def text(value: str | None) -> bytes:
    """A JSON string, or null."""
    return NULL if value is None else orjson.dumps(value)


def clock_text(zone: ZoneInfo) -> Callable[[float | None], bytes]:
    """Instants as the webhooks write them: seconds, with the store's offset, quoted; null for none."""

    @lru_cache(maxsize=4_096)
    def at_second(second: int) -> bytes:
        return b'"' + datetime.fromtimestamp(second, zone).isoformat().encode() + b'"'

    return lambda at: NULL if at is None else at_second(int(at))


@lru_cache(maxsize=4_096)
def utc_text(second: int) -> str:
    """An instant as the Admin API writes it: `2026-11-22T04:37:00Z`."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class MoneyText:
    """Amounts of one currency as JSON: the quoted string, and the bag of shop and presentment money."""

    __slots__ = ("_bags", "_currency", "_pattern", "_texts")

    def __init__(self, currency: Currency) -> None:
        self._currency = currency
        code = currency.code.encode()
        half = b'{"amount":%b,"currency_code":"' + code + b'"}'
        self._pattern = b'{"shop_money":' + half + b',"presentment_money":' + half + b"}"
        self._texts: dict[int, bytes] = {}
        self._bags: dict[int, bytes] = {}

    def text(self, minor: int) -> bytes:
        known = self._texts.get(minor)
        if known is None:
            if len(self._texts) >= MONEY_CACHE:
                self._texts.clear()
            known = self._texts[minor] = b'"' + self._currency.text(minor).encode() + b'"'
        return known

    def bag(self, minor: int) -> bytes:
        known = self._bags.get(minor)
        if known is None:
            if len(self._bags) >= MONEY_CACHE:
                self._bags.clear()
            amount = self.text(minor)
            known = self._bags[minor] = self._pattern % (amount, amount)
        return known
