"""Discount codes as WooCommerce's coupons: written, read back, and compared field by field before anybody is told.

The store takes a coupon and quietly leaves out what it does not like: an instant in the wrong field (it never
expires), an address that it finds odd (it is open to everybody). So nothing counts as issued until what stands in the
store is what was stated. A coupon that came out otherwise is written once more; if that does not help either, it is
frozen before we complain. A code is frozen by draft status when it is taken back: shoppers are told that it does not
exist, and so are we, for the store finds by their code only coupons that work. A code that works again is a new coupon
beside the frozen one.

A code is not looked for before it is made: the store itself refuses a second one of a name, and a look before that
could be out of date when it is acted on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from commerce.identity import GUEST
from commerce.rewards import Goods, PutDiscount
from commerce.store import StoreError
from connectors.woocommerce import bodies
from connectors.woocommerce.coupon_fields import Coupon, Fields, differences, fields_of
from connectors.woocommerce.offering import OFFERING
from connectors.woocommerce.reads import is_id
from connectors.woocommerce.rest import Refused, Rest, decoded
from connectors.woocommerce.writes import Outcome, batch, emails, in_turn

_TAKEN = "woocommerce_rest_coupon_code_already_exists"
_SOON = timedelta(minutes=5)
# A slow store may have made a code twice, once for each asking. More than these are not ours.
_MOST_ALIKE = 5

_NOT_FROZEN = StoreError("the store did not freeze the coupon", permanent=False)
_ANOTHERS = StoreError("the code belongs to another coupon of the shop", permanent=True)


def put_discounts(rest: Rest, effects: Sequence[PutDiscount], base: str, now: datetime) -> list[Outcome]:
    """Create the active codes and freeze the others; `base` is the shop's currency, which all its coupons are in."""
    outcomes: list[Outcome] = [None] * len(effects)
    for place, effect in enumerate(effects):
        outcomes[place] = _unfit(effect, base, now)
    in_turn(lambda places: _put(rest, effects, places, outcomes), _open(range(len(effects)), outcomes), outcomes)
    return outcomes


def _open(places: Sequence[int], outcomes: Sequence[Outcome]) -> list[int]:
    return [place for place in places if outcomes[place] is None]


def _unfit(effect: PutDiscount, base: str, now: datetime) -> Outcome:
    """Why `effect` cannot even be asked for. A code that is to be frozen needs nothing but itself."""
    if not effect.code.isascii() or not effect.code.replace("-", "").replace("_", "").isalnum():
        return StoreError("a code may have only letters, digits and hyphens: the store rewrites others", permanent=True)
    if not effect.active:
        return None
    # Better no code than one that takes something else off: the points go back.
    if why := OFFERING.refusal(effect) or _no_worth(effect) or _no_goods(effect.takes, effect.goods):
        return StoreError(why, permanent=True)
    if effect.currency != base:
        return StoreError(f"the store's coupons are in {base}, and this one is in {effect.currency}", permanent=True)
    if effect.starts_at > now + _SOON:
        return StoreError("WooCommerce's coupons work from the moment they are made: ask again then", permanent=False)
    customer = effect.customer_external_id
    if customer is not None and not is_id(customer) and not customer.startswith(GUEST):
        return StoreError("the code is locked to nobody that the store knows", permanent=True)
    return None


def _no_worth(effect: PutDiscount) -> str | None:
    if effect.takes == "amount" and effect.amount_minor <= 0:
        return "a coupon of no amount takes nothing off: it is not made"
    if effect.takes == "percentage" and not 1 <= effect.percent <= 100:
        return "a percentage off goes from 1 to 100"
    return None


def _no_goods(takes: str, goods: Goods) -> str | None:
    if goods.collections and (goods.products or goods.variants):
        return "a coupon is for products or for categories: with both, only what is in both counts"
    if goods and takes == "shipping":
        return "free shipping is for a whole order, not for named goods"
    if not all(is_id(one) for one in (*goods.products, *goods.variants, *goods.collections)):
        return "goods go by the store's own numbers"
    return None


def _put(rest: Rest, effects: Sequence[PutDiscount], places: Sequence[int], outcomes: list[Outcome]) -> None:
    wanted = _locked(rest, effects, places, outcomes)
    active = [place for place in _open(places, outcomes) if effects[place].active]
    there: dict[int, int] = {}
    for place, answer in zip(active, batch(rest, "coupons", "create", [wanted[p] for p in active]), strict=True):
        if isinstance(answer, Refused) and answer.code == _TAKEN:
            found = _ours(rest, effects[place], wanted[place])
            if isinstance(found, StoreError):
                outcomes[place] = found
            else:
                there[place] = found.id
        elif isinstance(answer, StoreError):
            outcomes[place] = answer
        else:
            there[place] = decoded(answer, _Id).id
    _see_to(rest, there, wanted, outcomes)
    _freeze(rest, effects, [place for place in _open(places, outcomes) if not effects[place].active], outcomes)


class _Id(Struct):
    id: bodies.Id


def _locked(
    rest: Rest, effects: Sequence[PutDiscount], places: Sequence[int], outcomes: list[Outcome]
) -> dict[int, Fields]:
    """The coupons to write, those of one customer locked to his address. One without an address would be open to
    everybody; a star in it would be a pattern.
    """
    active = [place for place in places if effects[place].active]
    owners = {place: who for place in active if (who := effects[place].customer_external_id) is not None}
    known = emails(rest, {int(who) for who in owners.values() if is_id(who)})
    wanted = {}
    for place in active:
        who, given = owners.get(place), effects[place].customer_email
        address = ("" if who is None else known.get(int(who), "") if is_id(who) else given or "").strip().lower()
        if who is not None and ("@" not in address or "*" in address):
            outcomes[place] = StoreError(
                "the customer has no e-mail to lock the code to, or is no longer in the store", permanent=True
            )
        wanted[place] = fields_of(effects[place], address or None)
    return wanted


# --- written, read back, compared


def _see_to(rest: Rest, there: dict[int, int], wanted: Mapping[int, Fields], outcomes: list[Outcome]) -> None:
    """Compare the coupons `there` with what was asked for; write what differs once more, and freeze what still does."""
    wrong = _compared(rest, there, wanted, outcomes)
    if not wrong:
        return
    # What the store answers to that is not asked: what then stands there says it.
    batch(rest, "coupons", "update", [{"id": there[place], **wanted[place]} for place in wrong])
    again = {place: there[place] for place in wrong}
    for place, names in _compared(rest, again, wanted, outcomes).items():
        outcomes[place] = _otherwise(names) if _frozen(rest, there[place]) else _NOT_FROZEN


def _compared(
    rest: Rest, there: Mapping[int, int], wanted: Mapping[int, Fields], outcomes: list[Outcome]
) -> dict[int, list[str]]:
    """Which of the coupons differ, and in what. One that is not there is told in `outcomes`."""
    if not there:
        return {}
    query = (("include", ",".join(str(found) for found in there.values())), ("per_page", "100"))
    stand = {coupon.id: coupon for coupon in rest.get("coupons", query, list[Coupon]).data}
    wrong = {}
    for place, coupon_id in there.items():
        found = stand.get(coupon_id)
        if found is None:
            outcomes[place] = StoreError("the coupon was written and is not there", permanent=False)
        elif names := differences(wanted[place], found):
            wrong[place] = names
    return wrong


def _otherwise(wrong: Sequence[str]) -> StoreError:
    return StoreError(
        f"the store kept the coupon otherwise than asked, so it is frozen: {', '.join(wrong)}", permanent=True
    )


# --- codes that exist


def _find(rest: Rest, code: str) -> Coupon | None:
    found = rest.get("coupons", (("code", code), ("per_page", "10")), list[Coupon]).data
    return next((coupon for coupon in found if coupon.code.casefold() == code.casefold()), None)


def _ours(rest: Rest, effect: PutDiscount, wanted: Fields) -> Coupon | StoreError:
    """The coupon that bears the code already: ours (an answer was lost), or why it is none of ours."""
    found = _tried(rest, effect.code)
    if found is None:
        return StoreError("the code was taken and then gone", permanent=False)
    if isinstance(found, Refused):
        return found
    return found if found.mark == wanted["description"] else _ANOTHERS


def _freeze(rest: Rest, effects: Sequence[PutDiscount], places: Sequence[int], outcomes: list[Outcome]) -> None:
    """No coupon of these codes works any more: they are looked for again until there is none. One that was used is
    frozen too, since its use is given back when the order is cancelled.
    """
    left = list(places)
    for turn in range(_MOST_ALIKE):
        working: dict[int, int] = {}
        for place in left:
            found = _tried(rest, effects[place].code)
            if isinstance(found, StoreError):
                outcomes[place] = found
            elif found is None or found.status == "draft":
                continue
            elif found.mark is not None:
                working[place] = found.id
            elif turn == 0:
                outcomes[place] = _ANOTHERS
        rows = [{"id": coupon_id, "status": "draft"} for coupon_id in working.values()]
        for place, answer in zip(working, batch(rest, "coupons", "update", rows), strict=True):
            if isinstance(answer, StoreError):
                # Also when it is refused: somebody deleted it in this moment, or it works.
                outcomes[place] = _NOT_FROZEN
        left = _open(list(working), outcomes)
    for place in left:
        outcomes[place] = _NOT_FROZEN


def _tried(rest: Rest, code: str) -> Coupon | Refused | None:
    try:
        return _find(rest, code)
    except Refused as refusal:
        return refusal


def _frozen(rest: Rest, coupon_id: int) -> bool:
    """Freeze this coupon, and see whether it is: asked for by its id, since a list of the store leaves drafts out."""
    try:
        rest.send("PUT", f"coupons/{coupon_id}", {"status": "draft"}, _Id)
        return rest.get(f"coupons/{coupon_id}", (), Coupon).data.status == "draft"
    except Refused:
        return False
