"""What the platform's error codes mean for us: which of its refusals may pass, and why the others will not.

Where the platform gives no code, its refusal is taken as final: an effect that is set aside is seen by a person, and
one that is tried again for ever is seen by nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """Whether asking again is in vain, and why, in words for the merchant."""

    permanent: bool
    why: str


def _all(permanent: bool, why: str, codes: str) -> dict[str, Meaning]:
    return dict.fromkeys(codes.split(), Meaning(permanent, why))


# Every code of every mutation that we send; a test holds them against the platform's schema.
MEANINGS: Mapping[str, Meaning] = {
    **_all(False, "the store had a fault of its own", "INTERNAL_ERROR INTERNAL_FILE_SERVER_ERROR UNEXPECTED_ERROR"),
    **_all(False, "somebody else wrote at the same moment", "STALE_OBJECT"),
    **_all(
        False, "the store is busy with something of the same kind", "OPERATION_IN_PROGRESS LIMIT_REACHED NO_SUCH_FILE"
    ),
    **_all(
        True,
        "what we asked for is not valid there",
        "INVALID INVALID_VALUE INVALID_TYPE INVALID_COMPARE_DIGEST BLANK PRESENT INCLUSION MISSING_ARGUMENT"
        " TOO_MANY_ARGUMENTS NOT_FOUND INVALID_MUTATION INVALID_STAGED_UPLOAD_FILE UNABLE_TO_DELETE",
    ),
    **_all(
        True,
        "a value is outside of what the store takes",
        "TOO_LONG TOO_SHORT EQUAL_TO GREATER_THAN GREATER_THAN_OR_EQUAL_TO LESS_THAN LESS_THAN_OR_EQUAL_TO"
        " VALUE_OUTSIDE_RANGE EXCEEDED_MAX INVALID_TAG_LENGTH TOO_MANY_TAGS NEGATIVE_OR_ZERO_AMOUNT",
    ),
    **_all(True, "the store has one of that name already", "TAKEN DUPLICATE IMPLICIT_DUPLICATE"),
    **_all(True, "the app may not write this", "APP_NOT_AUTHORIZED CAPABILITY_VIOLATION"),
    **_all(True, "its dates do not fit", "ACTIVE_PERIOD_OVERLAP END_DATE_BEFORE_START_DATE EXPIRES_AT_IN_PAST"),
    **_all(
        True,
        "the store allows no such combination of conditions in a discount",
        "APPLIES_ON_NOTHING CONFLICT DISCOUNT_NOT_COMPATIBLE_WITH_CONDITION_TYPES"
        " MINIMUM_SUBTOTAL_AND_QUANTITY_RANGE_BOTH_PRESENT"
        " INVALID_COMBINES_WITH_FOR_DISCOUNT_CLASS INVALID_DISCOUNT_CLASS_FOR_PRICE_RULE"
        " INVALID_PRODUCT_DISCOUNTS_FALSE_WITH_EXISTING_TAGS_ON_SAME_CART_LINE"
        " INVALID_PRODUCT_DISCOUNTS_WITH_TAGS_ON_SAME_CART_LINE_FOR_DISCOUNT_CLASS"
        " INVALID_PRODUCT_DISCOUNTS_WITH_TAGS_ON_SAME_CART_LINE_WITHOUT_PRODUCT_DISCOUNTS"
        " PRODUCT_DISCOUNTS_WITH_TAGS_ON_SAME_CART_LINE_NOT_ENTITLED"
        " TOO_MANY_PRODUCT_DISCOUNTS_WITH_TAGS_ON_SAME_CART_LINE"
        " MULTIPLE_RECURRING_CYCLE_LIMIT_FOR_NON_SUBSCRIPTION_ITEMS RECURRING_CYCLE_LIMIT_NOT_A_VALID_INTEGER",
    ),
    **_all(
        True,
        "the store's discount of another app is meant",
        "MISSING_FUNCTION_IDENTIFIER MULTIPLE_FUNCTION_IDENTIFIERS MAX_APP_DISCOUNTS",
    ),
    **_all(
        True,
        "the customer is not in the store: deleted, or merged",
        "CUSTOMER_NOT_FOUND RECIPIENT_NOT_FOUND OWNER_NOT_FOUND ACCOUNT_NOT_FOUND",
    ),
    **_all(True, "the store's own limit for this is reached", "GIFT_CARD_LIMIT_EXCEEDED CREDIT_LIMIT_EXCEEDED"),
    **_all(True, "the store has no such gift card", "GIFT_CARD_NOT_FOUND"),
    **_all(
        True,
        "the app was deployed with another pixel, or with none",
        "INVALID_CONFIGURATION_JSON INVALID_RUNTIME_CONTEXT INVALID_SETTINGS INVALID_SETTINGS_DEFINITION NO_EXTENSION",
    ),
    **_all(True, "the store does not keep that currency", "MISMATCHING_CURRENCY UNSUPPORTED_CURRENCY"),
    **_all(True, "less is left than was to be taken", "INSUFFICIENT_FUNDS"),
}
UNKNOWN = Meaning(True, "it gave no reason that we know")
