"""Segments: a name and a query over customers. Members are computed when somebody asks.

The query language is the platform's; the sandbox computes tags, order counts, amounts and dates. A query on
any other known attribute is accepted and has no members, which is said on the segment's page.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sandbox.customers import Customer

DAY: Final = 86_400
TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<op>!=|>=|<=|=|>|<|\(|\)|,)|(?P<word>[^\s()=<>!',]+))")
# what the platform knows and the sandbox does not compute
OTHER_ATTRIBUTES = frozenset(
    [
        "email_subscription_status",
        "sms_subscription_status",
        "customer_account_status",
        "customer_language",
        "customer_countries",
        "customer_regions",
        "customer_cities",
        "predicted_spend_tier",
        "rfm_group",
        "product_subscription_status",
        "companies",
        "created_by_app_id",
        "store_credit_accounts",
        "products_purchased",
        "orders_placed",
        "abandoned_checkout_date",
        "anniversary",
        "customer_within_distance",
    ]
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A customer as a segment query sees them."""

    customer: Customer
    orders: int
    spent: float
    first_order: float | None
    last_order: float | None
    now: float


Test = Callable[[Standing], bool]


class BadQuery(ValueError):
    """The query does not parse; the message is the platform's."""


@dataclass(slots=True, eq=False)
class Segment:
    id: int
    name: str
    query: str
    created_at: float
    edited_at: float
    test: Test


def compile_query(query: str) -> Test:
    """The query as a test over customers; raises BadQuery where the platform would answer with userErrors."""
    parser = _Parser(query)
    test = parser.either()
    parser.end()
    return test


class _Parser:
    """Recursive descent over `attribute operator value`, AND before OR, parentheses."""

    def __init__(self, query: str) -> None:
        self._tokens = list(_tokens(query))
        self._at = 0

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise BadQuery("Query unexpected end of query.")
        self._at += 1
        return self._tokens[self._at - 1][0]

    def unexpected(self) -> BadQuery:
        if self._at >= len(self._tokens):
            return BadQuery("Query unexpected end of query.")
        text, column = self._tokens[self._at]
        return BadQuery(f"Query Line 1 Column {column}: '{text.strip(chr(39))}' is unexpected.")

    def end(self) -> None:
        if self._at != len(self._tokens):
            raise self.unexpected()

    def either(self) -> Test:
        tests = [self.both()]
        while self._peek().upper() == "OR":
            self._at += 1
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda who: any(test(who) for test in tests)

    def both(self) -> Test:
        tests = [self.single()]
        while self._peek().upper() == "AND":
            self._at += 1
            tests.append(self.single())
        return tests[0] if len(tests) == 1 else lambda who: all(test(who) for test in tests)

    def single(self) -> Test:
        if self._peek() == "(":
            self._at += 1
            test = self.either()
            if self._peek() != ")":
                raise self.unexpected()
            self._at += 1
            return test
        attribute = self._peek().lower()
        if attribute == "customer_tags":
            self._at += 1
            return self._tags()
        if attribute in MEASURES:
            self._at += 1
            return self._measure(MEASURES[attribute])
        if attribute in OTHER_ATTRIBUTES or attribute.startswith(("metafields.", "storefront.", "shopify_email.")):
            return self._uncomputed()
        raise self.unexpected()

    def _tags(self) -> Test:
        word = self._next().upper()
        if word == "IS":
            return self._is_null(lambda who: not who.customer.tags)
        negative = word == "NOT"
        if negative:
            word = self._next().upper()
        if word != "CONTAINS":
            self._at -= 1
            raise self.unexpected()
        wanted = _unquote(self._next()).casefold()
        return lambda who: negative != any(tag.casefold() == wanted for tag in who.customer.tags)

    def _is_null(self, empty: Test) -> Test:
        word = self._next().upper()
        negative = word == "NOT"
        if negative:
            word = self._next().upper()
        if word != "NULL":
            self._at -= 1
            raise self.unexpected()
        return (lambda who: not empty(who)) if negative else empty

    def _measure(self, measure: Callable[[Standing], float | None]) -> Test:
        operator = self._next().upper()
        if operator == "IS":
            return self._is_null(lambda who: measure(who) is None)
        if operator == "BETWEEN":
            low = _value(self._next())
            if self._next().upper() != "AND":
                self._at -= 1
                raise self.unexpected()
            high = _value(self._next())
            return lambda who: (m := measure(who)) is not None and low(who.now) <= m <= high(who.now)
        if operator not in COMPARE:
            self._at -= 1
            raise self.unexpected()
        compare, value = COMPARE[operator], _value(self._next())
        return lambda who: (m := measure(who)) is not None and compare(m, value(who.now))

    def _uncomputed(self) -> Test:
        depth = 0
        while self._at < len(self._tokens):
            word = self._peek().upper()
            if depth == 0 and (word in ("OR", ")") or (word == "AND" and self._tokens[self._at - 2][0] != "BETWEEN")):
                break
            depth += (word == "(") - (word == ")")
            self._at += 1
        return lambda who: False


def _tokens(query: str) -> Iterator[tuple[str, int]]:
    at = 0
    while at < len(query.rstrip()):
        match = TOKEN.match(query, at)
        if match is None:
            raise BadQuery(f"Query Line 1 Column {at + 1}: '{query[at:].strip()[:1]}' is unexpected.")
        text = match.group("text") or match.group("op") or match.group("word")
        yield text, match.start(match.lastgroup or 0) + 1
        at = match.end()


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith("'") else text


def _value(text: str) -> Callable[[float], float]:
    """A number, a date, or a time relative to now (`-30d`, `-4w`, `-12m`, `-1y`) as a function of now."""
    bare = _unquote(text)
    relative = re.fullmatch(r"([+-]\d+)([dwmy])", bare)
    if relative:
        days = int(relative[1]) * {"d": 1, "w": 7, "m": 30, "y": 365}[relative[2]]
        return lambda now: now + days * DAY
    try:
        number = float(bare)
    except ValueError:
        try:
            number = datetime.fromisoformat(bare).replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise BadQuery(f"Query Line 1 Column 1: '{bare}' is unexpected.") from None
    return lambda now: number


MEASURES: dict[str, Callable[[Standing], float | None]] = {
    "number_of_orders": lambda who: who.orders,
    "amount_spent": lambda who: who.spent,
    "first_order_date": lambda who: who.first_order,
    "last_order_date": lambda who: who.last_order,
    "customer_added_date": lambda who: who.customer.created_at,
}
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}


class Segments:
    """A shop's segments; names are unique without regard to case."""

    def __init__(self) -> None:
        self._by_id: dict[int, Segment] = {}
        self.made = 0

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._by_id.values())

    def by_id(self, number: int) -> Segment | None:
        return self._by_id.get(number)

    def by_name(self, name: str) -> Segment | None:
        return next((s for s in self._by_id.values() if s.name.casefold() == name.casefold()), None)

    def name_taken(self, name: str, but: Segment | None = None) -> bool:
        return any(s.name.casefold() == name.casefold() for s in self._by_id.values() if s is not but)

    def add(self, segment: Segment) -> None:
        self._by_id[segment.id] = segment
        self.made += 1

    def remove(self, segment: Segment) -> None:
        self._by_id.pop(segment.id, None)
