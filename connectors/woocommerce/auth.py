"""The merchant's grant of a key, in one click: the pure part. The store shows its own page, the merchant approves, and
the store posts a key to us.

What it posts is not signed and does not say which store it is from. Three things make it good: a state that nobody can
guess, that is bound to the address where we sent the merchant, works once and dies soon; the form of the key; and a
proof, for the key is only believed when that very store takes it, for reading and for writing.

What is kept of a state is its digest: whoever reads our database cannot finish somebody's connection.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated
from urllib.parse import parse_qs, urlencode

import msgspec
from msgspec import Meta, Struct

from commerce.refusal import Refusal
from commerce.store import StoreError
from connectors.http import HttpSession
from connectors.woocommerce.address import BadAddress, StoreAddress, store_address
from connectors.woocommerce.reads import StoreFacts, facts
from connectors.woocommerce.rest import CLOSED_HOME, CLOSED_READ_ONLY, CLOSED_SWITCHED_OFF, Rest
from connectors.woocommerce.signing import Key, Mode

# Long enough for a merchant who has to look for a password.
STATE_LIVES = timedelta(minutes=30)
LONGEST_CALLBACK = 4096
SCOPE = "read_write"

_STATE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class GrantUnknown(Refusal):
    """This approval is not known here, was used already, or took too long. Start the connection again."""


class GrantTooNarrow(Refusal):
    """The key may not both read and write. Start the connection again, and approve it as it is asked for."""


class GrantElsewhere(Refusal):
    """The store says that it lives at another address. Start the connection again with the address that it names."""


class GrantDenied(Refusal):
    """The connection was not approved in the store. Nothing was changed there."""


class _Site(Struct):
    home: str = ""
    namespaces: list[str] = []


class BadGrant(Exception):
    """What was posted is not a grant. The text does not repeat it: it may hold a key."""


@dataclass(frozen=True, slots=True)
class PendingGrant:
    """A connection that was begun: to be kept until the store's answer, and taken away with it."""

    state_digest: str
    address: StoreAddress
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Granted:
    """What a store posted, in the right form and not yet proven."""

    state_digest: str
    key: Key
    permissions: str


@dataclass(frozen=True, slots=True)
class Connection:
    """A proven key: how the store takes it, and what the store is."""

    address: StoreAddress
    key: Key
    mode: Mode
    facts: StoreFacts


class _Callback(Struct):
    user_id: Annotated[str, Meta(max_length=64)]
    consumer_key: Annotated[str, Meta(pattern=r"^ck_[0-9a-f]{40}\Z")]
    consumer_secret: Annotated[str, Meta(pattern=r"^cs_[0-9a-f]{40}\Z")]
    key_permissions: Annotated[str, Meta(max_length=20)]


_CALLBACK = msgspec.json.Decoder(_Callback)


def state_digest(state: str) -> str:
    """What is kept of a state, and by what it is found again."""
    return sha256(state.encode()).hexdigest()


def new_state() -> str:
    """Two hundred and fifty-six bits that nobody can guess."""
    return secrets.token_urlsafe(32)


def begin(
    address: StoreAddress, *, app_name: str, return_url: str, callback_url: str, now: datetime, state: str | None = None
) -> tuple[str, PendingGrant]:
    """The page of the store to send the merchant to, and what to keep meanwhile. The store wants `callback_url` by
    HTTPS, on a port that WordPress lets it use (443 or 8080), at a name that it can reach.
    """
    assert callback_url.startswith("https://"), "the store refuses to post a key over plain HTTP"
    state = state or new_state()
    query = {
        "app_name": app_name,
        "scope": SCOPE,
        "user_id": state,
        "return_url": return_url,
        "callback_url": callback_url,
    }
    page = f"{address.url}/wc-auth/v1/authorize?{urlencode(query)}"
    return page, PendingGrant(state_digest(state), address, now + STATE_LIVES)


def read_callback(body: bytes) -> Granted:
    """The grant in a store's post. Raises `BadGrant`."""
    if len(body) > LONGEST_CALLBACK:
        raise BadGrant("the grant is too long")
    try:
        found = _CALLBACK.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadGrant("the post is not a grant of a key") from None
    if _STATE.fullmatch(found.user_id) is None:
        raise BadGrant("the post names no state of ours")
    key = Key(found.consumer_key, found.consumer_secret)
    return Granted(state_digest(found.user_id), key, found.key_permissions)


def denied(query: str) -> bool:
    """Whether the merchant comes back from the store's page without having approved.

    Being sent back with success says nothing: anybody can open that address. The grant comes by its own way.
    """
    return parse_qs(query[:2048], max_num_fields=20).get("success") != ["1"]


def prove(
    granted: Granted, pending: PendingGrant | None, http: HttpSession, *, now: Callable[[], datetime]
) -> Connection:
    """Take the key for true, if the store at which the merchant began takes it, for reading and for writing.

    `pending` is what was kept under the grant's digest, and was taken away in finding it: a state works once. Raises
    `GrantUnknown`, `GrantTooNarrow` (also when the store says so, whatever the post said), `GrantElsewhere` (its
    webhooks would come from there), and `StoreError` where the store could not be asked.
    """
    if pending is None or pending.state_digest != granted.state_digest or now() >= pending.expires_at:
        raise GrantUnknown
    if granted.permissions != SCOPE:
        raise GrantTooNarrow
    rest = Rest(pending.address, granted.key, http, now=now)
    found = facts(rest)
    if not lives_at(found.home, rest.address):
        raise _elsewhere(found.home)
    try:
        may_write(rest)
    except StoreError as fault:
        if fault.reason == CLOSED_READ_ONLY:
            raise GrantTooNarrow from None
        raise
    assert rest.mode is not None
    return Connection(rest.address, granted.key, rest.mode, found)


def _elsewhere(home: str) -> GrantElsewhere:
    """With the address that the store names, where it is one."""
    try:
        address = store_address(home).url
    except BadAddress:
        return GrantElsewhere()
    return GrantElsewhere(f"The store calls {address} its address. Start the connection again with that one.")


def may_write(rest: Rest) -> None:
    """Raises `StoreError` unless our key may write: nothing is asked for, so nothing changes; a key that may only read
    is refused before that is looked at.
    """
    rest.send("POST", "coupons/batch", {"create": []}, object)


def at_home(rest: Rest) -> None:
    """Raises `StoreError` where the site has no WooCommerce switched on, or calls another address its own: what it
    sends would come from there.
    """
    site = rest.index(_Site)
    if "wc/v3" not in site.namespaces:
        raise StoreError(CLOSED_SWITCHED_OFF, permanent=False, closed=True)
    if site.home and not lives_at(site.home, rest.address):
        raise StoreError(CLOSED_HOME, permanent=False, closed=True)


def lives_at(home: str, address: StoreAddress) -> bool:
    """Whether a store that calls `home` its address is the one that we ask at `address`."""
    try:
        return store_address(home).same_shop(address)
    except BadAddress:
        return False
