"""Shops: who installed the app, with which credentials, and whether their store answers just now.

Credentials are sealed with `Seal` before they reach the database: a dump of it opens nobody's store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, text

from commerce.events import ShopChanged
from commerce.ids import ShopId
from commerce.store import ShopDetails
from engine import shoppers
from engine.work import UnitOfWork

# A store that answers nobody is asked again after this long, unless it says when.
CLOSED_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant's store as we hold it: the tenant."""

    shop_id: ShopId
    platform: str
    domain: str
    name: str
    currency: str
    timezone: str
    installed_at: datetime
    uninstalled_at: datetime | None
    reconciled_to: datetime
    closed_until: datetime | None = None
    """Until then the store is not asked: it answers nobody just now."""
    closed_reason: str | None = None
    scopes: tuple[str, ...] | None = None
    """What the merchant granted us, in the platform's words; None until the platform said."""
    vouched_at: datetime | None = None
    """When the platform last vouched for somebody of the shop's staff, to a minute: the app was installed then."""
    country: str | None = None
    """Where the shop stands, as two letters; None where its platform's orders say that themselves."""
    unwell_reason: str | None = None
    """What was the matter when the store was last asked for its orders; it goes on being asked."""
    unwell_since: datetime | None = None

    @property
    def installed(self) -> bool:
        return self.uninstalled_at is None


_COLUMNS = (
    "shop_id, platform, domain, name, currency, timezone, installed_at, uninstalled_at, reconciled_to, "
    "closed_until, closed_reason, scopes, vouched_at, country, unwell_reason, unwell_since"
)
_BY_DOMAIN = text(f"SELECT {_COLUMNS} FROM shops WHERE platform = :platform AND domain = :domain")
_BY_FORMER_DOMAIN = text(f"""
    SELECT {_COLUMNS} FROM shops WHERE shop_id IN (
        SELECT shop_id FROM former_domains WHERE platform = :platform AND domain = :domain)
""")
_BY_ID = text(f"SELECT {_COLUMNS} FROM shops WHERE shop_id = :shop_id")
_INSTALLED = text(f"SELECT {_COLUMNS} FROM shops WHERE uninstalled_at IS NULL ORDER BY shop_id")
_INSTALL = text(f"""
    INSERT INTO shops (platform, domain, installed_at, reconciled_to) VALUES (:platform, :domain, :now, :now)
    ON CONFLICT (platform, domain) DO UPDATE
        SET installed_at = CASE WHEN shops.uninstalled_at IS NULL THEN shops.installed_at ELSE excluded.installed_at
            END,
            uninstalled_at = NULL, closed_until = NULL, closed_reason = NULL, scopes = NULL, scopes_at = NULL,
            unwell_reason = NULL, unwell_since = NULL
    RETURNING {_COLUMNS}
""")
_DESCRIBE = text("""
    UPDATE shops SET external_id = :external_id, name = :name, currency = :currency, timezone = :timezone
        WHERE shop_id = :shop_id
""")
# The store's newest word of itself; a domain that it leaves stays known, for deliveries that are under way.
_HEARD = text("""
    UPDATE shops SET name = :name, currency = :currency, timezone = coalesce(nullif(:timezone, ''), timezone),
                     external_id = :external_id, domain = coalesce(:domain, domain), described_at = :at
    WHERE shop_id = :shop_id AND (described_at IS NULL OR described_at < :at)
""")
_KEEP_DOMAIN = text("""
    INSERT INTO former_domains (shop_id, platform, domain)
    SELECT shop_id, platform, domain FROM shops WHERE shop_id = :shop_id AND domain <> :domain
      AND (described_at IS NULL OR described_at < :at)
    ON CONFLICT DO NOTHING
""")
_UNINSTALL = text("""
    UPDATE shops SET uninstalled_at = :at
    WHERE shop_id = :shop_id AND uninstalled_at IS NULL AND installed_at <= :at
      AND (vouched_at IS NULL OR vouched_at < :at)
    RETURNING shop_id
""")
_FORGET_REVOKED = text("DELETE FROM shop_credentials WHERE shop_id = :shop_id AND updated_at <= :at")
_VOUCH = text("""
    UPDATE shops SET vouched_at = :at WHERE shop_id = :shop_id AND (vouched_at IS NULL OR vouched_at < :at)
""")
_FORGET_CREDENTIALS = text("DELETE FROM shop_credentials WHERE shop_id = :shop_id")
_SAVE_CREDENTIALS = text("""
    INSERT INTO shop_credentials (shop_id, sealed, updated_at) VALUES (:shop_id, :sealed, :now)
    ON CONFLICT (shop_id) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at
""")
_LOAD_CREDENTIALS = text("SELECT sealed FROM shop_credentials WHERE shop_id = :shop_id")
_CLOSE = text("UPDATE shops SET closed_until = :until, closed_reason = :reason WHERE shop_id = :shop_id")
_OPEN = text("""
    UPDATE shops SET closed_until = NULL, closed_reason = NULL WHERE shop_id = :shop_id AND closed_until IS NOT NULL
""")
# Word of an earlier grant may come after that of a later one.
_GRANT = text("""
    UPDATE shops SET scopes = :scopes, scopes_at = :at
    WHERE shop_id = :shop_id AND (scopes_at IS NULL OR scopes_at <= :at) RETURNING shop_id
""")
_UNWELL = text("""
    UPDATE shops SET unwell_reason = :reason, unwell_since = coalesce(unwell_since, :now) WHERE shop_id = :shop_id
""")
_WELL = text("""
    UPDATE shops SET unwell_reason = NULL, unwell_since = NULL WHERE shop_id = :shop_id AND unwell_since IS NOT NULL
""")
_STANDS_IN = text("UPDATE shops SET country = nullif(:country, '') WHERE shop_id = :shop_id")
_LEAVE_DOMAIN = text("""
    INSERT INTO former_domains (shop_id, platform, domain)
    SELECT shop_id, platform, domain FROM shops WHERE shop_id = :shop_id ON CONFLICT DO NOTHING
""")
_MOVE = text("UPDATE shops SET domain = :domain WHERE shop_id = :shop_id")
_RECONCILED = text("UPDATE shops SET reconciled_to = greatest(reconciled_to, :to) WHERE shop_id = :shop_id")
_ERASING = text("SELECT set_config('app.erasing_shop', CAST(CAST(:shop_id AS bigint) AS text), true)")
# Children before parents where no foreign key cascades; what hangs on orders and customers goes with them.
_ERASE = tuple(
    text(f"DELETE FROM {table} WHERE shop_id = :shop_id")
    for table in (
        "deliveries",
        "effects",
        "refunds",
        "order_lines",
        "orders",
        "customers",
        "claim_notes",
        "shops",
    )
)


def _shop(row: Any) -> Shop:
    facts = dict(row._mapping)
    if facts["scopes"] is not None:
        facts["scopes"] = tuple(facts["scopes"])
    return Shop(**facts)


def find(connection: Connection, platform: str, domain: str) -> Shop | None:
    """The shop of a store's address.

    For machine transactions: the address is how a request says which shop it is about.
    """
    named = {"platform": platform, "domain": domain}
    row = connection.execute(_BY_DOMAIN, named).one_or_none()
    row = row or connection.execute(_BY_FORMER_DOMAIN, named).one_or_none()
    return _shop(row) if row else None


def at(connection: Connection, platform: str, domain: str) -> Shop | None:
    """The shop that has this very address now: one that left it does not count, somebody else may have it today."""
    row = connection.execute(_BY_DOMAIN, {"platform": platform, "domain": domain}).one_or_none()
    return _shop(row) if row else None


def numbered(connection: Connection, shop_id: ShopId) -> Shop | None:
    """The shop of that number, if there still is one. For machine transactions: a session says which shop it is of."""
    row = connection.execute(_BY_ID, {"shop_id": shop_id}).one_or_none()
    return _shop(row) if row else None


def installed(connection: Connection) -> list[Shop]:
    return [_shop(row) for row in connection.execute(_INSTALLED)]


def install(connection: Connection, platform: str, domain: str, now: datetime) -> Shop:
    """Record an installation, first or repeated. A reinstallation opens the same shop again, with its history."""
    return _shop(connection.execute(_INSTALL, {"platform": platform, "domain": domain, "now": now}).one())


def current(work: UnitOfWork) -> Shop:
    row = work.row(_BY_ID)
    assert row is not None, "a unit of work is of a shop that exists"
    return _shop(row)


def describe(work: UnitOfWork, details: ShopDetails) -> None:
    """Keep what the store says of itself; amounts of this shop are in its currency from now on."""
    work.run(
        _DESCRIBE,
        external_id=details.external_id,
        name=details.name,
        currency=details.currency,
        timezone=details.timezone,
    )


def stands_in(work: UnitOfWork, country: str) -> None:
    """Keep where the shop is, as two letters; empty where the store does not say."""
    work.run(_STANDS_IN, country=country)


def move(work: UnitOfWork, domain: str) -> None:
    """The shop's store has another address from now on; the old one stays known."""
    work.run(_LEAVE_DOMAIN)
    work.run(_MOVE, domain=domain)


def heard(work: UnitOfWork, event: ShopChanged) -> None:
    """Keep what the store says of itself unless it has said something newer. Its domain may have changed."""
    if event.domain is not None:
        work.run(_KEEP_DOMAIN, domain=event.domain, at=event.at)
    details = event.details
    work.run(
        _HEARD, name=details.name, currency=details.currency, timezone=details.timezone,
        external_id=details.external_id, domain=event.domain, at=event.at,
    )  # fmt: skip


def uninstall(work: UnitOfWork, at: datetime) -> bool:
    """Note that the merchant removed the app at `at`; False when a newer installation has overtaken this late word.

    We may not have noticed that one: to us it looks like any other visit. But the platform vouches for visitors of
    installed apps only, and what it granted before the removal is worth nothing.
    """
    if work.row(_UNINSTALL, at=at) is None:
        work.run(_FORGET_REVOKED, at=at)
        return False
    work.run(_FORGET_CREDENTIALS)
    shoppers.end_everybody_s(work)
    return True


def vouch(work: UnitOfWork, at: datetime) -> None:
    """The platform vouched at `at` for somebody of the shop's staff."""
    work.run(_VOUCH, at=at)


def close_for_now(work: UnitOfWork, reason: str, retry_after: float | None) -> None:
    """The store answers nobody: let all its effects wait, instead of asking it for each."""
    wait = timedelta(seconds=retry_after) if retry_after else CLOSED_FOR
    work.run(_CLOSE, until=work.now + wait, reason=reason)


def open_again(work: UnitOfWork) -> None:
    """Something changed that may have been the trouble: ask the store at once, whatever it said before."""
    work.run(_OPEN)


def unwell(work: UnitOfWork, reason: str) -> None:
    """The store did not answer as it should; it may well by itself, and is asked again as ever."""
    work.run(_UNWELL, reason=reason[:500], now=work.now)


def well(work: UnitOfWork) -> None:
    """The store answered as it should."""
    work.run(_WELL)


def grant(work: UnitOfWork, scopes: Sequence[str], at: datetime) -> bool:
    """Note what the merchant grants us since `at`, all of it; False when a newer word was there already."""
    if work.row(_GRANT, scopes=list(scopes), at=at) is None:
        return False
    open_again(work)
    return True


def reconciled_to(work: UnitOfWork, instant: datetime) -> None:
    work.run(_RECONCILED, to=instant)


def erase(work: UnitOfWork) -> None:
    """Delete the shop and every row of it.

    For the platform's shop-erasure request, 48 hours after an uninstallation.
    """
    work.run(_ERASING)
    for statement in _ERASE:
        work.run(statement)


class Seal:
    """Seals credentials with the newest key and opens them with any key of the ring, so that keys can be rotated.

    The shop's id is sealed in beside the secret: a row copied onto another shop does not open.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        ring = [Fernet(key) for key in keys]
        self._newest, self._fernet = ring[0], MultiFernet(ring)

    def close(self, shop_id: ShopId, secret: dict[str, object]) -> bytes:
        return self._fernet.encrypt(orjson.dumps({"shop": shop_id, "secret": secret}))

    def open(self, shop_id: ShopId, sealed: bytes) -> dict[str, object] | None:
        """The secret, or None where it was sealed with a key that we no longer have: the shop must sign in again."""
        try:
            content = orjson.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            return None
        return content["secret"] if content["shop"] == shop_id else None

    def is_newest(self, sealed: bytes) -> bool:
        """Whether `sealed` was sealed with the newest key."""
        try:
            self._newest.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def again(self, sealed: bytes) -> bytes | None:
        """The same secret sealed with the newest key; None where no key of the ring opens it."""
        try:
            return self._fernet.rotate(sealed)
        except InvalidToken:
            return None


def save_credentials(work: UnitOfWork, seal: Seal, secret: dict[str, object] | None) -> None:
    """Keep the shop's credentials sealed; None forgets them."""
    if secret is None:
        work.run(_FORGET_CREDENTIALS)
    else:
        work.run(_SAVE_CREDENTIALS, sealed=seal.close(work.shop_id, secret), now=work.now)


def load_credentials(work: UnitOfWork, seal: Seal) -> dict[str, object] | None:
    row = work.row(_LOAD_CREDENTIALS)
    return seal.open(work.shop_id, row.sealed) if row else None
