"""The languages of the pages: which one a reader gets, and how a sentence is said in it.

English is written in the code. Every other language is one file, ``translations/CODE.po``: its name, its direction, its
plurals, digits and months are the CLDR's. Catalogues are read when somebody first asks for their language.

A reader gets the language that they chose; else the one of their store's admin, or that the shop's own pages have; else
what their browser asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from flask import g, has_app_context, has_request_context, request

CATALOGUES = Path(__file__).parent / "translations"
CHOSEN = "perennial_language"
YEAR_SECONDS = 365 * 24 * 3600
LONGEST_TAG = 35

_CODE = re.compile(r"[a-z]{2,3}", re.ASCII)
_TAG = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?", re.ASCII)
# A number and what it counts stay on one line.
_COUNTED = re.compile(r"%\(num\)s (?=\S)")


@dataclass(frozen=True)
class Language:
    """A language that the pages speak."""

    code: str

    @cached_property
    def locale(self) -> Locale:
        """What the CLDR knows of it."""
        return Locale.parse(self.code)

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return str(self.locale.text_direction)

    @property
    def name(self) -> str:
        """What those who speak it call it, with a large first letter where they have those."""
        name = self.locale.get_display_name(self.code) or self.code
        return name[:1].upper() + name[1:]

    @cached_property
    def translations(self) -> Any:
        """Its catalogue; English has none."""
        file = CATALOGUES / f"{self.code}.po"
        if not file.exists():
            return Translations()
        compiled = BytesIO()
        with file.open("rb") as read:
            write_mo(compiled, read_po(read, locale=self.code))
        compiled.seek(0)
        return Translations(compiled)

    def say(self, pattern: str) -> str:
        """The pattern in this language; the English one where the catalogue has none."""
        return str(self.translations.gettext(pattern))

    def say_many(self, one: str, many: str, num: int) -> str:
        """The pattern for so many, by the language's own rules of plurals."""
        return _COUNTED.sub("%(num)s\u00a0", str(self.translations.ngettext(one, many, num)))


ENGLISH = Language("en")


@cache
def languages() -> Mapping[str, Language]:
    """Every language there is, by its code; English first."""
    files = sorted(file.stem for file in CATALOGUES.glob("*.po"))
    return {"en": ENGLISH, **{code: Language(code) for code in files if code != "en"}}


# What is written for somebody who asks for nothing: their language, while it is being written.
_written = ContextVar[Language | None]("written", default=None)


@contextmanager
def written_in(code: str) -> Iterator[Language]:
    """Whatever is said within this block is said in that language; in English, if we do not speak it."""
    token = _written.set(language := languages().get(_root(code), ENGLISH))
    try:
        yield language
    finally:
        _written.reset(token)


def current() -> Language:
    """The language of whoever reads the answer to this request, or the e-mail that is being written; English where
    nobody does.
    """
    if (given := _written.get()) is not None:
        return given
    if not has_app_context() or not has_request_context():
        return ENGLISH
    if "language" not in g:
        g.language = _chosen()
    found: Language = g.language
    return found


def _chosen() -> Language:
    chosen = request.args.get("lang"), request.cookies.get(CHOSEN), _of_shopper()
    return first_of((*chosen, request.args.get("locale"), _of_address(), *request.accept_languages.values()))


def first_of(said: Iterable[str | None]) -> Language:
    """The first language of those that tags name that the pages speak; else English."""
    known = languages()
    found = (known.get(_root(tag)) for tag in said if tag)
    return next((language for language in found if language is not None), ENGLISH)


def said_in(query: str) -> dict[str, str]:
    """What of an address's query says a language: most say nothing. For gates, which have no request yet."""
    if "lang=" not in query and "locale=" not in query:
        return {}
    given = parse_qs(query)
    return {name: given[name][0][:LONGEST_TAG] for name in ("lang", "locale") if name in given}


def language_of(tag: str) -> Language | None:
    """The language of a tag such as ``fa_IR``; None for one that we do not speak."""
    return languages().get(_root(tag))


def _of_shopper() -> str:
    shopper = g.get("shopper")
    return str(shopper.language) if shopper is not None else ""


def _of_address() -> str:
    """Where a shop speaks several languages, its pages of one stand below ``/fa``, and ours with them."""
    shopper = g.get("shopper")
    first = str(shopper.path_prefix).lstrip("/").partition("/")[0] if shopper is not None else ""
    return first if _TAG.fullmatch(first) else ""


def _root(tag: str) -> str:
    """``fa`` of ``fa-IR``: the language of a tag that anybody can type."""
    found = _CODE.match(tag[:LONGEST_TAG].lower())
    return found[0] if found else ""
