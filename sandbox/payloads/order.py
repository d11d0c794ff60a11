"""The order body: one shape for `orders/create`, `paid`, `updated` and `cancelled`, all 93 keys of the
platform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import orjson

from sandbox.discounts import VARIANT_OFFSET
from sandbox.money import Currency
from sandbox.orders import LineTable, Order, Refund
from sandbox.payloads.customer import customer_in_order
from sandbox.payloads.fields import Tree, members, pick, reduced
from sandbox.payloads.pieces import MoneyText, clock_text, text
from sandbox.products import Catalog, Product

# the holes are filled by name: a positional template of sixty holes could not be reviewed
_ORDER = (
    b'{"id":%(id)d,"admin_graphql_api_id":"gid://shopify/Order/%(id)d","app_id":580111,"browser_ip":null,'
    b'"buyer_accepts_marketing":false,"cancel_reason":%(cancel_reason)b,"cancelled_at":%(cancelled_at)b,'
    b'"cart_token":"c1-%(token)b","checkout_token":"%(token)b","client_details":null,"closed_at":null,'
    b'"confirmation_number":"S%(number)d","confirmed":true,"contact_email":%(email)b,"created_at":%(created_at)b,'
    b'"currency":"@C@","current_shipping_price_set":%(shipping_set)b,"current_subtotal_price":%(cur_sub)b,'
    b'"current_subtotal_price_set":%(cur_sub_set)b,"current_total_additional_fees_set":null,'
    b'"current_total_discounts":%(disc)b,"current_total_discounts_set":%(disc_set)b,"current_total_duties_set":null,'
    b'"current_total_price":%(cur_total)b,"current_total_price_set":%(cur_total_set)b,"current_total_tax":@0@,'
    b'"current_total_tax_set":@Z@,"customer_locale":"en","device_id":null,"discount_codes":[%(codes)b],'
    b'"duties_included":false,"email":%(email)b,"estimated_taxes":false,"financial_status":"%(financial)b",'
    b'"fulfillment_status":%(fulfillment)b,"landing_site":%(landing)b,"landing_site_ref":%(landing_ref)b,'
    b'"location_id":null,"merchant_business_entity_id":"MTU0ODM4MDAwOQ","merchant_of_record_app_id":null,'
    b'"name":"#%(number)d","note":%(note)b,"note_attributes":[%(attributes)b],"number":%(place)d,'
    b'"order_number":%(number)d,"order_status_url":"https://@D@/orders/%(token)b/authenticate?key=sandbox",'
    b'"original_total_additional_fees_set":null,"original_total_duties_set":null,'
    b'"payment_gateway_names":%(gateways)b,"phone":null,"po_number":null,"presentment_currency":"@C@",'
    b'"processed_at":%(processed_at)b,"reference":null,"referring_site":%(referring)b,"source_identifier":null,'
    b'"source_name":"%(source)b","source_url":null,"subtotal_price":%(sub)b,"subtotal_price_set":%(sub_set)b,'
    b'"tags":%(tags)b,"tax_exempt":false,"tax_lines":[],"taxes_included":false,"test":%(test)b,"token":"%(token)b",'
    b'"total_cash_rounding_payment_adjustment_set":@Z@,"total_cash_rounding_refund_adjustment_set":@Z@,'
    b'"total_discounts":%(disc)b,"total_discounts_set":%(disc_set)b,"total_line_items_price":%(lines_price)b,'
    b'"total_line_items_price_set":%(lines_price_set)b,"total_outstanding":%(outstanding)b,'
    b'"total_price":%(total)b,"total_price_set":%(total_set)b,"total_shipping_price_set":%(shipping_set)b,'
    b'"total_tax":@0@,"total_tax_set":@Z@,"total_tip_received":@0@,"total_weight":0,"updated_at":%(updated_at)b,'
    b'"user_id":null,"billing_address":null,"customer":%(customer)b,"discount_applications":[%(applications)b],'
    b'"fulfillments":[],"line_items":[%(lines)b],"payment_terms":null,"refunds":[%(refunds)b],'
    b'"shipping_address":null,"shipping_lines":[%(shipping_lines)b],"returns":[],"line_item_groups":[]}'
)
_LINE = (
    b'{"id":%d,"admin_graphql_api_id":"gid://shopify/LineItem/%d","current_quantity":%d,"fulfillable_quantity":%d,'
    b'"quantity":%d,"price":%b,"price_set":%b,"discount_allocations":[%b],%b'
)
# the rest of a line is the product's; `total_discount` is for line-level discounts, which the sandbox has not
_LINE_REST = (
    b'"attributed_staffs":[],"fulfillment_service":"manual","fulfillment_status":null,"gift_card":%b,"grams":0,'
    b'"name":%b,"product_exists":true,"product_id":%d,"properties":[],"requires_shipping":true,'
    b'"sales_line_item_group_id":null,"sku":%b,"taxable":true,"title":%b,"total_discount":@0@,'
    b'"total_discount_set":@Z@,"variant_id":%d,"variant_inventory_management":null,"variant_title":null,'
    b'"vendor":null,"tax_lines":[],"duties":[]}'
)
_ALLOCATION = b'{"amount":%b,"amount_set":%b,"discount_application_index":0}'
_CODE = b'{"code":%b,"amount":%b,"type":"%b"}'
_APPLICATION = (
    b'{"target_type":"%b","type":"discount_code","value":%b,"value_type":"%b",'
    b'"allocation_method":"across","target_selection":"all","code":%b}'
)
_SHIPPING = (
    b'{"id":%d,"carrier_identifier":null,"code":"Standard","current_discounted_price_set":%b,"discounted_price":%b,'
    b'"discounted_price_set":%b,"is_removed":false,"phone":null,"price":%b,"price_set":%b,'
    b'"requested_fulfillment_service_id":null,"source":"shopify","title":"Standard","tax_lines":[],'
    b'"discount_allocations":[%b]}'
)
# about ten megabytes of lines that may come again
PLAIN_LINES = 40_000


class OrderBodies:
    """Renders the orders of one shop."""

    def __init__(
        self,
        *,
        currency: Currency,
        zone: ZoneInfo,
        domain: str,
        catalog: Catalog,
        lines: LineTable,
        first_line_id: int,
        first_shipping_id: int,
        refund_body: Callable[[Refund], bytes],
        fields: Tree | None = None,
    ) -> None:
        self.money = MoneyText(currency)
        self.at = clock_text(zone)
        self.code = currency.code.encode()
        self._catalog, self._lines = catalog, lines
        self._first_line_id, self._first_shipping_id = first_line_id, first_shipping_id
        self._refund_body = refund_body
        self._order = self._constant(_ORDER, domain)
        self._line_rest = self._constant(_LINE_REST, domain)
        self._line = b""
        self._customer_fields = fields.get("customer") if fields else None
        self._product_parts: dict[int, bytes] = {}
        self._plain_lines: dict[tuple[int, int, int], bytes] = {}
        self._repeats = False
        if fields is not None:
            self._reduce(fields)

    def _reduce(self, fields: Tree) -> None:
        """Write only what is asked for: the templates shrink, and nothing is rendered to be thrown away."""
        self._order = reduced(self._order, fields)
        if (asked := fields.get("line_items")) is not None:
            names = [name for name, _ in members(_LINE.replace(b",%b", b"}"))]
            chosen = [place for place, name in enumerate(names) if name in asked]
            # Without its own numbers, a line of the same goods, price and quantity is the same bytes again.
            self._repeats = not set(asked) & {"id", "admin_graphql_api_id", "current_quantity", "fulfillable_quantity"}
            self._chosen = itemgetter(*chosen, -1) if chosen else itemgetter(-1)
            self._line_fields = asked
            self._line = reduced(_LINE.replace(b",%b", b"}"), asked)[:-1] + (b",%b" if chosen else b"%b")
            self.line = self._short_line  # type: ignore[method-assign]

    def _constant(self, template: bytes, domain: str) -> bytes:
        template = template.replace(b"@C@", self.code).replace(b"@D@", domain.encode())
        return template.replace(b"@0@", self.money.text(0)).replace(b"@Z@", self.money.bag(0))

    def order(self, order: Order) -> bytes:
        """The order as it is now."""
        return self._order % (self._who_and_when(order) | self._sums(order) | self._parts(order))

    def _who_and_when(self, order: Order) -> dict[bytes, object]:
        at = self.at
        return {
            b"id": order.id,
            b"token": order.token.encode(),
            b"number": order.number,
            b"place": order.place + 1,
            b"email": text(order.email),
            b"customer": pick(customer_in_order(order.customer, self.code, at), self._customer_fields),
            b"created_at": at(order.created_at),
            b"processed_at": at(order.processed_at),
            b"updated_at": at(order.updated_at),
            b"cancelled_at": at(order.cancelled_at),
            b"cancel_reason": text(order.cancel_reason),
            b"financial": order.financial_status.encode(),
            b"fulfillment": text(order.fulfillment_status),
            b"landing": text(order.landing_site),
            b"landing_ref": text(landing_ref(order.landing_site)),
            b"referring": text(order.referring_site),
            b"note": text(order.note),
            b"source": order.source_name.encode(),
            b"tags": text(", ".join(order.tags)),
            b"test": b"true" if order.test else b"false",
            b"gateways": orjson.dumps(list(dict.fromkeys(name for name, _ in order.gateways))),
        }

    def _sums(self, order: Order) -> dict[bytes, object]:
        money, bag = self.money.text, self.money.bag
        total, goods = order.total, order.subtotal + order.discounts
        now_sub = order.subtotal - order.returned_worth if order.refunds else order.subtotal
        now_total = max(total - order.refunded, 0) if order.refunds else total
        return {
            b"sub": money(order.subtotal),
            b"sub_set": bag(order.subtotal),
            b"total": money(total),
            b"total_set": bag(total),
            b"cur_sub": money(now_sub),
            b"cur_sub_set": bag(now_sub),
            b"cur_total": money(now_total),
            b"cur_total_set": bag(now_total),
            b"disc": money(order.discounts + order.shipping_off),
            b"disc_set": bag(order.discounts + order.shipping_off),
            b"lines_price": money(goods),
            b"lines_price_set": bag(goods),
            b"shipping_set": bag(order.shipping),
            b"outstanding": money(0 if order.paid or order.cancelled_at else total),
        }

    def _parts(self, order: Order) -> dict[bytes, object]:
        money, codes = self.money.text, order.codes
        return {
            b"lines": b",".join([self.line(place) for place in order.lines]),
            b"refunds": b",".join([self._refund_body(refund) for refund in order.refunds]),
            b"codes": b",".join([_CODE % (text(c.code), money(c.amount), c.kind.encode()) for c in codes]),
            b"applications": b",".join([self._application(c.code, c.kind, c.value) for c in codes]),
            b"attributes": attributes(order.attributes),
            b"shipping_lines": self._shipping(order) if order.shipping or order.shipping_off else b"",
        }

    def _application(self, code: str, kind: str, value: str) -> bytes:
        target, worth = (b"shipping_line", b"percentage") if kind == "shipping" else (b"line_item", kind.encode())
        return _APPLICATION % (target, text(value), worth, text(code))

    def _shipping(self, order: Order) -> bytes:
        text, bag, before = self.money.text, self.money.bag, order.shipping + order.shipping_off
        shared = _ALLOCATION % (text(order.shipping_off), bag(order.shipping_off)) if order.shipping_off else b""
        now = (bag(order.shipping), text(order.shipping), bag(order.shipping))
        return _SHIPPING % (self._first_shipping_id + order.place, *now, text(before), bag(before), shared)

    def line_id(self, place: int) -> int:
        return self._first_line_id + place

    def line(self, place: int) -> bytes:
        """One line item; `current_quantity` is what has not been returned."""
        lines = self._lines
        number, quantity = self._first_line_id + place, lines.quantity[place]
        left = quantity - lines.returned[place]
        price, product = lines.price[place], self._catalog[lines.product[place]]
        discount = lines.discount[place]
        shared = _ALLOCATION % (self.money.text(discount), self.money.bag(discount)) if discount else b""
        rest = product.line_json or self._product_part(product)
        return _LINE % (
            number,
            number,
            left,
            left,
            quantity,
            self.money.text(price),
            self.money.bag(price),
            shared,
            rest,
        )

    def _short_line(self, place: int) -> bytes:
        """A line item with the members that are asked for."""
        lines = self._lines
        quantity, price = lines.quantity[place], lines.price[place]
        plain = (lines.product[place], quantity, price) if self._repeats and not lines.discount[place] else None
        if plain is not None and (known := self._plain_lines.get(plain)) is not None:
            return known
        number = self._first_line_id + place
        left, discount = quantity - lines.returned[place], lines.discount[place]
        money, bag = self.money.text, self.money.bag
        shared = _ALLOCATION % (money(discount), bag(discount)) if discount else b""
        part = self._product_parts.get(lines.product[place])
        if part is None:
            product = self._catalog[lines.product[place]]
            whole = b"{" + (product.line_json or self._product_part(product))
            part = self._product_parts[lines.product[place]] = pick(whole, self._line_fields)[1:]
        line: bytes = self._line % self._chosen(
            (number, number, left, left, quantity, money(price), bag(price), shared, part)
        )
        if plain is not None and len(self._plain_lines) < PLAIN_LINES:
            self._plain_lines[plain] = line
        return line

    def _product_part(self, product: Product) -> bytes:
        title, gift = text(product.title), b"true" if product.gift_card else b"false"
        values = (gift, title, product.id, text(product.sku), title, product.id + VARIANT_OFFSET)
        product.line_json = self._line_rest % values
        return product.line_json


def landing_ref(landing_site: str | None) -> str | None:
    """The `ref` of the landing address, as the platform reads it out of the query."""
    if not landing_site or "?" not in landing_site:
        return None
    query = parse_qs(landing_site.partition("?")[2])
    return next((query[name][0] for name in ("ref", "source", "r") if name in query), None)


def attributes(pairs: Iterable[tuple[str, str]]) -> bytes:
    """`note_attributes`: the cart's attributes as name and value."""
    return b",".join([orjson.dumps({"name": name, "value": value}) for name, value in pairs])
