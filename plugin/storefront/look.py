"""How the shopper's pages of a shop look: which sections they have and in which order, what is said at the top, what
points are called, colour and corners, the language, and where else in the shop the program shows.

The merchant says it (`plugin.admin.look`) as terms of their own domain, in versions like all terms; a shop that has
said nothing has the defaults. What they typed is only ever shown as text, and a colour is six digits or nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from flask import current_app

from commerce.refusal import Refusal
from commerce.sayings import Saying, say
from engine import terms
from engine.work import UnitOfWork
from loyalty import Ladder, Measure
from plugin.languages import Language, current, languages
from plugin.phrases import tier_amount
from plugin.sentences import gettext, ngettext, told
from plugin.storefront.history import Movement

DOMAIN = "storefront"
# The sections of the points page, as they stand unless the merchant says otherwise; each is a file of its name.
SECTIONS = ("balance", "tier", "rewards", "codes", "tickets", "earn", "friends", "history")
# What somebody has, and what they have paid for with it, is never hidden from them.
ALWAYS = frozenset({"balance", "codes"})
# Where else the program shows: the block on any page, what a product earns, points in the cart.
SURFACES = ("block", "earn", "cart")
MOST_RADIUS = 32
WHITE, NEAR_BLACK = "#ffffff", "#111111"
# WCAG 2.2, 1.4.3: what letters of any size need against what they stand on.
LEAST_CONTRAST = 4.5

_COLOUR = re.compile(r"#[0-9a-f]{6}", re.ASCII)


class LookMoved(Refusal):
    """Somebody else has changed how your pages look while this page was open."""

    def __init__(self, parts: tuple[Saying, ...] = (), meant: Look | None = None) -> None:
        super().__init__(
            say(
                "Somebody else has changed how your pages look while this page was open: %(parts)s. What you typed "
                "still stands here: compare it with the pages of now, and save it again if you want it so.",
                parts=parts,
            )
        )
        self.meant = meant
        """What was meant, on top of what is there now."""


@dataclass(frozen=True, slots=True)
class Words:
    """What the shop says in one language; what is empty, we say in our own words. `point` and `points`: the singular
    and the plural of what points are called here.
    """

    headline: str = ""
    intro: str = ""
    point: str = ""
    points: str = ""

    @classmethod
    def read(cls, said: Mapping[str, str]) -> Words:
        return cls(*(said.get(name, "") for name in ("headline", "intro", "point", "points")))


NO_WORDS = Words()
# By language, the numbers (as the CLDR classes them) beside which the singular stands.
_WITH_SINGULAR = {"fa": ("one", "other"), "ar": ("one", "many", "other")}
# What two people can change at once without disturbing each other.
PARTS: Mapping[str, Saying] = {
    "order": say("the order of the sections"), "hidden": say("which sections are shown"),
    "words": say("the texts"), "accent": say("the colour"), "radius": say("the corners"),
    "language": say("the language"), "off": say("where else the program shows"),
}  # fmt: skip
OTHER = say("By the shop")
# What stands between these two is read in its own direction, whatever is around it.
ALONE, ALONE_NO_MORE = "\u2068", "\u2069"
_FRIEND_S_POINTS = "%(points)s points after a first order"
# What an entry is about, by its kind, without a word for points.
_ABOUT: Mapping[str, Saying] = {
    "earn": say("Order"), "clawback": say("Order, changed"), "award": say("A friend's order"),
    "award_back": say("A friend's order, changed"), "repay": say("Settled what was owed"), "hold": say("Reward"),
    "spend": say("Reward"), "release": say("Reward, given back"), "merge": say("Two accounts became one"),
    "action": say("Deed"), "action_back": say("Deed, taken back"), "expire": say("Expired"),
    "return": say("Returned"), "import": say("From the program before"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """How a shop's pages look. `version` 0: nobody has said anything yet."""

    version: int = 0
    order: tuple[str, ...] = SECTIONS
    hidden: frozenset[str] = frozenset()
    words: Mapping[str, Words] = field(default_factory=lambda: MappingProxyType({}))
    """By the code of a language."""
    accent: str = ""
    """Of buttons and of what is filled, such as ``#1a5f4a``; empty: the ink of the theme."""
    radius: int | None = None
    """Of corners, in pixels; None: as the theme has it, or a little."""
    language: str = ""
    """The code of the pages' language; empty: as each visitor's browser asks."""
    off: frozenset[str] = frozenset()
    """Of `SURFACES` those that show nothing."""

    @classmethod
    def read(cls, version: int, body: Mapping[str, Any]) -> Look:
        """A look as it was kept. Sections that have come since stand at the end, where they are by themselves."""
        known = [name for name in body.get("order", ()) if name in SECTIONS]
        return cls(
            version,
            (*known, *(name for name in SECTIONS if name not in known)),
            frozenset(body.get("hidden", ())) & frozenset(SECTIONS) - ALWAYS,
            {code: Words.read(said) for code, said in body.get("words", {}).items()},
            body.get("accent", ""), body.get("radius"),
            body.get("language", "") if body.get("language") in languages() else "",
            frozenset(body.get("off", ())) & frozenset(SURFACES),
        )  # fmt: skip

    def body(self) -> dict[str, Any]:
        """As it is kept."""
        said = {
            code: {"headline": w.headline, "intro": w.intro, "point": w.point, "points": w.points}
            for code, w in self.words.items() if w != NO_WORDS
        }  # fmt: skip
        return {
            "order": list(self.order), "hidden": sorted(self.hidden), "words": said, "accent": self.accent,
            "radius": self.radius, "language": self.language, "off": sorted(self.off),
        }  # fmt: skip

    @property
    def shown(self) -> tuple[str, ...]:
        """The sections of the points page, in their order."""
        return tuple(name for name in self.order if name not in self.hidden)

    def shows(self, surface: str) -> bool:
        """Whether the program shows there: one of `SURFACES`."""
        return surface not in self.off

    @property
    def headline(self) -> str:
        """In the reader's language; empty where the shop has none of its own."""
        return self._said.headline

    @property
    def intro(self) -> str:
        """As `headline`."""
        return self._said.intro

    @property
    def renamed(self) -> bool:
        """Whether points are called something else in the reader's language."""
        return bool(self._said.points)

    @property
    def points(self) -> str:
        """What points are called in the reader's language, many of them; empty where they are called points."""
        return self._said.points

    @property
    def _said(self) -> Words:
        return self.words.get(current().code, NO_WORDS)

    def counted(self, value: int, one: str = "point", many: str = "points") -> str:
        """As `wording.counted`; points are called as this shop calls them."""
        said, language = self._said, current()
        if one != "point" or not said.points:
            return ngettext(f"%(num)s {one}", f"%(num)s {many}", value)
        # Persian counts with the singular; Arabic, from eleven on, too.
        single = language.locale.plural_form(value) in _WITH_SINGULAR.get(language.code, ("one",))
        return ngettext("%(num)s %(name)s", "%(num)s %(name)s", value, name=said.point if single else said.points)

    def sayings(self) -> dict[str, Any]:
        """What the templates of the shopper's pages say in this look, in place of the words of all pages."""
        return {
            "look": self, "counted": self.counted, "tier_amount": self.tier_amount,
            "what_for": self._what_for, "offered": self._offered,
        }  # fmt: skip

    def tier_amount(self, ladder: Ladder, value: int, currency: str) -> str:
        return self.counted(value) if ladder.measure is Measure.POINTS else tier_amount(ladder, value, currency)

    def _offered(self, title: str) -> str:
        """What a friend is offered, as the program says it, in the reader's language."""
        if self.renamed and isinstance(title, Saying) and title.pattern == _FRIEND_S_POINTS:
            return gettext("%(points)s after a first order", points=self.counted(int(str(title.values["points"]))))
        return told(title)

    def _what_for(self, movement: Movement) -> str:
        """The sentence of an entry, which calls points points; where they are called otherwise, what it is about."""
        if not self.renamed:
            return told(movement.sentence)
        what = _ABOUT.get(movement.kind, OTHER)
        order = movement.order_name or movement.receipt.get("reward")
        return (
            gettext("%(what)s: %(which)s", what=what, which=f"{ALONE}{order}{ALONE_NO_MORE}") if order else told(what)
        )

    @property
    def style(self) -> str:
        """What the shop chose, as CSS variables for a style attribute; empty where that is nothing."""
        said = []
        if self.accent:
            said += [f"--perennial-accent:{self.accent}", f"--perennial-on-accent:{ink_on(self.accent) or WHITE}"]
        if self.radius is not None:
            said.append(f"--perennial-radius:{self.radius}px")
        return ";".join(said)

    def speaks(self) -> Language | None:
        """The language of all pages; None: as each visitor's browser asks."""
        return languages().get(self.language)


def look_of(work: UnitOfWork) -> Look:
    """How the shop's pages look, as it was some seconds ago at most."""
    found: Look = current_app.extensions["remembered"].get(("look", work.shop_id), lambda: look_now(work))
    return found


def look_now(work: UnitOfWork) -> Look:
    """How the shop's pages look by the version of now."""
    latest = terms.latest(work, DOMAIN)
    return Look() if latest is None else Look.read(latest.version, latest.body)


def publish(work: UnitOfWork, look: Look, beside: int | None) -> None:
    """Make the parts of `look` that differ from version `beside`, which is what its page showed, those of the shop's
    pages; the others stay as they are now.

    Refuses with `LookMoved` where somebody has changed one of those parts since; then nothing is written.
    """
    terms.lock(work, DOMAIN)
    now = look_now(work)
    was = now if beside is None or beside >= now.version else _then(work, beside)
    mine, since = _changed(was, look), _changed(was, now)
    meant = Look.read(now.version, {**now.body(), **{part: look.body()[part] for part in mine}})
    if both := mine & since & _changed(now, look):
        raise LookMoved(tuple(said for part, said in PARTS.items() if part in both), meant)
    if _changed(now, meant):
        terms.publish(work, DOMAIN, meant.body())


def _then(work: UnitOfWork, version: int) -> Look:
    """A look of before."""
    return Look.read(version, terms.versions(work, DOMAIN)[version - 1].body) if version else Look()


def _changed(one: Look, other: Look) -> set[str]:
    """The parts in which two looks differ."""
    here, there = one.body(), other.body()
    return {part for part in PARTS if here[part] != there[part]}


def is_colour(typed: str) -> bool:
    """Whether this is a colour as it is kept: a hash and six digits, small ones."""
    return _COLOUR.fullmatch(typed) is not None


def ink_on(colour: str) -> str | None:
    """White or near-black, whichever is read better on that colour; None where neither is read well enough."""
    best = max((WHITE, NEAR_BLACK), key=lambda ink: contrast(ink, colour))
    return best if contrast(best, colour) >= LEAST_CONTRAST else None


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance, from 0 to 1 (WCAG 2.2, "relative luminance", of sRGB)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
