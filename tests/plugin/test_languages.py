"""Languages: catalogues that are whole, pages on which nothing is said in English alone, digits and calendars."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from flask import Flask
from jinja2 import nodes
from persiantools.jdatetime import JalaliDate

from commerce.sayings import say, say_many
from plugin import amounts, calendars, sentences, wording
from plugin.languages import CATALOGUES, ENGLISH, Language, languages
from plugin.translations import collecting

HOUSE = Path(__file__).parents[2]
TEMPLATES = HOUSE / "plugin" / "templates"
CODES = sorted(file.stem for file in CATALOGUES.glob("*.po"))
PAGES = sorted(file.relative_to(TEMPLATES).as_posix() for file in TEMPLATES.rglob("*.html"))
CODE = sorted(
    file.relative_to(HOUSE).as_posix()
    for file in [
        *(file for room in ("admin", "storefront", "woocommerce") for file in (HOUSE / "plugin" / room).glob("*.py")),
        *(
            HOUSE / "plugin" / f"{name}.py"
            for name in ("errors", "mailings", "phrases", "surveys", "trouble", "unsubscribing", "wording")
        ),
    ]
    if file.name != "by_hand.py"  # which speaks on the terminal
)

Reader = Callable[[str], AbstractContextManager[object]]

_FILLED = re.compile(r"%\(\w+\)s")
_ELEMENT = re.compile(r"</?([a-z][a-z0-9]*)")
_WORD = re.compile(r"[A-Za-z]{2,}")
# A proper name, a unit of the web, or an example that is the same in every language.
_NAMES = {"Perennial", "Shopify", "WooCommerce", "WordPress", "CSV", "JSON", "API", "RFM", "NPS", "CSAT", "QR", "NBSP"}


# --- catalogues


@pytest.fixture(scope="module")
def said() -> set[Any]:
    return {message.id for message in collecting.collect() if message.id}


@pytest.mark.parametrize("code", CODES)
def test_no_sentence_is_missing(code: str, said: set[Any]) -> None:
    with (CATALOGUES / f"{code}.po").open("rb") as file:
        catalog = read_po(file, locale=code)
    whole = {message.id for message in catalog if message.id and not message.fuzzy and all(_forms(message))}
    assert sorted(map(str, said - whole)) == [], "make languages, and translate what it names"
    assert sorted(map(str, whole - said)) == [], "nobody says these any more: make languages"


@pytest.mark.parametrize("code", CODES)
def test_what_is_filled_in_is_the_same_in_every_language(code: str) -> None:
    with (CATALOGUES / f"{code}.po").open("rb") as file:
        catalog = read_po(file, locale=code)
    wrong = [
        (message.id, form)
        for message in catalog
        if message.id
        for form in _forms(message)
        if not _fills_alike(message.id, form)
    ]
    assert wrong == []


def _forms(message: Message) -> list[str]:
    """A sentence's words in the catalogue's language: one, or one for each kind of plural."""
    return [message.string] if isinstance(message.string, str) else list(message.string or ("",))


def _fills_alike(source: Any, form: str) -> bool:
    ids = (source,) if isinstance(source, str) else source
    asked, given = {name for each in ids for name in _FILLED.findall(each)}, set(_FILLED.findall(form))
    elements = [sorted(_ELEMENT.findall(text)) for text in (ids[-1], form)]
    # "One day" need not say its number; nothing may be filled in that nobody gives.
    return given <= asked and asked - given <= {"%(num)s"} and elements[0] == elements[1]


# --- nothing is said in English alone


@pytest.mark.parametrize("page", PAGES)
def test_a_page_says_nothing_in_english_alone(page: str) -> None:
    environment = jinja2.Environment(extensions=["jinja2.ext.i18n"], autoescape=True)
    source = (TEMPLATES / page).read_text("utf-8")
    bare = [*_bare_text(environment, source), *_bare_constants(environment.parse(source))]
    assert bare == [], 'say it by {{ _("...") }}, {% trans %} or ngettext'


def _bare_text(environment: jinja2.Environment, source: str) -> Iterator[str]:
    inside, text = False, ""
    for _line, kind, value in environment.lex(source):
        if kind == "name" and value in ("trans", "endtrans"):
            inside = value == "trans"
        text += " {} " if kind == "variable_begin" else value if kind == "data" and not inside else ""
    text = re.sub(r"<(code|script|style|pre|svg|kbd)\b.*?</\1>|<!--.*?-->", " ", text, flags=re.S)
    for name in re.findall(r'(?:aria-label|title|placeholder|alt)="([^"{]*)"', text):
        if not name.startswith("https://"):
            yield from (word for word in _WORD.findall(name) if word not in _NAMES)
    for run in re.sub(r"<[^>]*>", "\n", text).split("\n"):
        yield from ([run.strip()] if set(_WORD.findall(re.sub(r"&\w+;", "", run))) - _NAMES else [])


def _bare_constants(tree: nodes.Node, said: bool = False) -> Iterator[str]:
    for child in tree.iter_child_nodes():
        name = child.node.name if isinstance(child, nodes.Call) and isinstance(child.node, nodes.Name) else ""
        if isinstance(child, nodes.Const) and isinstance(child.value, str) and not said and _is_sentence(child.value):
            yield child.value
        yield from _bare_constants(child, said or name in collecting.KEYWORDS)


def _is_sentence(text: str) -> bool:
    return bool(re.search(r"[A-Za-z]{2,}[,.]? [A-Za-z]", text)) or bool(re.fullmatch(r"[A-Z][a-z]{2,}", text))


@pytest.mark.parametrize("file", CODE)
def test_a_page_s_code_says_nothing_in_english_alone(file: str) -> None:
    tree = ast.parse((HOUSE / file).read_text("utf-8"))
    assert list(_bare_strings(tree)) == [], "say it by _(...), ngettext(...) or say(...)"


# What is not for readers: SQL, what a store's own program reads, what goes into logs, assertions of ours, annotations.
_UNREAD = {"text", "_answer_store", "debug", "info", "warning", "error", "exception", "TypedDict", "compile"}


def _bare_strings(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Raise) and "TimeoutError" in ast.unparse(node)):
            continue
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in collecting.KEYWORDS or name in _UNREAD:
                continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_prose(node.value):
            yield node.value
        yield from _bare_strings(node)


def _is_prose(text: str) -> bool:
    if re.search(r"\b(SELECT|UPDATE|INSERT|DELETE|WHERE|FROM)\b|default-src|object-src|filename=", text):
        return False
    return bool(re.search(r"[A-Za-z]{2,},? [a-z]{2,},? [a-z]{2,}", text))


# --- digits, calendars, plurals


@pytest.fixture
def reader() -> Reader:
    app = Flask("reader")
    sentences.speak(app)

    def speaking(code: str) -> AbstractContextManager[object]:
        return app.test_request_context(f"/?lang={code}")

    return speaking


def test_english_is_what_the_code_says(reader: Reader) -> None:
    with reader("en"):
        assert sentences.told(say("The order is in %(theirs)s.", theirs="EUR")) == "The order is in EUR."
        assert sentences.told(say_many("%(num)s point", "%(num)s points", 1200)) == "1,200\u00a0points"
        assert amounts.money(123450, "USD") == "1,234.50\u00a0USD"


def test_persian_has_its_own_digits_marks_and_calendar(reader: Reader) -> None:
    with reader("fa"):
        assert amounts.number(-1234567) == "\u200e\u2212۱٬۲۳۴٬۵۶۷"
        assert amounts.signed(5) == "\u200e+۵", "a sign stays on the left of its number"
        assert amounts.money(250000, "IRT") == "۲۵۰٬۰۰۰\u00a0تومان"
        assert amounts.per_cent(12.5, 1) == "۱۲٫۵٪"
        assert calendars.date_text(date(2026, 11, 22)) == "۱\u00a0آذر\u00a0۱۴۰۵"
        assert calendars.date_text(date(2025, 3, 20)) == "۳۰\u00a0اسفند\u00a0۱۴۰۳", "a leap year, which some get wrong"
        at = datetime(2026, 3, 20, 21, 0, tzinfo=UTC)
        said = calendars.instant(calendars.zone("Asia/Tehran"), at)
        assert said == '<time datetime="2026-03-20T21:00:00Z">۱\u00a0فروردین\u00a0۱۴۰۵، ۰۰:۳۰</time>'


def test_the_persian_calendar_agrees_with_another_program_s_for_two_centuries(reader: Reader) -> None:
    with reader("fa"):
        for days in range(0, 73_000, 17):
            on = date(1900, 1, 1) + timedelta(days=days)
            other: Any = JalaliDate(on)  # type: ignore[no-untyped-call]
            said = calendars.date_text(on).split("\u00a0")
            assert [int(said[0]), calendars.PERSIAN_MONTHS.index(said[1]) + 1, int(said[2])] == [
                other.day, other.month, other.year
            ]  # fmt: skip


def test_twelve_months_in_a_row_have_twelve_persian_names(reader: Reader) -> None:
    with reader("fa"):
        said = [calendars.month_text(date(2026, number, 1)) for number in range(1, 13)]
    assert len(set(said)) == 12


def test_romanian_counts_in_three_ways(reader: Reader) -> None:
    with reader("ro"):
        said = [wording.counted(number, "customer", "customers") for number in (1, 2, 19, 20, 101, 1234)]
        assert amounts.money(123450, "RON") == "1.234,50\u00a0lei"
    assert said == ["1\u00a0client", "2\u00a0clienți", "19\u00a0clienți", "20\u00a0de clienți", "101\u00a0clienți",
                    "1.234\u00a0de clienți"]  # fmt: skip


def test_a_language_knows_its_name_and_direction() -> None:
    said = {code: (language.name, language.direction) for code, language in languages().items()}
    assert said["fa"] == ("فارسی", "rtl")
    assert said["ar"] == ("العربية", "rtl")
    assert said["ro"] == ("Română", "ltr")
    assert next(iter(said)) == "en"


@pytest.mark.parametrize("asked", ["xx", "../../etc/passwd", "fa\u202e", "e" * 500, "%00", ""])
def test_a_language_that_nobody_knows_is_english(reader: Reader, asked: str) -> None:
    with reader("en"), reader(asked):
        assert amounts.number(1200) in ("1,200", "۱٬۲۰۰")


def test_a_catalogue_that_is_not_there_says_it_in_english() -> None:
    assert Language("de").say("Customers") == "Customers"
    assert ENGLISH.say_many("%(num)s order", "%(num)s orders", 2) == "%(num)s\u00a0orders"
