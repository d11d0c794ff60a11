"""Segments that are ready to be copied: for each stage of the lifecycle those that its campaigns usually begin with.

They are proposals in the form in which rules are kept, so a copy of one is a merchant's own from the first word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from commerce.sayings import say
from commerce.traits import Op
from lifecycle.rules.segments import Condition, Group, Match, body
from lifecycle.rules.stages import Stage

_Ask = Condition


@dataclass(frozen=True, slots=True)
class Ready:
    """A proposal: what it is called, for which stage, and what it is for."""

    key: str
    name: str
    stage: str
    purpose: str
    rule: Group

    @property
    def body(self) -> Mapping[str, Any]:
        return body(self.rule)


def _all(*parts: Condition | Group) -> Group:
    return Group(Match.ALL, parts)


def _at(*stages: Stage) -> Condition:
    return _Ask("stage", Op.IS, tuple(str(stage) for stage in stages))


READY: Sequence[Ready] = (
    Ready("not-yet", say("Signed up, never bought"), Stage.LEAD, say("A first reason to buy."),
          _all(_at(Stage.LEAD), _Ask("known_since", Op.AGO, (14,)))),
    Ready("nearly", say("Left a checkout"), Stage.LEAD, say("Somebody who nearly bought is reminded."),
          _all(_at(Stage.LEAD), _Ask("left_checkout", Op.WITHIN, (14,)))),
    Ready("new-once", say("New and bought once"), Stage.ACQUIRED, say("The second order decides whether "
            "somebody stays."),
          _all(_at(Stage.ACQUIRED), _Ask("first_order_at", Op.WITHIN, (60,)))),
    Ready("once-quiet", say("Bought once, gone quiet"), Stage.ACQUIRED, say("Before the first order was the only one."),
          _all(_Ask("orders", Op.EQUALS, (1,)), _Ask("last_order_at", Op.AGO, (60,)),
               _Ask("stage", Op.IS_NOT, (str(Stage.LAPSED),)))),
    Ready("picking-up", say("Picking up speed"), Stage.DEVELOPING, say("Two orders within two months: the "
            "habit begins."),
          _all(_at(Stage.DEVELOPING), _Ask("orders_in", Op.AT_LEAST, (2,), days=60))),
    Ready("loyal", say("Loyal"), Stage.RETAINED, say("Early access, thanks, a question about what to do better."),
          _all(_at(Stage.RETAINED, Stage.ADVOCATE))),
    Ready("may-invite", say("Loyal, never invited anybody"), Stage.RETAINED, say(
            "Who likes to come back may like to tell."),
          _all(_at(Stage.RETAINED), _Ask("referrals", Op.AT_MOST, (0,)), _Ask("claims", Op.AT_MOST, (0,)))),
    Ready("advocates", say("Advocates"), Stage.ADVOCATE, say("Those who bring others."), _all(_at(Stage.ADVOCATE))),
    Ready("resting", say("Advocates at rest"), Stage.ADVOCATE, say("They brought friends once, and nobody lately."),
          _all(_Ask("referrals", Op.AT_LEAST, (1,)), _Ask("claims", Op.AT_MOST, (0,), days=180))),
    Ready("slipping", say("Loyal and slipping"), Stage.AT_RISK, say("Three orders or more, and now silence."),
          _all(_at(Stage.AT_RISK), _Ask("orders", Op.AT_LEAST, (3,)))),
    Ready("expiring", say("Points expiring"), Stage.AT_RISK, say("Points that end within a month are a reason "
                                                                 "to come back."),
          _all(_Ask("points", Op.AT_LEAST, (1,)), _Ask("points_expire", Op.AHEAD, (30,)))),
    Ready("valuable", say("Lapsed but valuable"), Stage.LAPSED, say("Worth an effort: three orders or more, "
                                                                    "or friends brought."),
          _all(_at(Stage.LAPSED), Group(Match.ANY, (_Ask("orders", Op.AT_LEAST, (3,)),
                                                    _Ask("referrals", Op.AT_LEAST, (1,)))))),
    Ready("idle-points", say("Lapsed with points left"), Stage.LAPSED, say("What they have earned is still theirs."),
          _all(_at(Stage.LAPSED), _Ask("points", Op.AT_LEAST, (1,)))),
)  # fmt: skip
