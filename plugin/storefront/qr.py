"""A link as a picture that a telephone reads: drawn here, so that no link goes to a stranger to be drawn."""

from __future__ import annotations

import segno
from markupsafe import Markup

# Enough redundancy for a screen or a flyer; more would make the squares smaller.
REDUNDANCY = "m"
SCALE = 4


def qr(link: str) -> Markup:
    """`link` as inline SVG: one path, black on white in every theme, with the quiet zone that readers need."""
    drawn = segno.make(link, error=REDUNDANCY, micro=False)
    # The drawing holds squares and numbers: nothing of the link is text in it.
    return Markup(  # noqa: S704
        drawn.svg_inline(scale=SCALE, dark="#000", light="#fff", lineclass=None, svgclass=None, omitsize=False)
    )
