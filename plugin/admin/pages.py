"""The merchant's pages: what arrived, where customers stand, what they have earned. Each page is one unit of work that only reads."""

from __future__ import annotations

from flask import Blueprint, current_app, g, render_template

import lifecycle
import loyalty
from plugin.session import merchant_only

pages = Blueprint("admin", __name__)


@pages.get("/")
@merchant_only
def home() -> str:
    """What the program does for this shop, in numbers."""
    with current_app.extensions["doors"].database.work(g.merchant.shop.shop_id) as work:
        return render_template(
            "admin/home.html", stages=lifecycle.stage_counts(work), points=loyalty.points_outstanding(work)
        )
