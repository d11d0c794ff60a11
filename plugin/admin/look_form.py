"""What is typed on the page of the shopper's pages, read into a look; and a look, written as its form shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from commerce.reading import clean
from plugin.admin.typed import Mistyped, plain
from plugin.languages import languages
from plugin.sentences import _, told
from plugin.storefront.look import ALWAYS, MOST_RADIUS, SECTIONS, SURFACES, Look, Words, ink_on, is_colour

# A headline is one line of a page, an introduction a few; a name of points stands beside every number.
LONGEST = {"headline": 120, "intro": 600, "point": 30, "points": 30}
# Letters that turn the direction of what follows them over: in a text of one's own nobody needs them.
_TURNING = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"))
_SHORT = re.compile(r"#?([0-9a-f])([0-9a-f])([0-9a-f])", re.ASCII)


def shown(look: Look) -> dict[str, str]:
    """A look as the fields of its form."""
    fields = {f"place_{name}": str(place) for place, name in enumerate(look.order, 1)}
    fields |= {f"show_{name}": "1" for name in SECTIONS if name not in look.hidden}
    fields |= {f"surface_{name}": "1" for name in SURFACES if look.shows(name)}
    for code, said in look.words.items():
        fields |= {f"{name}_{code}": getattr(said, name) for name in LONGEST}
    radius = "" if look.radius is None else str(look.radius)
    return fields | {"accent": look.accent, "radius": radius, "language": look.language}


def typed(form: Mapping[str, str]) -> Look:
    """The look that a form describes. Refuses with `Mistyped`, which names the field."""
    places = {name: _place(form.get(f"place_{name}", ""), name) for name in SECTIONS}
    return Look(
        order=tuple(sorted(SECTIONS, key=lambda name: (places[name], SECTIONS.index(name)))),
        hidden=frozenset(name for name in SECTIONS if name not in ALWAYS and not form.get(f"show_{name}")),
        words={code: said for code in languages() if (said := _words(form, code)) != Words()},
        accent=_accent(form.get("accent", "")),
        radius=_radius(form.get("radius", "")),
        language=form.get("language", "") if form.get("language") in languages() else "",
        off=frozenset(name for name in SURFACES if not form.get(f"surface_{name}")),
    )


def _place(said: str, name: str) -> int:
    number = plain(said.strip())
    if not (number.isascii() and number.isdigit() and len(number) <= 2):
        raise Mistyped(_("The place of a section is a number: 1 stands first."), f"place_{name}")
    return int(number)


def _words(form: Mapping[str, str], code: str) -> Words:
    said = dict[str, str]()
    for name, most in LONGEST.items():
        given = form.get(f"{name}_{code}", "").translate(_TURNING).replace("\r\n", "\n").strip()
        if len(given) > most:
            raise Mistyped(_("This text may have %(most)s letters at most.", most=most), f"{name}_{code}")
        lines = given.split("\n") if name == "intro" else [given]
        said[name] = "\n".join(clean(line, most) for line in lines)
    # Many languages have one word for both, and whoever writes one of them means it so.
    said["point"], said["points"] = said["point"] or said["points"], said["points"] or said["point"]
    return Words(**said)


def _accent(said: str) -> str:
    given = said.strip().lower()
    if not given:
        return ""
    short = _SHORT.fullmatch(given)
    colour = "#" + "".join(digit * 2 for digit in short.groups()) if short else f"#{given.removeprefix('#')}"
    if not is_colour(colour):
        raise Mistyped(_("A colour is written as # and six digits or letters from a to f, such as #1a5f4a."), "accent")
    if ink_on(colour) is None:
        raise Mistyped(
            _("On this colour neither white nor black letters can be read well enough (4.5 to 1). Take a darker or a "
              "lighter one."), "accent",
        )  # fmt: skip
    return colour


def _radius(said: str) -> int | None:
    given = plain(said.strip())
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= 3 and int(given) <= MOST_RADIUS):
        raise Mistyped(_("Corners are a number of pixels, from 0 to %(most)s.", most=MOST_RADIUS), "radius")
    return int(given)


def language_names() -> list[tuple[str, str]]:
    """The languages that pages can be in: code, and name."""
    return [("", told(_("as each visitor's browser asks"))), *((code, each.name) for code, each in languages().items())]
