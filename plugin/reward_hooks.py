"""Where merchants' own systems are told of rewards to hand over: found for each shop when something is to be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from commerce.ids import ShopId
from commerce.store import HookPort, StoreError
from connectors.hand_over import LIMITS, ShopHook
from connectors.http import HttpSession, public
from engine import reward_hooks
from engine.shops import Seal
from engine.work import Database, refuse_in_transaction


@dataclass(frozen=True, slots=True)
class Hooks:
    """Opens the system of a shop, which lies on the public internet."""

    database: Database
    seal: Seal
    http: HttpSession

    @classmethod
    def of(cls, database: Database, seal: Seal, allowed: Callable[[str], bool] | None = public) -> Hooks:
        # Without the guard an address may also be plain HTTP: nothing that a merchant can say comes here so.
        http = HttpSession(before_request=refuse_in_transaction, allowed=allowed, limits=LIMITS, plain=allowed is None)
        return cls(database, seal, http)

    def __call__(self, shop_id: ShopId) -> HookPort:
        """Raises `StoreError` where nobody is told any more."""
        with self.database.work(shop_id) as work:
            known = reward_hooks.load(work, self.seal)
        if known is None:
            raise StoreError("no address is told of rewards any more: hand it over yourself", permanent=False)
        return ShopHook(self.http, known.address, known.secret, self.database.clock)
