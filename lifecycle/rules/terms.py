"""A shop's lifecycle rules: what each stage asks for, and how long a silence may last.

What the newer rules are by default here, they are for shops whose terms are older than them: off. What a shop starts
with today is `proposed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from commerce.sayings import say

# So many of a customer's last gaps are kept with their standing. An odd number has a middle.
KEPT_GAPS = 7
LONGEST_DAYS = 3650


class Unsound(ValueError):
    """A rule that makes no sense: the field that says it, and what is asked of it."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(words)
        self.name = name


@dataclass(frozen=True, slots=True)
class Terms:
    """A shop's lifecycle rules. Days are whole days, of silence since the last order that counts."""

    version: int
    retained_from_orders: int = 4
    advocate_from_referrals: int = 1
    at_risk_after_days: int = 90
    lapsed_after_days: int = 180
    personal_from_orders: int = 0
    """From so many orders, on different days, silence is measured against the customer's own gaps; 0: never."""
    at_risk_percent: int = 200
    """At risk once so much of the usual gap has passed, within the two bounds that follow ..."""
    lapsed_percent: int = 400
    """... and lapsed as much later as this is more than `at_risk_percent`."""
    personal_least_days: int = 30
    personal_most_days: int = 365
    patience_percent: int = 0
    """Whoever came back after a silence is not at risk again before so much of it; above 100, or 0: no patience."""
    stay_days: int = 0
    """A retained customer of whom one order came back stays so for so many days after it was placed; 0: not at all."""

    def __post_init__(self) -> None:
        for name, words, sound in self._checks():
            if not sound:
                raise Unsound(name, words)

    def _checks(self) -> Iterable[tuple[str, str, bool]]:
        """Of each rule that has to be sound: the field to be put right, what is asked of it, and whether it is so."""
        personal, patience = self.personal_from_orders, self.patience_percent
        return (
            ("retained_from_orders", say("a customer is retained from 2 to 1000 orders"),
             2 <= self.retained_from_orders <= 1000),
            ("advocate_from_referrals", say("an advocate has brought at least one friend, and at most 1000"),
             1 <= self.advocate_from_referrals <= 1000),
            ("at_risk_after_days", say("a customer must be at risk before lapsing, and both within ten years"),
             1 <= self.at_risk_after_days < self.lapsed_after_days <= LONGEST_DAYS),
            ("personal_from_orders", say("a customer's own rhythm shows from 3 to %(most)s orders", most=KEPT_GAPS + 1),
             personal == 0 or 3 <= personal <= KEPT_GAPS + 1),
            ("at_risk_percent", say("a customer is at risk after 100 to 1000 % of the usual gap"),
             100 <= self.at_risk_percent <= 1000),
            ("lapsed_percent", say("a customer lapses after more of the usual gap than at risk, and at most 2000 %"),
             self.at_risk_percent < self.lapsed_percent <= 2000),
            ("personal_least_days", say("the bounds of a customer's own days are from 1 to 3650, the least first"),
             1 <= self.personal_least_days <= self.personal_most_days <= LONGEST_DAYS),
            ("patience_percent", say("a customer is waited for again from 101 to 300 % of an earlier silence"),
             patience == 0 or 101 <= patience <= 300),
            ("stay_days", say("a customer whose order came back stays retained for at most 365 days"),
             0 <= self.stay_days <= 365),
        )  # fmt: skip

    @classmethod
    def read(cls, version: int, body: Mapping[str, Any]) -> Self:
        """The terms of a version; what a newer release has added is not known to this one, and left out."""
        known = {each.name for each in fields(cls)} - {"version"}
        return cls(version, **{name: value for name, value in body.items() if name in known})

    @property
    def body(self) -> dict[str, int]:
        """What is published: every rule, and not the version."""
        said = asdict(self)
        del said["version"]
        return said

    @classmethod
    def proposed(cls) -> Self:
        """What a shop starts with."""
        return cls(version=1, personal_from_orders=4, patience_percent=110, stay_days=30)
