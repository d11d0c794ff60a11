"""Store credit over the Admin API: a credit asked for twice is given twice, as on the platform."""

from __future__ import annotations

from typing import Any

from sandbox.adminapi import pages
from sandbox.adminapi.call import (
    Call,
    Info,
    Resolvers,
    call_of,
    denied,
    error,
    id_of,
    instant,
    money,
    number_of,
    shop_of,
)
from sandbox.adminapi.search import Fields, compile_search, matching
from sandbox.customers import Customer
from sandbox.ids import gid, parse_gid
from sandbox.store_credit import Account, CreditRefused, Movement

WORDS = {
    "ACCOUNT_NOT_FOUND": "The store credit account could not be found.",
    "OWNER_NOT_FOUND": "The owner could not be found.",
    "CREDIT_LIMIT_EXCEEDED": "The credit limit is exceeded.",
    "EXPIRES_AT_IN_PAST": "Expires at must be in the future.",
    "INSUFFICIENT_FUNDS": "The store credit account does not have sufficient funds.",
    "MISMATCHING_CURRENCY": "The currency is not that of the account.",
    "NEGATIVE_OR_ZERO_AMOUNT": "The amount must be above zero.",
}
FIELDS: Fields = {
    "id": lambda movement: movement.id,
    "type": lambda movement: movement.kind,
    "expires_at": lambda movement: movement.expires_at,
}


def _credit(source: Any, info: Info, id: str, creditInput: dict[str, Any]) -> dict[str, Any]:
    call, books = call_of(info), call_of(info).shop.store_credit
    try:
        amount = _amount(call, creditInput["creditAmount"])
        account = _account(call, id, opens=amount > 0)
        made = books.credit(account, _number(call), amount, call.now, creditInput.get("expiresAt"))
    except CreditRefused as refusal:
        return _refused(refusal, "creditInput", "creditAmount")
    return {"storeCreditAccountTransaction": made, "userErrors": []}


def _debit(source: Any, info: Info, id: str, debitInput: dict[str, Any]) -> dict[str, Any]:
    call, books = call_of(info), call_of(info).shop.store_credit
    try:
        account, amount = _account(call, id), _amount(call, debitInput["debitAmount"])
        made = books.debit(account, _number(call), amount, call.now)
    except CreditRefused as refusal:
        return _refused(refusal, "debitInput", "debitAmount")
    return {"storeCreditAccountTransaction": made, "userErrors": []}


def _refused(refusal: CreditRefused, *path: str) -> dict[str, Any]:
    code = str(refusal)
    place = ("id",) if code in ("ACCOUNT_NOT_FOUND", "OWNER_NOT_FOUND") else path
    return {"storeCreditAccountTransaction": None, "userErrors": [error(WORDS[code], *place, code=code)]}


def _number(call: Call) -> int:
    return call.shop.ids.of("StoreCreditAccountTransaction", call.shop.store_credit.moved)


def _amount(call: Call, given: dict[str, Any]) -> int:
    if given["currencyCode"] != call.shop.currency.code:
        raise CreditRefused("MISMATCHING_CURRENCY")
    return call.shop.currency.minor(given["amount"])


def _account(call: Call, text: str, *, opens: bool = False) -> Account:
    """By its own id or its owner's; a credit opens the account that its owner has not had yet."""
    books, (kind, number) = call.shop.store_credit, parse_gid(text) or ("", 0)
    if kind == "StoreCreditAccount":
        found = books.by_id(number)
    elif kind == "Customer":
        if call.shop.customers.by_id(number) is None:
            raise CreditRefused("OWNER_NOT_FOUND")
        found = books.of(number)
        if found is None and opens:
            found = books.open(Account(call.shop.ids.of("StoreCreditAccount", books.opened), number))
    else:
        raise CreditRefused("OWNER_NOT_FOUND")
    if found is None:
        raise CreditRefused("ACCOUNT_NOT_FOUND")
    return found


def _accounts(customer: Customer, info: Info, query: str | None = None, **args: Any) -> pages.Page:
    """All accounts are in the shop's own currency, so a customer has one at most."""
    call = call_of(info)
    if "read_store_credit_accounts" not in call.scopes:
        raise denied("storeCreditAccounts", "read_store_credit_accounts")
    own = call.shop.store_credit.of(customer.id)
    fields: Fields = {"id": lambda account: account.id, "currency_code": lambda account: call.shop.currency.code}
    rows = matching([own] if own is not None else [], compile_search(query, fields, call.warnings))
    return pages.page(pages.sort(rows, lambda account: (account.id, account.id)), **args)


def _movements(
    account: Account, info: Info, query: str | None = None, sortKey: str = "CREATED_AT", **args: Any
) -> pages.Page:
    call = call_of(info)
    if not {"read_store_credit_account_transactions", "write_store_credit_account_transactions"} & call.scopes:
        raise denied("transactions", "read_store_credit_account_transactions")
    rows = matching(account.movements, compile_search(query, FIELDS, call.warnings))
    key = (lambda m: (m.expires_at or 0, m.id)) if sortKey == "EXPIRES_AT" else (lambda m: (m.created_at, m.id))
    return pages.page(pages.sort(rows, key), **args)


def _movement_id(movement: Movement, info: Info) -> str:
    kind = "StoreCreditAccountCreditTransaction" if movement.amount > 0 else "StoreCreditAccountDebitTransaction"
    return gid(kind, movement.id)


EVERY = {
    "id": _movement_id,
    "amount": lambda movement, info: money(shop_of(info), movement.amount),
    "balanceAfterTransaction": lambda movement, info: money(shop_of(info), movement.balance_after),
    "createdAt": instant("created_at"),
}
RESOLVERS: Resolvers = {
    "QueryRoot": {
        "storeCreditAccount": lambda source, info, id: shop_of(info).store_credit.by_id(
            number_of(id, "StoreCreditAccount")
        ),
    },
    "Mutation": {"storeCreditAccountCredit": _credit, "storeCreditAccountDebit": _debit},
    "Customer": {"storeCreditAccounts": _accounts},
    "StoreCreditAccount": {
        "id": id_of("StoreCreditAccount"),
        "balance": lambda account, info: money(shop_of(info), account.balance(call_of(info).now)),
        "owner": lambda account, info: shop_of(info).customers.by_id(account.customer_id),
        "transactions": _movements,
    },
    "StoreCreditAccountCreditTransaction": EVERY
    | {
        "expiresAt": instant("expires_at"),
        "remainingAmount": lambda movement, info: money(shop_of(info), movement.remaining),
    },
    "StoreCreditAccountDebitTransaction": EVERY,
}
