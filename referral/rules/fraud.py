"""How likely it is that a referral is somebody's trick: signals, what each weighs, and what follows from their sum.

A signal is a fact with a code and a number ("this browser made 7 other claims"). Each weighs what the merchant says,
and only from the number on that the merchant says; the weights of those that are there are added, and the sum falls
into one of three bands. Nothing else is done: whoever has the signals can add them up again by hand, and a change of
weights can be tried on everything that ever happened. A referral in the middle band pays nothing until a person says
so; silence never pays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from commerce.sayings import Saying, say, say_many
from referral.rules.traces import Evidence

__all__ = ["SIGNALS", "Band", "Evidence", "Finding", "Rule", "Score", "Signal", "Weights", "judge_band", "score"]


class Band(StrEnum):
    """What follows: pay, hold until a person decides, or do not pay."""

    APPROVE = "approve"
    REVIEW = "review"
    DECLINE = "decline"


class Signal(StrEnum):
    """The reason codes."""

    SAME_EMAIL = "same_email"
    ALIASED_EMAIL = "aliased_email"
    SIMILAR_EMAIL = "similar_email"
    SAME_PHONE = "same_phone"
    SAME_NAME = "same_name"
    SIMILAR_NAME = "similar_name"
    SAME_ADDRESS = "same_address"
    SAME_DEVICE = "same_device"
    SAME_BROWSER = "same_browser"
    SAME_NETWORK = "same_network"
    SELF_REFERRAL = "self_referral"
    LOOP = "loop"
    DISPOSABLE_EMAIL = "disposable_email"
    COUPON_SITE = "coupon_site"
    EXISTING_CUSTOMER = "existing_customer"
    SHARED_MAILBOX = "shared_mailbox"
    SHARED_PHONE = "shared_phone"
    SHARED_DEVICE = "shared_device"
    SHARED_ADDRESS = "shared_address"
    SHARED_BROWSER = "shared_browser"
    EMAIL_SERIES = "email_series"
    NETWORK_WEEK = "network_week"
    ADVOCATE_DAY = "advocate_day"
    ADVOCATE_MONTH = "advocate_month"
    NEVER_BACK = "never_back"
    RETURNED_ALL = "returned_all"


@dataclass(frozen=True, slots=True)
class Rule:
    """A signal as a person reads it, and what it weighs in a shop that changed nothing, from the number `start` on."""

    saying: Saying
    weight: int
    start: int = 1

    def sentence(self, number: int) -> str:
        """What the signal says of a referral that has it so often."""
        said = self.saying
        return said if said.many is None else say_many(said.pattern, said.many, number)


# The weights say: what only one person can have decides alone; what a family shares never does, not even all of it
# together with a common network; what a crowd of accounts has in common holds the crowd for a person to look at.
SIGNALS: Mapping[Signal, Rule] = {
    Signal.SAME_EMAIL: Rule(say("The friend gave the advocate's own e-mail address."), 100),
    Signal.ALIASED_EMAIL: Rule(say("The friend's e-mail address leads to the advocate's mailbox."), 100),
    Signal.SIMILAR_EMAIL: Rule(say("The friend's e-mail address is like the advocate's."), 30),
    Signal.SAME_PHONE: Rule(say("The friend has the advocate's phone number."), 25),
    Signal.SAME_NAME: Rule(say("The friend has the advocate's full name."), 40),
    Signal.SIMILAR_NAME: Rule(say("The friend's full name sounds like the advocate's."), 10),
    Signal.SAME_ADDRESS: Rule(say("The friend lives at the advocate's address."), 14),
    Signal.SAME_DEVICE: Rule(say("The friend came with a browser that the advocate had used."), 30),
    Signal.SAME_BROWSER: Rule(say("The friend came from the advocate's connection with the same kind of browser."), 10),
    Signal.SAME_NETWORK: Rule(say("The friend came from the advocate's network."), 5),
    Signal.SELF_REFERRAL: Rule(say("The advocate claimed their own invitation."), 100),
    Signal.LOOP: Rule(say("The friend had invited the advocate, directly or through others."), 60),
    Signal.DISPOSABLE_EMAIL: Rule(say("The friend's e-mail address is of a throw-away service."), 45),
    Signal.COUPON_SITE: Rule(say("The friend came from a site on which codes are traded."), 40),
    Signal.EXISTING_CUSTOMER: Rule(say("The friend had bought here before."), 80),
    Signal.SHARED_MAILBOX: Rule(
        say_many("The same mailbox stands behind %(num)s other claim.",
                 "The same mailbox stands behind %(num)s other claims.", 1), 50),
    Signal.SHARED_PHONE: Rule(
        say_many("The same phone number stands behind %(num)s other claim.",
                 "The same phone number stands behind %(num)s other claims.", 2), 40, 2),
    Signal.SHARED_DEVICE: Rule(
        say_many("The same browser made %(num)s other claim.",
                 "The same browser made %(num)s other claims.", 3), 45, 3),
    Signal.SHARED_ADDRESS: Rule(
        say_many("%(num)s other claim has the same postal address.",
                 "%(num)s other claims have the same postal address.", 6), 40, 6),
    Signal.SHARED_BROWSER: Rule(
        say_many("%(num)s other claim of that week came from the same connection and kind of browser.",
                 "%(num)s other claims of that week came from one connection and kind of browser.", 5), 10, 5),
    Signal.EMAIL_SERIES: Rule(
        say_many("%(num)s other friend of this advocate has an e-mail address like this one.",
                 "%(num)s other friends of this advocate have an e-mail address like this one.", 3), 40, 3),
    Signal.NETWORK_WEEK: Rule(
        say_many("%(num)s other claim of that week came from the same network.",
                 "%(num)s other claims of that week came from the same network.", 10), 10, 10),
    Signal.ADVOCATE_DAY: Rule(
        say_many("The advocate had %(num)s other claim within a day.",
                 "The advocate had %(num)s other claims within a day.", 10), 20, 10),
    Signal.ADVOCATE_MONTH: Rule(
        say_many("The advocate had %(num)s other claim within a month.",
                 "The advocate had %(num)s other claims within a month.", 30), 10, 30),
    Signal.NEVER_BACK: Rule(
        say_many("The advocate's %(num)s friend of old never bought again.",
                 "None of the advocate's %(num)s friends of old ever bought again.", 8), 20, 8),
    Signal.RETURNED_ALL: Rule(
        say_many("%(num)s of the advocate's friends returned everything that they bought.",
                 "%(num)s of the advocate's friends returned everything that they bought.", 3), 40, 3),
}  # fmt: skip

HIGHEST_WEIGHT = 1000
HIGHEST_START = 1_000_000
# Domains and sites that a merchant adds by hand.
MOST_OWN = 500


@dataclass(frozen=True, slots=True)
class Weights:
    """What a shop's merchant says of each signal, and where the bands begin. Version 0 is what a shop starts with."""

    version: int = 0
    weights: Mapping[str, int] = field(default_factory=dict)
    starts: Mapping[str, int] = field(default_factory=dict)
    review_from: int = 40
    decline_from: int = 100
    disposable: tuple[str, ...] = ()
    coupon_sites: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.review_from <= self.decline_from <= HIGHEST_WEIGHT * len(SIGNALS):
            raise ValueError(say("Review begins above 0, and decline does not begin below review."))
        if any(not 0 <= weight <= HIGHEST_WEIGHT for weight in self.weights.values()):
            raise ValueError(say("A weight is a whole number from 0 to %(most)s.", most=HIGHEST_WEIGHT))
        if any(not 1 <= start <= HIGHEST_START for start in self.starts.values()):
            raise ValueError(say("A signal begins to count at 1 or more."))
        if max(len(self.disposable), len(self.coupon_sites)) > MOST_OWN:
            raise ValueError(say("At most %(most)s domains and %(most)s sites of your own.", most=MOST_OWN))

    @classmethod
    def read(cls, version: int, body: Mapping[str, Any]) -> Weights:
        """From what was stored; a signal that is younger than the version weighs what a new shop's does."""
        own = {name: tuple(body.get(name, ())) for name in ("disposable", "coupon_sites")}
        return cls(**{**body, **own, "version": version})

    def body(self) -> dict[str, Any]:
        return {
            "weights": {str(signal): weight for signal, weight in self.weights.items()},
            "starts": {str(signal): start for signal, start in self.starts.items()}, "review_from": self.review_from,
            "decline_from": self.decline_from, "disposable": list(self.disposable),
            "coupon_sites": list(self.coupon_sites),
        }  # fmt: skip

    def weight(self, signal: Signal) -> int:
        return self.weights.get(signal, SIGNALS[signal].weight)

    def band(self, total: int) -> Band:
        """The band that a sum falls into."""
        if total >= self.decline_from:
            return Band.DECLINE
        return Band.REVIEW if total >= self.review_from else Band.APPROVE

    def start(self, signal: Signal) -> int:
        return self.starts.get(signal, SIGNALS[signal].start)


@dataclass(frozen=True, slots=True)
class Finding:
    """A signal of one referral that weighs something: its code, its number, what it adds, and the sentence."""

    signal: Signal
    number: int
    weight: int

    @property
    def sentence(self) -> str:
        return SIGNALS[self.signal].sentence(self.number)


@dataclass(frozen=True, slots=True)
class Score:
    """The sum, the band that it falls into, and what it is the sum of, heaviest first."""

    total: int
    band: Band
    findings: tuple[Finding, ...]


def score(found: Mapping[str, int], weights: Weights) -> Score:
    """Add up the weights of what was found (code -> number). Codes that nobody knows any more weigh nothing."""
    findings = [
        Finding(signal, found[signal], weight)
        for signal in SIGNALS
        if found.get(signal, 0) >= weights.start(signal) and (weight := weights.weight(signal))
    ]
    total = sum(finding.weight for finding in findings)
    return Score(total, weights.band(total), tuple(sorted(findings, key=lambda f: (-f.weight, f.signal))))


def judge_band(scored: Band, ruling: str | None, *, blocked: bool, held: bool) -> Band:
    """What happens: a person's word about this referral stands above everything, a block of its advocate above the
    score; a referral that is held because a block reaches it waits for a person.
    """
    if ruling is not None:
        return Band(ruling)
    if blocked:
        return Band.DECLINE
    return Band.REVIEW if held and scored is Band.APPROVE else scored
