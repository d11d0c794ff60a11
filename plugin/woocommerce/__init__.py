"""Stores on WooCommerce: how their merchants connect them and come back (`pages`), what is kept of a connection
(`installer`), the door for what each store posts (`door`), and the daily look at its webhooks (`watch`).
"""

from __future__ import annotations

from plugin.woocommerce.door import WooDoor
from plugin.woocommerce.installer import PLATFORM, NeedsHttps, WooInstaller, home
from plugin.woocommerce.pages import pages
from plugin.woocommerce.watch import Watch

__all__ = ["PLATFORM", "NeedsHttps", "Watch", "WooDoor", "WooInstaller", "home", "pages"]
