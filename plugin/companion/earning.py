"""What goods would bring in points, for a store's companion: a page of products in one question, or a whole cart.

Pieces come as text, ``product:variant:quantity:amount`` with semicolons between them; the amount is the price of all of
them in the store's own decimals, as its orders will say it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import loyalty
from commerce.ids import CustomerId
from commerce.money import BadAmount, minor_units
from engine.work import UnitOfWork
from plugin.companion.door import BadQuestion

# A page of products, or a cart: shops show 12 to 48 on a page.
MOST_PIECES = 60
LONGEST_PIECES = 4000
_PIECE = re.compile(
    r"([1-9][0-9]{0,18}):(0|[1-9][0-9]{0,18}):([1-9][0-9]{0,4}):([0-9]{1,12}(?:\.[0-9]{1,6})?)", re.ASCII
)


def pieces_of(text: str, currency: str) -> list[loyalty.Piece]:
    """The pieces that a question names. Refuses with `BadQuestion`."""
    named = text.split(";") if text else []
    if not named or len(named) > MOST_PIECES or len(text) > LONGEST_PIECES:
        raise BadQuestion
    return [_piece(each, currency) for each in named]


def _piece(named: str, currency: str) -> loyalty.Piece:
    found = _PIECE.fullmatch(named)
    if found is None:
        raise BadQuestion
    product, variant, quantity, amount = found.groups()
    try:
        minor = minor_units(amount, currency)
    except BadAmount:
        raise BadQuestion from None
    return loyalty.Piece(product, None if variant == "0" else variant, int(quantity), minor)


def earn_facts(
    work: UnitOfWork, customer_id: CustomerId | None, pieces: Sequence[loyalty.Piece], *, together: bool
) -> dict[str, Any]:
    """``{"earn": [{"points", "exact"}]}``: of each piece for itself, or of all of them as one order; none for none."""
    baskets = [pieces] if together and pieces else [[piece] for piece in pieces]
    return {"earn": [_told(each) for each in loyalty.would_earn_each(work, customer_id, baskets)]}


def _told(found: loyalty.WouldEarn) -> dict[str, Any]:
    return {"points": found.points, "exact": found.exact}
