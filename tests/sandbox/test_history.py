"""Reading histories: the CDNOW sample, tables of orders and of lines, and what a bad file is told."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from sandbox import BadHistory, open_history
from sandbox.history.cdnow import split_price
from sandbox.money import Currency
from tests.sandbox.places import ONLINE_RETAIL, needed

USD = Currency("USD")
HEAD = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"


def test_the_cdnow_sample_is_whole() -> None:
    book = open_history("cdnow", USD)
    assert (book.customers, book.orders, book.cancellations) == (2_357, 6_919, 0)
    invoices = list(book.invoices())
    assert [invoice.at for invoice in invoices] == sorted(invoice.at for invoice in invoices)
    first = [invoice for invoice in invoices if invoice.customer == "4"]
    assert [sum(row.quantity * row.price for row in invoice.rows) for invoice in first] == [2_933, 2_973, 1_496, 2_648]
    assert [sum(row.quantity for row in invoice.rows) for invoice in first] == [2, 2, 1, 2]


def test_the_time_of_day_is_made_up_the_same_each_time() -> None:
    one, two = ([invoice.at for invoice in open_history("cdnow", USD).invoices()] for _ in range(2))
    assert one == two
    assert len({at % 86_400 for at in one}) > 6_000


@pytest.mark.parametrize(
    "pieces,total,parts", [(2, 2_933, [(1, 1_466), (1, 1_467)]), (1, 0, [(1, 0)]), (3, 9, [(3, 3)])]
)
def test_a_total_is_split_into_whole_unit_prices(pieces: int, total: int, parts: list[tuple[int, int]]) -> None:
    assert split_price(pieces, total) == parts


def write(path: Path, text: str) -> str:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", ["orders.csv", "orders.csv.gz"])
@pytest.mark.parametrize(
    "head", ["order_id,customer_id,ordered_at,amount,email", "InvoiceNo,CustomerID,ts,amount,email"]
)
def test_a_table_of_orders_is_read(tmp_path: Path, name: str, head: str) -> None:
    rows = "b,17850,2011-01-02T10:00:00+01:00,12.5,\na,,2011-01-01,0.005,x@example.com\n"
    book = open_history(write(tmp_path / name, f"{head}\n{rows}"), USD)
    first, second = book.invoices()
    assert (first.key, first.customer, first.rows[0].price) == ("a", None, 1)
    assert (second.key, second.customer, second.rows[0].price) == ("b", "17850", 1_250)
    assert second.at == 1_293_958_800


def test_lines_of_an_invoice_may_lie_apart(tmp_path: Path) -> None:
    text = HEAD + (
        "1,A,Apple,2,2011-01-01 10:00:00,1.00,7,UK\n"
        "2,B,Bread,1,2011-01-01 09:00:00,2.00,,UK\n"
        "1,C,,3,2011-01-01 10:00:00,0.50,7.0,UK\n"
        "1,X,,-1,2011-01-01 10:00:00,9.00,7,UK\n"
        "3,D,Debt,1,2011-01-02 10:00:00,-5.00,8,UK\n"
        "C4,A,Apple,-1,2011-01-03 10:00:00,1.00,7,UK\n"
    )
    book = open_history(write(tmp_path / "lines.csv", text), USD)
    two, one, three, cancelled = book.invoices()
    assert (book.orders, book.cancellations, book.customers, book.skipped_lines) == (3, 1, 2, 1)
    assert (two.customer, one.customer) == (None, "7")
    assert [(row.sku, row.title, row.quantity, row.price) for row in one.rows] == [
        ("A", "Apple", 2, 100),
        ("C", "C", 3, 50),
    ]
    assert three.rows[0].price == 0
    assert (cancelled.cancels, cancelled.rows[0].quantity) == (True, 1)


def test_a_parquet_of_lines_is_the_same_as_its_csv(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    text = HEAD + (
        '1,A,"Apple, green",2,2011-01-01 10:00:00,1.00,7,UK\n'
        "2,B,,1,2011-01-01 09:00:00,2.10,,UK\n"
        'C3,A,"Apple, green",-1,2011-01-03 10:00:00,1.00,7,UK\n'
    )
    from_csv = open_history(write(tmp_path / "lines.csv", text), USD)
    from pyarrow import csv

    table = csv.read_csv(
        tmp_path / "lines.csv", convert_options=csv.ConvertOptions(column_types={"InvoiceNo": pyarrow.string()})
    )
    parquet.write_table(table, tmp_path / "lines.parquet")
    from_parquet = open_history(str(tmp_path / "lines.parquet"), USD)
    assert list(from_parquet.invoices()) == list(from_csv.invoices())


@pytest.mark.parametrize(
    "name,text,told",
    [
        ("none.csv", None, "there is no file"),
        ("a.xlsx", "x", "a history is a .parquet"),
        ("a.csv", "", "has the columns none"),
        ("a.csv", "id,when\n1,2\n", "missing: customer_id, ordered_at, amount"),
        ("a.csv", "order_id,customer_id,ordered_at,amount\n1,7,yesterday,5\n", "row 2: 'yesterday' is not a date"),
        ("a.csv", "order_id,customer_id,ordered_at,amount\n1,7,2011-01-01,five\n", "row 2: amount 'five' is not"),
        ("a.csv", "order_id,customer_id,ordered_at,amount\n1,7,2011-01-01,-5\n", "row 2: amount -5 is negative"),
        (
            "a.csv",
            "order_id,customer_id,ordered_at,amount\n1,7,2011-01-01,5\n1,7,2011-01-01,5\n",
            "row 3: order_id '1' is there twice",
        ),
        ("a.csv", "order_id,customer_id,ordered_at,amount\n1,7\n", "row 2: fewer cells"),
        ("a.csv", HEAD + "1,A,,two,2011-01-01,1,7,UK\n", "row 2: Quantity 'two' is not a whole number"),
        ("a.csv", HEAD + "1,A,,2,2011-01-01,free,7,UK\n", "row 2: UnitPrice 'free' is not"),
        ("a.csv", HEAD + ",A,,2,2011-01-01,1,7,UK\n", "row 2: InvoiceNo is empty"),
        ("a.csv.gz", "not gzip", "cannot be read as CSV"),
        ("a.txt", "00004 0001 19970101 2\n", "row 1: 4 columns where CDNOW has 5"),
        ("a.txt", "00004 0001 19971301 2 5.00\n", "row 1:"),
        ("a.parquet", "not parquet", "is not a parquet file"),
    ],
)
def test_a_bad_file_is_told_where_and_what(tmp_path: Path, name: str, text: str | None, told: str) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadHistory) as refused:
        open_history(str(path), USD)
    assert told in str(refused.value)


def test_a_parquet_of_something_else_is_told_what_it_lacks(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"InvoiceNo": ["1"]}), tmp_path / "a.parquet")
    with pytest.raises(BadHistory, match="lacks StockCode, Quantity"):
        open_history(str(tmp_path / "a.parquet"), USD)


def test_online_retail_is_whole() -> None:
    book = open_history(str(needed(ONLINE_RETAIL)), USD)
    assert (book.orders, book.cancellations, book.customers) == (22_064, 3_836, 4_372)
    assert book.lines + book.skipped_lines == 541_909
