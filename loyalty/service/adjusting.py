"""Points that the shop gives to one customer, or takes from them, by hand: with a reason that both sides read, and with
who did it.
"""

from __future__ import annotations

from commerce.ids import CustomerId
from commerce.refusal import Refusal
from engine.work import UnitOfWork
from loyalty import records
from loyalty.records import statements
from loyalty.service.booking import BATCH, Gap, close_gaps, lock
from loyalty.service.members import plain_reason
from loyalty.service.program import Program

MOST_POINTS = 100_000
LONGEST_NAME = 64


class AdjustmentWrong(Refusal):
    """Points to give or take are a whole number from 1 to 100000."""


class NotThatMany(Refusal):
    """The customer has fewer points than that. Take at most what they have."""


def adjust(work: UnitOfWork, customer_id: CustomerId, points: int, *, reason: str, made_by: str, named: str) -> bool:
    """Give a customer points or, where `points` is below zero, take them. `named` names the deed: told twice, the
    second time changes nothing and answers with False.

    Refuses with `AdjustmentWrong`, `ReasonMissing` or `NotThatMany`; then nothing is written.
    """
    if not 1 <= abs(points) <= MOST_POINTS or not 0 < len(named) <= LONGEST_NAME:
        raise AdjustmentWrong
    said, debts = plain_reason(reason), lock(work, [customer_id])
    if statements.is_adjusted(work, customer_id, named):
        return False
    if points < 0 and records.balance(work, customer_id)[0] < -points:
        raise NotThatMany
    program = Program.of(work)
    receipt = {"adjustment": named, "by": made_by, "version": program.current.version}
    gap = Gap(
        customer_id, None, points, (BATCH, BATCH), f"adjust:{customer_id}:{named}", program.current.version, said,
        work.now, receipt, program.current.earning.debt,
    )  # fmt: skip
    close_gaps(work, program, [gap], debts)
    return True
