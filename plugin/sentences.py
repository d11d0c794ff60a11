"""Sentences in the reader's language: those of the pages, which are looked up as they are written, and those of the
domains, which remember their patterns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

from flask import Flask, Response, g, request
from markupsafe import Markup

from commerce.money import Money
from commerce.refusal import Refusal
from commerce.sayings import SENTENCES, Saying
from plugin import kept
from plugin.amounts import decimal, money, number
from plugin.calendars import date_text
from plugin.languages import CHOSEN, ENGLISH, YEAR_SECONDS, current, languages

_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+")


def gettext(pattern: str, /, **values: object) -> str:
    """A sentence in the reader's language, with its values filled in, as `say` of the domains does in English."""
    said = current().say(pattern)
    return said % _filled(values) if values else said


def ngettext(one: str, many: str, num: int, /, **values: object) -> str:
    """A sentence about so many, in the reader's language."""
    return current().say_many(one, many, num) % _filled({"num": num, **values})


_ = gettext


def told(text: str) -> str:
    """What a domain said, in the reader's language. Plain text is looked up as it stands, and stays as it is where no
    catalogue has it.
    """
    if not isinstance(text, Saying):
        return _as_kept(text) if text else text
    if text.pattern == SENTENCES:
        said = (told(each) for each in cast("tuple[str, ...]", text.values["said"]))
        return " ".join(f"{each[:1].upper()}{each[1:]}." for each in said)
    if text.many is not None:
        num = text.values["num"]
        assert isinstance(num, int), "what is counted is a whole number"
        return ngettext(text.pattern, text.many, num, **{k: v for k, v in text.values.items() if k != "num"})
    return gettext(text.pattern, **text.values)


def refused(refusal: Refusal) -> str:
    """What a refusal says, in the reader's language: its sentences on one line, as catalogues know them."""
    return told(refusal.message)


def _as_kept(text: str) -> str:
    """Plain text: a sentence that stands in the catalogue, or one that was kept in English and is known again."""
    language = current()
    # A pattern with a place for a value is nothing that was said.
    said = text if "%(" in text else language.say(text)
    if said != text or language is ENGLISH:
        return said
    known = kept.recognised(text)
    return text if known is None else told(known)


def _filled(values: Mapping[str, object]) -> dict[str, object]:
    return {name: _shown(value) for name, value in values.items()}


def _shown(value: object) -> object:
    """A value as this language writes it."""
    if isinstance(value, Saying):
        return told(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return number(value)
    if isinstance(value, str) and _GROUPED.fullmatch(value):
        return number(int(value.replace(",", "")))
    if isinstance(value, Decimal):
        return decimal(value, max(0, -int(value.as_tuple().exponent)))
    if isinstance(value, Money):
        return money(value.minor, value.currency)
    if isinstance(value, tuple):
        return _(", ").join(str(_shown(each)) for each in value)
    if isinstance(value, date) and not isinstance(value, datetime):
        return date_text(value)
    return value


def speak(app: Flask) -> None:
    """Let the templates of `app` speak: `_`, `ngettext`, `{% trans %}`; sayings are told wherever one is shown."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]  # the extension adds it
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.finalize = _finalize
    app.jinja_env.globals.update(
        _=_in_page, gettext=_in_page, ngettext=_many_in_page, told=told, current_language=current
    )
    app.jinja_env.filters["told"] = told
    app.after_request(_remember)


def _finalize(value: Any) -> Any:
    return told(value) if type(value) is Saying else value


def _in_page(pattern: str, /, **values: object) -> Markup:
    """As `gettext`, for a page: the pattern may hold elements, and what is filled in is escaped."""
    said = Markup(current().say(pattern))  # noqa: S704  # our own catalogues, which a test reads
    return said % _filled(values) if values else Markup(str(said).replace("%%", "%"))  # noqa: S704


def _many_in_page(one: str, many: str, num: int, /, **values: object) -> Markup:
    return Markup(current().say_many(one, many, num)) % _filled({"num": num, **values})  # noqa: S704


def _remember(response: Response) -> Response:
    """Keep the choice of whoever stands outside a frame; inside there are no cookies, and links carry it."""
    chosen = request.args.get("lang")
    merchant = g.get("merchant")
    if chosen in languages() and merchant is not None and not merchant.embedded:
        secure = request.is_secure
        response.set_cookie(
            CHOSEN, str(chosen), max_age=YEAR_SECONDS, path="/", secure=secure, httponly=True, samesite="Lax"
        )
    return response
