"""Store credit: an account for each customer and currency, and its transactions, oldest first.

A credit may end; what is spent is drawn from the credits that end first. Nothing here knows one credit from another of
the same worth: like the platform, the books have no key and no note.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

MOST = 10**11


class CreditRefused(ValueError):
    """The platform's code for why not."""


@dataclass(slots=True, eq=False)
class Movement:
    """One transaction. `remaining` and `expires_at` are a credit's; `amount` of a debit is below zero."""

    id: int
    account: Account
    amount: int
    balance_after: int
    created_at: float
    event: str
    expires_at: float | None = None
    remaining: int = 0

    @property
    def kind(self) -> str:
        return "credit" if self.amount > 0 else "debit"


@dataclass(slots=True, eq=False)
class Account:
    id: int
    customer_id: int
    movements: list[Movement] = field(default_factory=list)

    def balance(self, now: float) -> int:
        return sum(credit.remaining for credit in self._open(now))

    def _open(self, now: float) -> list[Movement]:
        found = [m for m in self.movements if m.remaining and (m.expires_at is None or now < m.expires_at)]
        return sorted(found, key=lambda m: (m.expires_at is None, m.expires_at or 0, m.id))

    def draw(self, amount: int, now: float) -> None:
        """Takes from what ends first; raises CreditRefused for more than there is."""
        if amount > self.balance(now):
            raise CreditRefused("INSUFFICIENT_FUNDS")
        for credit in self._open(now):
            taken = min(amount, credit.remaining)
            credit.remaining -= taken
            amount -= taken


class StoreCredit:
    """A shop's accounts, all in the shop's own currency."""

    def __init__(self) -> None:
        self._accounts: dict[int, Account] = {}
        self._by_customer: dict[int, Account] = {}
        self._moved = 0

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    @property
    def opened(self) -> int:
        return len(self._accounts)

    @property
    def moved(self) -> int:
        return self._moved

    def by_id(self, number: int) -> Account | None:
        return self._accounts.get(number)

    def of(self, customer_id: int) -> Account | None:
        return self._by_customer.get(customer_id)

    def open(self, account: Account) -> Account:
        self._accounts[account.id] = account
        self._by_customer[account.customer_id] = account
        return account

    def credit(self, account: Account, number: int, amount: int, now: float, expires_at: float | None) -> Movement:
        if amount <= 0:
            raise CreditRefused("NEGATIVE_OR_ZERO_AMOUNT")
        if expires_at is not None and expires_at <= now:
            raise CreditRefused("EXPIRES_AT_IN_PAST")
        if account.balance(now) + amount > MOST:
            raise CreditRefused("CREDIT_LIMIT_EXCEEDED")
        made = Movement(number, account, amount, 0, now, "ADJUSTMENT", expires_at, amount)
        return self._keep(made, now)

    def debit(self, account: Account, number: int, amount: int, now: float, event: str = "ADJUSTMENT") -> Movement:
        if amount <= 0:
            raise CreditRefused("NEGATIVE_OR_ZERO_AMOUNT")
        account.draw(amount, now)
        return self._keep(Movement(number, account, -amount, 0, now, event), now)

    def _keep(self, made: Movement, now: float) -> Movement:
        self._moved += 1
        made.account.movements.append(made)
        made.balance_after = made.account.balance(now)
        return made
