"""Links as pictures that a telephone reads: drawn here, so that no link goes to a stranger to be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import segno
from flask import current_app
from markupsafe import Markup

from engine.shops import Shop
from plugin.badges import Badge

# Enough redundancy for a screen or a flyer; more would make the squares smaller.
REDUNDANCY = "m"
SCALE = 4
# Readers take any of the eight masks, and the standard has the one chosen that scores best, which costs more than the
# rest of a page. Of links like ours this one scores 7 % worse than the best on average, and never much worse.
MASK = 7


def qr(link: str) -> Markup:
    """`link` as inline SVG: one path, black on white in every theme, with the quiet zone that readers need."""
    # The drawing holds squares and numbers: nothing of the link is text in it.
    return Markup(  # noqa: S704
        _drawn(link).svg_inline(scale=SCALE, dark="#000", light="#fff", lineclass=None, svgclass=None, omitsize=False)
    )


def squares(link: str) -> list[str]:
    """`link` as the picture's rows, from above, without the quiet zone around it: 1 for a black square, 0 for a white
    one. For whoever draws it themselves.
    """
    return ["".join(map(str, row)) for row in _drawn(link).matrix]


def _drawn(link: str) -> segno.QRCode:
    return segno.make(link, error=REDUNDANCY, micro=False, mask=MASK)


@dataclass(frozen=True, slots=True)
class Shown:
    """A badge as a page shows it: its letters, where they lead, and until when."""

    letters: str
    address: str
    ends_at: datetime

    @property
    def drawn(self) -> Markup:
        return qr(self.address)


def as_shown(shop: Shop, badge: Badge | None) -> Shown | None:
    """The badge with its whole address, which names the shop where its staff have to be led into a platform's admin."""
    if badge is None:
        return None
    doors, named = current_app.extensions["doors"], f"?shop={shop.domain}"
    inside = doors.in_admin(named[1:]) is not None
    return Shown(badge.letters, f"{doors.app_url}{badge.path}{named if inside else ''}", badge.ends_at)
