"""The door of each store: a path whose end nobody can guess says which shop posts, and with which secret it signs."""

from __future__ import annotations

import re
from collections.abc import Callable

from commerce.events import Envelope
from commerce.ids import ShopId
from connectors.woocommerce import is_ping, open_envelope
from engine import connections, shops
from plugin.woocommerce.installer import PREFIX, WooInstaller

_END = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
Header = Callable[[str], str | None]


class WooDoor:
    """Finds whose path it is; `plugin.webhooks.WebhookDoor` asks, and remembers the answer for a while."""

    prefix = PREFIX

    def __init__(self, installer: WooInstaller) -> None:
        self._installer = installer

    def find(self, end: str) -> tuple[ShopId, Callable[[Header, bytes], Envelope | None]] | None:
        """The shop, and the check of what is posted for it: None where the store only tries its new webhook."""
        if _END.fullmatch(end) is None:
            return None
        database = self._installer.database
        with database.machine() as connection:
            shop_id = connections.shop_of_path(connection, end)
        if shop_id is None:
            return None
        with database.work(shop_id) as work:
            kept = self._installer.kept(work) if shops.current(work).installed else None
        if kept is None:
            return None
        keys, address = (kept.secret.encode(),), kept.address

        def opened(header: Header, body: bytes) -> Envelope | None:
            return None if is_ping(header, body) else open_envelope(header, body, keys, address)

        return shop_id, opened
