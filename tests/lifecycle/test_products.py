"""The next best product: pairs that are no accident, held against plain counting, and what is proposed to whom."""

from __future__ import annotations

import importlib.util
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lifecycle
import loyalty
import referral
from commerce.orders import OrderLine
from lifecycle.rules.products import LEAST_TOGETHER, MOST_CHANCE, MOST_OF_ONE, Pair, reason, tail, telling
from lifecycle.service.products import MOST_OF_CUSTOMER, MOST_PRODUCTS
from tests import people
from tests.ground import Clock, Desk, Superuser

LINES = Path(__file__).resolve().parents[2] / "../shared/data/online_retail_i_lines.parquet"
PAIRS = """
    SELECT product_id, with_id, together, buyers, with_buyers, customers FROM product_pairs WHERE shop_id = %s
    ORDER BY 1, 2
"""


# --- the rules


@given(st.integers(2, 400).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n), st.integers(1, n))), st.data())
def test_the_tail_is_that_of_the_hypergeometric_law(sizes: tuple[int, int, int], data: st.DataObject) -> None:
    from scipy.stats import hypergeom

    customers, buyers, with_buyers = sizes
    together = data.draw(st.integers(0, min(buyers, with_buyers)))
    expected = hypergeom.sf(together - 1, customers, buyers, with_buyers)
    assert tail(together, buyers, with_buyers, customers) == pytest.approx(expected, rel=1e-8, abs=1e-280)


def test_the_tail_is_a_chance_for_a_million_customers_too() -> None:
    assert tail(30_000, 100_000, 100_000, 1_000_000) == 0.0
    assert tail(10_000, 100_000, 100_000, 1_000_000) == pytest.approx(0.5, abs=0.01)


def test_fisher_s_tea_is_tasted() -> None:
    """R. A. Fisher, The Design of Experiments (1935): all four cups told rightly has one chance in seventy."""
    assert tail(4, 4, 4, 8) == pytest.approx(1 / 70)
    assert tail(3, 4, 4, 8) == pytest.approx(17 / 70)


def test_the_numbers_of_a_pair() -> None:
    pair = Pair("x", "y", together=41, buyers=100, with_buyers=156, customers=1000)
    assert pair.confidence == 0.41
    assert pair.lift == pytest.approx(41 * 1000 / (100 * 156))
    assert pair.others == pytest.approx(0.41 / (115 / 900))
    assert reason(pair, "Green tea") == "bought by 41 of 100 who bought Green tea; 3.2 times as often as by others"
    few = Pair("x", "y", together=6, buyers=9, with_buyers=6, customers=1000)
    assert reason(few, "Green tea") == "bought by 6 of 9 who bought Green tea, and by nobody else"


def test_only_telling_pairs_are_kept_and_of_each_product_the_best() -> None:
    many = [Pair("x", f"y{n}", 40, 100, 60, 1000) for n in range(MOST_OF_ONE + 5)]
    weak = [Pair("z", "rare", LEAST_TOGETHER - 1, 4, 4, 1000), Pair("z", "chance", 10, 100, 99, 1000)]
    kept = [(pair.product_id, pair.with_id) for pair, _ in telling([*many, *weak], tested=1)]
    assert kept == [("x", f"y{n}") for n in range(MOST_OF_ONE)]
    # What is unlikely once is no wonder among a million.
    once = Pair("x", "y", 12, 60, 80, 1000)
    assert 1e-4 < once.chance < MOST_CHANCE
    assert list(telling([once], tested=1)) == [(once, once.chance)]
    assert list(telling([once], tested=1_000_000)) == []


# --- the study


def study(desk: Desk) -> bool:
    with desk.work() as work:
        return lifecycle.products.study_due(work)


def pairs(desk: Desk, above: Superuser) -> list[tuple[Any, ...]]:
    return above.run(PAIRS, desk.shop.shop_id)


def propose(desk: Desk, *numbers: int, limit: int = 3) -> list[list[tuple[str, str]]]:
    ids = [desk.customer_id(number) for number in numbers]
    with desk.work() as work:
        found = lifecycle.products.next_products(work, ids, limit)
    return [[(p.title, p.reason) for p in found[customer_id]] for customer_id in ids]


def line(number: int, product: str) -> OrderLine:
    return OrderLine(number, product, product.upper(), 1, 1000, False)


def sell(desk: Desk, baskets: Sequence[Sequence[str]], **changed: Any) -> None:
    """Basket by basket, each to a customer of its own: the first to number 1."""
    desk.settle(
        *(
            people.order(n, people.customer(n), lines=tuple(line(i, p) for i, p in enumerate(basket, 1)), **changed)
            for n, basket in enumerate(baskets, 1)
        )
    )


def town(planted: float, seed: int = 7, size: int = 400) -> list[list[str]]:
    """Baskets of twelve products, each drawn by itself, but that the cup is bought with the saucer so often."""
    draw = random.Random(seed)
    baskets = []
    for _ in range(size):
        basket = [f"p{n}" for n in range(10) if draw.random() < 0.15]
        if draw.random() < 0.3:
            basket.append("cup")
        if draw.random() < (planted if "cup" in basket else 0.1):
            basket.append("saucer")
        baskets.append(basket or ["p0"])
    return baskets


def test_a_planted_pair_is_found_and_no_other(desk: Desk, above: Superuser) -> None:
    baskets = town(planted=0.6)
    sell(desk, baskets)
    assert study(desk)
    found = pairs(desk, above)
    assert [row[:2] for row in found] == [("cup", "saucer"), ("saucer", "cup")]
    both, cups, saucers = (sum(set(w) <= set(b) for b in baskets) for w in (["cup", "saucer"], ["cup"], ["saucer"]))
    assert found[0][2:] == (both, cups, saucers, len(baskets))


def test_where_nothing_was_planted_nothing_is_found(desk: Desk, above: Superuser) -> None:
    sell(desk, town(planted=0.1))
    assert study(desk)
    assert pairs(desk, above) == []


def test_what_was_not_bought_does_not_count(desk: Desk, above: Superuser) -> None:
    baskets = [["cup", "saucer"]] * 20 + [["pot"]] * 60
    sell(desk, baskets, paid=False)
    assert study(desk)
    assert pairs(desk, above) == []
    with desk.work() as work:
        assert tuple(lifecycle.products.study(work))[1:5] == (0, 0, 0, 0)


def test_the_study_comes_once_a_day_and_hourly_while_the_shop_is_small(desk: Desk, clock: Clock) -> None:
    sell(desk, [["cup"]] * 3)
    assert study(desk)
    assert not study(desk)
    clock.forward(hours=1)
    assert study(desk)
    sell(desk, town(planted=0.5, size=120))
    clock.forward(hours=1)
    assert study(desk)
    clock.forward(hours=22)
    assert not study(desk)
    clock.forward(hours=1)
    assert study(desk)


# --- proposals


def test_what_goes_with_what_they_have_is_proposed_and_never_what_they_have(desk: Desk) -> None:
    baskets = [["cup"], ["cup", "saucer"], ["pot"], *town(planted=0.7)]
    sell(desk, baskets)
    study(desk)
    with_cup, with_both, with_pot = propose(desk, 1, 2, 3)
    ((title, why),) = with_cup
    cups = sum("cup" in b for b in baskets)
    both = sum({"cup", "saucer"} <= set(b) for b in baskets)
    assert title == "SAUCER"
    assert why.startswith(f"bought by {round(100 * both / cups)} of 100 who bought CUP; ")
    assert {title for title, _ in with_both}.isdisjoint({"CUP", "SAUCER"})
    # Nothing goes with a pot: the best known products stand in, and the reason says so.
    assert with_pot[0][0] == "CUP"
    assert "nothing goes with what they have beyond chance" in with_pot[0][1]


def test_a_product_that_nobody_buys_any_more_is_proposed_to_nobody(desk: Desk, clock: Clock) -> None:
    sell(desk, [["cup"], *town(planted=0.7)])
    study(desk)
    assert propose(desk, 1)[0][0][0] == "SAUCER"
    clock.forward(days=181)
    assert propose(desk, 1) == [[]]


def test_before_the_first_study_nothing_is_proposed(desk: Desk) -> None:
    sell(desk, [["cup"]])
    assert propose(desk, 1) == [[]]
    study(desk)
    assert propose(desk, 1) == [[]]


def test_a_segment_is_told_what_suits_most_of_it(desk: Desk) -> None:
    baskets = town(planted=0.7)
    sell(desk, baskets)
    study(desk)
    book = lifecycle.segments.book(*loyalty.TRAIT_SOURCES, *referral.TRAIT_SOURCES)
    asked = {"trait": "bought_product", "op": "at_least", "values": [1], "items": ["cup"]}
    with desk.work() as work:
        segment_id = lifecycle.segments.save(work, book, "Cups", {"form": 1, "match": "all", "parts": [asked]})
        lifecycle.segments.look(work, book, segment_id)
        suited, looked_at = lifecycle.products.for_segment(work, segment_id)
    cups = [b for b in baskets if "cup" in b]
    without = [b for b in cups if "saucer" not in b]
    assert looked_at == len(cups)
    assert [(s.title, s.suits, s.because) for s in suited] == [("SAUCER", len(without), "CUP")]
    assert suited[0].expected == pytest.approx(len(without) * (len(cups) - len(without)) / len(cups))


# --- a real shop, counted by hand


def brute_force(bought: dict[int, dict[str, Any]], customers: int) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Every pair with support, by counting on two hands: the same caps, nothing else shared."""
    top = sorted(Counter(p for mine in bought.values() for p in mine).items(), key=lambda item: (-item[1], item[0]))
    known = {product: number for number, (product, _) in enumerate(top[:MOST_PRODUCTS])}
    single, both = Counter[str](), Counter[tuple[str, str]]()
    for mine in bought.values():
        newest = sorted((p for p in mine if p in known), key=lambda p: (-mine[p], known[p]))[:MOST_OF_CUSTOMER]
        single.update(newest)
        both.update(combinations(sorted(newest), 2))
    return {
        pair: (together, single[pair[0]], single[pair[1]])
        for pair, together in both.items()
        if together >= LEAST_TOGETHER
    }


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None or not LINES.exists(),
    reason="needs pyarrow (requirements/dev.in) and the lines of Online Retail I",
)
def test_a_real_shop_s_pairs_are_those_that_plain_counting_finds(desk: Desk, above: Superuser, clock: Clock) -> None:
    bought, customers = load_online_retail(desk, above, clock)
    expected = brute_force(bought, customers)
    assert study(desk)
    with desk.work() as work:
        figures = lifecycle.products.study(work)
    assert (figures.customers, figures.tested) == (len(bought), len(expected))
    found = pairs(desk, above)
    for product, other, together, buyers, with_buyers, of in found:
        counted = expected[min(product, other), max(product, other)]
        assert (together, buyers, with_buyers) == (counted if product < other else (counted[0], *counted[:0:-1]))
        assert of == len(bought)
        assert tail(together, buyers, with_buyers, of) * len(expected) <= MOST_CHANCE
    best = defaultdict[str, list[Pair]](list)
    for (one, other), (together, a, b) in expected.items():
        best[one].append(Pair(one, other, together, a, b, len(bought)))
        best[other].append(Pair(other, one, together, b, a, len(bought)))
    # What is kept of a product is the best of all that are telling.
    kept = defaultdict[str, set[str]](set)
    for product, other, *_ in found:
        kept[product].add(other)
    some = random.Random(1).sample(sorted(best), 40)
    for product in some:
        ranked = sorted((p for p in best[product] if p.lift > 1), key=lambda p: -p.weight)
        passed = [p.with_id for p, _ in telling(ranked, len(expected))]
        assert kept[product] == set(passed), product


def load_online_retail(desk: Desk, above: Superuser, clock: Clock) -> tuple[dict[int, dict[str, Any]], int]:
    """Put a year of a real shop into the mirror; answers with what each customer bought, and when last."""
    from pyarrow import parquet

    table = parquet.read_table(LINES).to_pylist()
    lines = [r for r in table if r["CustomerID"] is not None and r["Quantity"] > 0 and r["UnitPrice"] > 0]
    clock.now = max(r["InvoiceDate"] for r in lines).replace(tzinfo=UTC) + timedelta(days=1)
    shop, bought = desk.shop.shop_id, defaultdict[int, dict[str, Any]](dict)
    invoices = defaultdict[tuple[str, int], list[Any]](list)
    for row in lines:
        invoices[row["InvoiceNo"], row["CustomerID"]].append(row)
        at = max(r["InvoiceDate"] for r in invoices[row["InvoiceNo"], row["CustomerID"]][:1]).timestamp()
        mine = bought[row["CustomerID"]]
        mine[row["StockCode"]] = max(mine.get(row["StockCode"], 0.0), at)
    with above.connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE given_people (number bigint) ON COMMIT PRESERVE ROWS")
        copy_rows(cursor, "given_people (number)", ((who,) for who in bought))
        cursor.execute("INSERT INTO customers (shop_id, external_id, observed_at) "
                       "SELECT %s, number::text, now() FROM given_people", [shop])  # fmt: skip
        cursor.execute("DROP TABLE given_people")
        cursor.execute("SELECT external_id, customer_id FROM customers WHERE shop_id = %s", [shop])
        ids = {int(external): customer_id for external, customer_id in cursor.fetchall()}
        copy_rows(
            cursor,
            "orders (shop_id, external_id, name, customer_id, currency, placed_at, updated_at, observed_at, paid, "
            "test, goods_minor, total_minor, discount_codes, lines_digest)",
            ((shop, f"{number}-{who}", number, ids[who], "USD", *[f"{rows[0]['InvoiceDate']}+00"] * 3, True, False,
              1000, 1000, "{}", 0) for (number, who), rows in invoices.items()),
        )  # fmt: skip
        cursor.execute("SELECT external_id, order_id FROM orders WHERE shop_id = %s", [shop])
        numbers = dict(cursor.fetchall())
        copy_rows(
            cursor,
            "order_lines (shop_id, order_id, line_no, product_id, title, quantity, net_minor, gift_card)",
            ((shop, numbers[f"{number}-{who}"], n, row["StockCode"], row["Description"] or "", row["Quantity"], 100,
              False)
             for (number, who), rows in invoices.items() for n, row in enumerate(rows, 1)),
        )  # fmt: skip
    return dict(bought), len(bought)


def copy_rows(cursor: Any, into: str, rows: Any) -> None:
    with cursor.copy(f"COPY {into} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
