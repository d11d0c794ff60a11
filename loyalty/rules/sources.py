"""The programs that merchants come from: what their files look like, one by one.

Each is told by the headings that no other program writes, and says of its own files which column is what, how it writes
a birthday, and who takes no part in it any more. Balances there are whole numbers without separators; no program is
known to write `52,620`, and where somebody's spreadsheet has, it is refused with its line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from commerce.sayings import say


class Source(StrEnum):
    """Where a file comes from."""

    SMILE = "smile"
    LOYALTYLION = "loyaltylion"
    YOTPO = "yotpo"
    WOO_POINTS = "woocommerce-points-and-rewards"
    YITH = "yith"
    OTHER = "other"


NAMES: Mapping[Source, str] = {
    Source.SMILE: "Smile",
    Source.LOYALTYLION: "LoyaltyLion",
    Source.YOTPO: "Yotpo",
    Source.WOO_POINTS: "WooCommerce Points and Rewards",
    Source.YITH: "YITH Points and Rewards",
    Source.OTHER: say("another program"),
}

# What a field is called by anybody. Headings as they are compared: small letters, all that is no letter or digit gone.
ANYBODY: Mapping[str, tuple[str, ...]] = {
    "email": ("email", "emailaddress", "customeremail", "useremail", "memberemail"),
    "external_id": ("customerid", "userid", "id", "merchantid", "shopifycustomerid", "externalid", "platformid"),
    "points": (
        "points", "pointsbalance", "pointbalance", "balance", "currentpoints", "pointsapproved", "approvedpoints",
        "availablepoints", "swellpointbalance", "wcpointsbalance", "ywparusertotalpoints", "wpswprpoints",
        "mycreddefault",
    ),
    "earned_at": ("earnedat", "earnedon", "dateearned", "awardedat", "date"),
    "expires_at": ("expiresat", "expireson", "expirydate", "expirationdate", "pointsexpireat", "pointsexpirydate"),
    "birthday": ("birthday", "birthdate", "dateofbirth", "dob"),
}  # fmt: skip

_ISO = re.compile(r"(?:\d{4}-|--)?(\d{2})-(\d{2})", re.ASCII)
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})(?:/\d{4})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Format:
    """How one program writes its file.

    `told_by`: headings that, all together, no other program has. `columns`: what it calls a field, where `ANYBODY`
    would take another column for it. `out`: for a column, the values of people who take no part. `pending`: the column
    of points that are not given yet. `birthday`: month and day, in this order.
    """

    source: Source
    told_by: tuple[frozenset[str], ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    out: Mapping[str, frozenset[str]] = field(default_factory=dict)
    pending: str = ""
    row_id: str = ""
    """The column of the program's own number of a row, where each row is points earned at one time."""
    birthday: re.Pattern[str] = _ISO
    written: str = "05-27"
    """A birthday as this program writes it."""

    def headings(self, what: str) -> tuple[str, ...]:
        return self.columns.get(what) or ANYBODY[what]


FORMATS: Mapping[Source, Format] = {
    # Its customers' export has a balance, the state in the program and the tier; a year of 1004 means that only month
    # and day of a birthday are known. What merchants bring *to* it is `email` and `points`, which anybody may write.
    Source.SMILE: Format(
        Source.SMILE,
        (frozenset({"pointsbalance", "memberstatus"}), frozenset({"pointsbalance", "viptier"})),
        {"external_id": ("customerid", "shopifycustomerid", "platformid"), "points": ("pointsbalance", "points")},
        {"memberstatus": frozenset({"disabled", "excluded"}), "state": frozenset({"disabled", "excluded"})},
        written="1004-05-27",
    ),
    # Its customers have approved and pending points; the store's own number is the merchant id, `id` is theirs alone.
    Source.LOYALTYLION: Format(
        Source.LOYALTYLION,
        (frozenset({"pointsapproved", "pointspending"}), frozenset({"merchantid", "pointsapproved"})),
        {"external_id": ("merchantid",), "points": ("pointsapproved", "points")},
        {"blocked": frozenset({"true", "yes", "1"}), "state": frozenset({"blocked"})},
        "pointspending",
        written="1990-05-27 or 05-27",
    ),
    # What it exports has a referral link, what it takes in has the points spent; empty cells are 0 in its own guide.
    Source.YOTPO: Format(
        Source.YOTPO,
        (
            frozenset({"pointsbalance", "pointsspent"}), frozenset({"pointsbalance", "referrallink"}),
            frozenset({"swellpointbalance"}),
        ),
        {
            "points": ("pointsbalance", "swellpointbalance", "points"),
            "birthday": ("birthday", "birthdaymmdd", "birthdaymmddyyyy", "birthdaymmddormmddyyyy"),
        },
        {"optedin": frozenset({"false", "no", "0"})},
        birthday=_SLASHES,
        written="05/27 or 05/27/1990",
    ),
    # Its table has a row for each time that points were earned: so many, and how many of them are left. A plug-in for
    # users' export writes the sum from their meta.
    Source.WOO_POINTS: Format(
        Source.WOO_POINTS,
        (frozenset({"userid", "points", "pointsbalance"}), frozenset({"wcpointsbalance"})),
        {"external_id": ("userid",), "points": ("pointsbalance", "wcpointsbalance")},
        row_id="id",
    ),
    # Two columns, and a delimiter that the merchant chose: `id` or `email`, and `points`.
    Source.YITH: Format(
        Source.YITH,
        (frozenset({"ywparusertotalpoints"}),),
        {"external_id": ("id", "userid"), "points": ("points", "ywparusertotalpoints")},
    ),
    Source.OTHER: Format(Source.OTHER),
}  # fmt: skip


def told(headings: Collection[str]) -> Source:
    """Whose file this is, by its headings as they are compared; `OTHER` where they could be anybody's."""
    found = set(headings)
    # Of two that fit, the one that says more: a table of Woo's has what others' have, and more.
    fits = [(len(mark), form.source) for form in FORMATS.values() for mark in form.told_by if mark <= found]
    most = max((size for size, _ in fits), default=0)
    first = next((source for size, source in fits if size == most), Source.OTHER)
    return Source.YITH if first is Source.OTHER and found == {"id", "points"} else first


def month_day(given: str, form: Format) -> str | None:
    """A birthday as ``05-27``; None where it is none, or is not written as this program writes it."""
    match = form.birthday.fullmatch(given)
    if match is None:
        return None
    try:
        # A leap year, so that the 29th of February is a day.
        return date(2000, int(match[1]), int(match[2])).strftime("%m-%d")
    except ValueError:
        return None
