"""The platform's numbers: integers per kind, and the global ids (`gid://shopify/Order/…`) that the Admin
API speaks.

Each shop draws from its own block, because ids are unique over all shops of the platform. They are counted,
not random: the same history replayed into a new sandbox gets the same ids.
"""

from __future__ import annotations

SHOP_BLOCK = 10_000_000_000
BASES = {
    "Customer": 7_200_000_000_000,
    "Order": 5_600_000_000_000,
    "LineItem": 14_100_000_000_000,
    "Product": 8_300_000_000_000,
    "Collection": 310_000_000_000,
    "Refund": 930_000_000_000,
    "RefundLineItem": 610_000_000_000,
    "OrderTransaction": 6_900_000_000_000,
    "DiscountCodeNode": 1_400_000_000_000,
    "DiscountRedeemCode": 18_500_000_000_000,
    "Segment": 520_000_000_000,
    "Metafield": 31_000_000_000_000,
    "MetafieldDefinition": 120_000_000_000,
    "WebhookSubscription": 1_100_000_000_000,
    "OrderEdit": 2_300_000_000_000,
    "WebPixel": 2_100_000_000,
    "ShippingLine": 4_700_000_000_000,
    "BulkOperation": 147_000_000_000,
    "GiftCard": 640_000_000_000,
    "StoreCreditAccount": 27_000_000_000,
    "StoreCreditAccountTransaction": 41_000_000_000,
}
PREFIX = "gid://shopify/"


class Numbers:
    """One shop's number blocks: an id is its kind's base plus the place in the shop's list."""

    __slots__ = ("_bases",)

    def __init__(self, shop_number: int) -> None:
        self._bases = {kind: base + shop_number * SHOP_BLOCK for kind, base in BASES.items()}

    def of(self, kind: str, place: int) -> int:
        return self._bases[kind] + place + 1

    def place(self, kind: str, number: int) -> int:
        """The place in the shop's list; negative or beyond the end for an id of somebody else."""
        return number - self._bases[kind] - 1

    def base(self, kind: str) -> int:
        return self._bases[kind] + 1


def gid(kind: str, number: int) -> str:
    return f"{PREFIX}{kind}/{number}"


def parse_gid(text: str) -> tuple[str, int] | None:
    """Kind and number, or None when the text is no global id."""
    if not text.startswith(PREFIX):
        return None
    kind, _, number = text[len(PREFIX) :].partition("/")
    number = number.partition("?")[0]
    if not number.isdecimal() or len(number) > 19:
        return None
    return kind, int(number)
