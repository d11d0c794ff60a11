"""Where the traits that lifecycle and the mirror know stand: a SELECT for each table that has them.

`loyalty` and `referral` hand in theirs; here is what this domain may read itself. Orders count as everywhere: paid, not
cancelled, no test, with goods kept.
"""

from __future__ import annotations

from commerce.sayings import say
from commerce.traits import Kind, Source, Trait
from lifecycle.rules import STAGES
from lifecycle.rules.stages import NAMES

_COUNTS = "o.paid AND o.cancelled_at IS NULL AND NOT o.test AND o.goods_minor > o.refunded_minor"
# Another currency's amounts say nothing beside the shop's own.
_OWN_MONEY = "o.currency = (SELECT s.currency FROM shops s WHERE s.shop_id = :shop_id)"

_STAGE = say("Stage")
_ORDERS = say("Orders")
_GOODS = say("Products")
_CONTACT = say("Contact")

STANDINGS = Source(
    """
    SELECT s.customer_id, s.stage, s.since, s.orders, s.referrals, s.first_order_at, s.last_order_at
    FROM standings s WHERE s.shop_id = :shop_id AND s.customer_id {among}
    """,
    (
        Trait("stage", say("stage"),
              say("Where the customer stands in the lifecycle."),
              Kind.CHOICE, _STAGE, "stage", tuple((str(stage), NAMES[stage]) for stage in STAGES)),
        Trait("since", say("entered the stage"),
              say("When the stage of now began."),
              Kind.INSTANT, _STAGE, "since"),
        Trait("orders", say("number of orders"),
              say("Orders that count: paid, not cancelled, no test, with goods kept."),
              Kind.NUMBER, _ORDERS, "orders", absent=0),
        Trait("referrals", say("friends brought"),
              say("Friends whose first order was the customer's doing."),
              Kind.NUMBER, say("Referral"), "referrals", absent=0),
        Trait("first_order_at", say("first order"),
              say("When the first order that counts was placed."),
              Kind.INSTANT, _ORDERS, "first_order_at"),
        Trait("last_order_at", say("last order"),
              say("When the last order that counts was placed."),
              Kind.INSTANT, _ORDERS, "last_order_at"),
    ),
    news="SELECT customer_id FROM standings WHERE shop_id = :shop_id AND settled_at > :since LIMIT :limit",
)  # fmt: skip

SPENDING = Source(
    f"""
    SELECT o.customer_id, sum(o.goods_minor - o.refunded_minor) AS spent,
           sum(o.goods_minor - o.refunded_minor) / count(*) AS average, max(o.goods_minor - o.refunded_minor) AS dearest
    FROM orders o WHERE o.shop_id = :shop_id AND o.customer_id {{among}} AND {_COUNTS} AND {_OWN_MONEY} GROUP BY 1
    """,
    (
        Trait("spent", say("spent"),
              say("Goods kept of all orders that count, after discounts and returns, before tax and "
                  "shipping, in the shop's currency."),
              Kind.MONEY, _ORDERS, "spent", absent=0),
        Trait("average_order", say("average order"),
              say("Spent, divided by the orders that count."),
              Kind.MONEY, _ORDERS, "average"),
        Trait("dearest_order", say("dearest order"),
              say("The most that was kept of one order."),
              Kind.MONEY, _ORDERS, "dearest"),
    ),
)  # fmt: skip

_IN_WINDOW = f"o.shop_id = :shop_id AND o.customer_id {{among}} AND o.placed_at >= {{since}} AND {_COUNTS}"

ORDERS_IN = Source(
    f"SELECT o.customer_id, count(*) AS times FROM orders o WHERE {_IN_WINDOW} GROUP BY 1",
    (
        Trait("orders_in", say("orders within a time"),
              say("Orders that count and were placed within so many days."),
              Kind.TIMES, _ORDERS, "times"),
    ),
)  # fmt: skip
BY_CODE = Source(
    f"""
    SELECT o.customer_id, count(DISTINCT o.order_id) AS times
    FROM order_codes d JOIN orders o ON o.shop_id = d.shop_id AND o.order_id = d.order_id
    WHERE d.shop_id = :shop_id AND d.code = ANY({{items}}) AND {_IN_WINDOW} GROUP BY 1
    """,
    (
        Trait("used_code", say("orders with a discount code"),
              say("Orders that count and bear one of these codes."),
              Kind.TIMES, _ORDERS, "times", counts="code"),
    ),
)  # fmt: skip
BY_CHANNEL = Source(
    f"""
    SELECT o.customer_id, count(*) AS times FROM orders o WHERE o.channel = ANY({{items}}) AND {_IN_WINDOW} GROUP BY 1
    """,
    (
        Trait("by_channel", say("orders by channel"),
              say("Orders that count, of these channels: online, pos (at a counter), draft (typed in by staff)."),
              Kind.TIMES, _ORDERS, "times",
              (("online", say("online")), ("pos", say("at a counter")), ("draft", say("typed in by staff"))),
              counts="channel"),
    ),
)  # fmt: skip


COUNTRY = Source(
    """
    SELECT DISTINCT ON (o.customer_id) o.customer_id, o.country FROM orders o
    WHERE o.shop_id = :shop_id AND o.customer_id {among} AND o.country IS NOT NULL
    ORDER BY o.customer_id, o.placed_at DESC, o.order_id DESC
    """,
    (
        Trait("country", say("country"),
              say("Where the goods of the newest order went, or its bill: two capital letters, such as RO. "
                  "Known where the store lets us read addresses."),
              Kind.CHOICE, _ORDERS, "country"),
    ),
)  # fmt: skip


def _bought(key: str, name: str, column: str, counts: str, means: str) -> Source:
    return Source(
        f"""
        SELECT o.customer_id, count(DISTINCT o.order_id) AS times
        FROM order_lines l JOIN orders o ON o.shop_id = l.shop_id AND o.order_id = l.order_id
        WHERE l.shop_id = :shop_id AND l.{column} = ANY({{items}}) AND NOT l.gift_card AND {_IN_WINDOW} GROUP BY 1
        """,
        (
            Trait(key, name, means, Kind.TIMES, _GOODS, "times", counts=counts),
        ),
    )  # fmt: skip


CONTACT = Source(
    """
    SELECT c.customer_id, coalesce(c.created_at, c.observed_at) AS known_since, c.email IS NOT NULL AS reachable,
           starts_with(c.external_id, 'guest:') AS guest
    FROM customers c WHERE c.shop_id = :shop_id AND c.customer_id {among}
    """,
    (
        Trait("known_since", say("known since"),
              say("When the customer became known to the store."),
              Kind.INSTANT, _CONTACT, "known_since"),
        Trait("has_email", say("has an e-mail address"),
              say("The store has told us an e-mail address."),
              Kind.FLAG, _CONTACT, "reachable"),
        Trait("guest", say("is a guest"),
              say("Known only by an order, without an account in the store."),
              Kind.FLAG, _CONTACT, "guest"),
    ),
)  # fmt: skip

_CONSENTS = (
    ("subscribed", say("subscribed")), ("not_subscribed", say("not subscribed")),
    ("pending", say("asked, and not confirmed")), ("unsubscribed", say("unsubscribed")), ("redacted", say("erased")),
    ("invalid", say("not deliverable")),
)  # fmt: skip
FACTS = Source(
    """
    SELECT c.customer_id, max(f.value #>> '{{}}') FILTER (WHERE f.fact = 'consent:email') AS email,
           max(f.value #>> '{{}}') FILTER (WHERE f.fact = 'consent:sms') AS sms,
           max(f.value #>> '{{}}') FILTER (WHERE f.fact = 'account') AS account
    FROM customers c JOIN customer_facts f ON f.shop_id = c.shop_id AND f.customer_external_id = c.external_id
    WHERE c.shop_id = :shop_id AND c.customer_id {among}
      AND f.fact IN ('consent:email', 'consent:sms', 'account')
    GROUP BY 1
    """,
    (
        Trait("email_consent", say("consent to e-mail"),
              say("The store's last word on marketing by e-mail."),
              Kind.CHOICE, _CONTACT, "email", _CONSENTS),
        Trait("sms_consent", say("consent to text messages"),
              say("The store's last word on marketing by text message."),
              Kind.CHOICE, _CONTACT, "sms", _CONSENTS),
        Trait("account", say("account"),
              say("Whether the customer's account in the store works."),
              Kind.CHOICE, _CONTACT, "account", (("enabled", say("works")), ("disabled", say("does not work")))),
    ),
)  # fmt: skip
TAGGED = Source(
    """
    SELECT c.customer_id, count(*) AS times
    FROM customers c JOIN customer_facts f ON f.shop_id = c.shop_id AND f.customer_external_id = c.external_id
    WHERE c.shop_id = :shop_id AND c.customer_id {among} AND f.fact = ANY(
        SELECT 'tag:' || lower(i) FROM unnest(CAST({items} AS text[])) AS i)
      AND f.value = 'true' AND f.said_at >= {since} GROUP BY 1
    """,
    (
        Trait("tagged", say("tags of the store"),
              say("How many of these tags the customer bears in the store. Tags that were put on before the "
                  "app was installed are not known here."),
              Kind.TIMES, _CONTACT, "times", counts="tag"),
    ),
)  # fmt: skip
CHECKOUTS = Source(
    """
    SELECT k.customer_id, max(k.active_at) AS left_at FROM checkouts k
    WHERE k.shop_id = :shop_id AND k.customer_id {among} AND k.completed_at IS NULL GROUP BY 1
    """,
    (
        Trait("left_checkout", say("left a checkout"),
              say("When a checkout that became no order was last touched; kept for two months."),
              Kind.INSTANT, _ORDERS, "left_at"),
    ),
)  # fmt: skip

WON_BACK = Source(
    """
    SELECT s.customer_id, s.won_back_at FROM standings s WHERE s.shop_id = :shop_id AND s.customer_id {among}
    """,
    (
        Trait("won_back_at", say("was won back"),
              say("When the customer last bought again after having lapsed."),
              Kind.INSTANT, _STAGE, "won_back_at"),
    ),
)  # fmt: skip

_SCORES = tuple((str(score), str(score)) for score in range(1, 6))
_VALUE = say("Value")

VALUES = Source(
    """
    SELECT v.customer_id, CAST(v.r AS text) AS r, CAST(v.f AS text) AS f, CAST(v.m AS text) AS m, v.rfm_group, v.buys,
           v.churn, v.next_order_at, v.historic_minor, v.predicted_minor
    FROM customer_values v WHERE v.shop_id = :shop_id AND v.customer_id {among}
    """,
    (
        Trait("rfm_group", say("group by recency, frequency and money"),
              say("What the customer's three scores make, such as champions or at_risk; the page Value names "
                  "them."),
              Kind.CHOICE, _VALUE, "rfm_group"),
        Trait("r", say("score of recency"),
              say("From 1, long ago, to 5, lately."),
              Kind.CHOICE, _VALUE, "r", _SCORES),
        Trait("f", say("score of frequency"),
              say("From 1, once, to 5, as often as few others."),
              Kind.CHOICE, _VALUE, "f", _SCORES),
        Trait("m", say("score of money"),
              say("From 1, little, to 5, as much as few others."),
              Kind.CHOICE, _VALUE, "m", _SCORES),
        Trait("buys", say("chance of an order"),
              say("The chance that the customer orders within the horizon of the page Value."),
              Kind.PERCENT, _VALUE, "buys"),
        Trait("churn", say("chance of no order"),
              say("The chance that the customer does not order within the horizon of the page Value."),
              Kind.PERCENT, _VALUE, "churn"),
        Trait("next_order_at", say("expected next order"),
              say("When the next order is expected."),
              Kind.INSTANT, _VALUE, "next_order_at"),
        Trait("historic_value", say("worth so far"),
              say("What the customer has brought so far, as the page Value reckons it."),
              Kind.MONEY, _VALUE, "historic_minor"),
        Trait("predicted_value", say("worth to come"),
              say("What the customer is expected to bring within the horizon of the page Value, at its "
                  "margin and discounted."),
              Kind.MONEY, _VALUE, "predicted_minor"),
    ),
)  # fmt: skip

OWN = (
    STANDINGS, WON_BACK, VALUES, SPENDING, ORDERS_IN, BY_CODE, BY_CHANNEL, COUNTRY,
    _bought("bought_product", say("orders of a product"), "product_id", "product",
            say("Orders that count, with a line of one of these products.")),
    _bought("bought_variant", say("orders of a variant"), "variant_id", "variant",
            say("Orders that count, with a line of one of these variants.")),
    _bought("bought_vendor", say("orders of a maker"), "vendor", "maker",
            say("Orders that count, with a line of one of these makers.")),
    CONTACT, FACTS, TAGGED, CHECKOUTS,
)  # fmt: skip
