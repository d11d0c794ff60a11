"""The shopper's pages: their points, the rewards that points buy, and the invitation that they can pass on."""

from __future__ import annotations

from flask import Blueprint, current_app, g, render_template

import loyalty
from connectors.shopify import PROXY_PATH
from plugin.session import shopper_only

pages = Blueprint("storefront", __name__, url_prefix=PROXY_PATH)


@pages.get("/", strict_slashes=False)
@shopper_only
def points() -> str:
    """The shopper's points, and what they can buy."""
    shopper = g.shopper
    if shopper.customer_id is None:
        return render_template("storefront/points.html", account=None)
    with current_app.extensions["doors"].database.work(shopper.shop.shop_id) as work:
        return render_template("storefront/points.html", account=loyalty.account(work, shopper.customer_id))
