"""The refund body. `refund_line_items[].subtotal` and `.total_tax` are JSON numbers; every other amount is
a string.
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.orders import Refund, RefundedLine
from sandbox.payloads.pieces import MoneyText, text

_REFUND = (
    b'{"id":%(id)d,"order_id":%(order)d,"created_at":%(at)b,"note":%(note)b,"user_id":null,"processed_at":%(at)b,'
    b'"duties":[],"total_duties_set":@Z@,"return":null,"restock":%(restock)b,"refund_shipping_lines":[],'
    b'"admin_graphql_api_id":"gid://shopify/Refund/%(id)d","order_adjustments":[],'
    b'"refund_line_items":[%(lines)b],"transactions":[%(transactions)b]}'
)
_LINE = (
    b'{"id":%d,"quantity":%d,"line_item_id":%d,"location_id":null,"restock_type":"%b","subtotal":%b,"total_tax":0,'
    b'"subtotal_set":%b,"total_tax_set":@Z@,"line_item":%b}'
)
_TRANSACTION = (
    b'{"id":%(id)d,"order_id":%(order)d,"kind":"refund","gateway":"bogus","status":"success","message":"Refund",'
    b'"created_at":%(at)b,"test":%(test)b,"authorization":null,"location_id":null,"user_id":null,'
    b'"parent_id":%(parent)d,"processed_at":%(at)b,"device_id":null,"error_code":null,"source_name":"web",'
    b'"receipt":{},"amount":%(amount)b,"currency":"@C@","payment_id":"#%(number)d.2",'
    b'"total_unsettled_set":@Z@,"manual_payment_gateway":false,"amount_rounding":null,'
    b'"admin_graphql_api_id":"gid://shopify/OrderTransaction/%(id)d"}'
)


class RefundBodies:
    """Renders the refunds of one shop; `line` renders the line item that a refund line names."""

    def __init__(self, money: MoneyText, at: Callable[[float | None], bytes], code: bytes, first_line_id: int) -> None:
        self._money, self._at, self._first_line_id = money, at, first_line_id
        zero = money.bag(0)
        self._refund = _REFUND.replace(b"@Z@", zero)
        self._line = _LINE.replace(b"@Z@", zero)
        # here, and here only, the platform says `currency` where it says `currency_code` everywhere else
        bag = zero.replace(b'"currency_code"', b'"currency"')
        self._transaction = _TRANSACTION.replace(b"@Z@", bag).replace(b"@C@", code)

    def refund(self, refund: Refund, line: Callable[[int], bytes]) -> bytes:
        restock = any(part.restock_type != "no_restock" for part in refund.lines)
        return self._refund % {
            b"id": refund.id,
            b"order": refund.order.id,
            b"at": self._at(refund.created_at),
            b"note": text(refund.note),
            b"restock": b"true" if restock else b"false",
            b"lines": b",".join([self._part(part, line) for part in refund.lines]),
            b"transactions": self._money_back(refund) if refund.amount else b"",
        }

    def _part(self, part: RefundedLine, line: Callable[[int], bytes]) -> bytes:
        number = self._money.text(part.subtotal).strip(b'"')
        bag, kind = self._money.bag(part.subtotal), part.restock_type.encode()
        return self._line % (
            part.id,
            part.quantity,
            self._first_line_id + part.line,
            kind,
            number,
            bag,
            line(part.line),
        )

    def _money_back(self, refund: Refund) -> bytes:
        return self._transaction % {
            b"id": refund.transaction_id,
            b"order": refund.order.id,
            b"at": self._at(refund.created_at),
            b"test": b"true" if refund.order.test else b"false",
            b"parent": refund.order.transaction_id,
            b"amount": self._money.text(refund.amount),
            b"number": refund.order.number,
        }
