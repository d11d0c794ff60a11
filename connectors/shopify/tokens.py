"""Access tokens of shops: got for an ID token, kept fresh, never shown.

An expiring offline token works for an hour and is renewed with its refresh token, which changes each time.
Two processes that renew at once would each lose the other's, so a shop's token is renewed under a lock, and
looked at again once the lock is held. A refresh token that was used stays usable until its successor is used,
so an answer lost on the way is simply asked for again.

Two kinds of token are treated otherwise. One that a program of the store's own organisation gets by its credentials
is asked for again, by anybody, when it ends. One that never ends, from the days before, is exchanged for one that
does before it is used again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from commerce.store import StoreError
from connectors.shopify.manifest import covers

_log = logging.getLogger(__name__)

# Why only a merchant can help. The banner on their pages has an advice for each reason.
NO_TOKEN = "the shop has no token; a merchant has to open the app"  # noqa: S105 - a sentence
TOKEN_ENDED = "the shop's token has ended; a merchant has to open the app"  # noqa: S105 - a sentence

# Renewed this long before its end, so that a batch begun with a token also ends with it.
MARGIN = timedelta(minutes=5)
# A token that could not be renewed is still used while it has this long to live.
_LAST_MOMENT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Token:
    """A shop's access token. Its `repr` shows when it ends, and none of its secrets."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    expires_at: datetime | None
    refresh_expires_at: datetime | None
    scopes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """A dict of plain JSON values, for the engine to seal and store."""
        return {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "expires_at": _text(self.expires_at),
            "refresh_expires_at": _text(self.refresh_expires_at),
            "scopes": list(self.scopes),
        }

    @classmethod
    def from_json(cls, stored: dict[str, object]) -> Token:
        refresh, scopes = stored["refresh_token"], stored["scopes"]
        assert isinstance(scopes, list)
        return cls(
            access_token=str(stored["access_token"]),
            refresh_token=None if refresh is None else str(refresh),
            expires_at=instant(stored["expires_at"]),
            refresh_expires_at=instant(stored["refresh_expires_at"]),
            scopes=tuple(str(scope) for scope in scopes),
        )

    def lives_at(self, at: datetime) -> bool:
        return self.expires_at is None or self.expires_at > at

    def renewable_at(self, at: datetime) -> bool:
        return self.refresh_token is not None and (self.refresh_expires_at is None or self.refresh_expires_at > at)


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def instant(text: object) -> datetime | None:
    """An aware instant from its ISO text; None for None or nothing."""
    return datetime.fromisoformat(str(text)).astimezone(UTC) if text else None


class IdTokenRefused(StoreError):
    """The platform takes the ID token no more: it lives one minute. The browser must come back with a fresh
    one.
    """

    def __init__(self) -> None:
        super().__init__("the platform refused the ID token", permanent=True)


class TokenDead(StoreError):
    """Nothing renews this shop's token: a merchant has to open the app once."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, permanent=False, closed=True)


class TokenKeeper:
    """Gives one shop's usable access token, renewing it when its end is near.

    `load` and `save` read and write the stored token (`save(None)` drops one that is dead); `lock` makes a
    context in which no other process renews this shop's token. The lock must not be an open transaction: a
    request is sent inside. `refresh` makes a token's successor, `ending` an expiring token of one that never ends.
    `ask`, where there is one, gets a token without anybody's help.
    """

    def __init__(
        self,
        *,
        load: Callable[[], Token | None],
        save: Callable[[Token | None], None],
        lock: Callable[[], AbstractContextManager[object]],
        refresh: Callable[[Token], Token],
        now: Callable[[], datetime],
        ending: Callable[[Token], Token] | None = None,
        ask: Callable[[], Token] | None = None,
    ) -> None:
        self._load = load
        self._save = save
        self._lock = lock
        self._refresh = refresh
        self._now = now
        self._ending = ending
        self._ask = ask
        self._held: Token | None = None

    def __call__(self) -> str:
        """An access token that lives for minutes yet. Raises `StoreError`; `TokenDead` when only a merchant
        can help.
        """
        token = self._held
        if token is None or not token.lives_at(self._now() + MARGIN):
            token = self._renewed(None)
        self._held = token
        return token.access_token

    def renew(self, refused: str) -> str:
        """Another access token after the store refused `refused`: the one that another process got meanwhile,
        or a new one.
        """
        self._held = self._renewed(refused)
        return self._held.access_token

    def accept(self, exchange: Callable[[], Token], *, lacking: bool = False) -> Token:
        """The stored token if it still serves, else the one that `exchange` gets, now stored. `lacking`: the platform
        told us since that we lack a right, which this merchant may have granted meanwhile.

        A merchant opens pages by the dozen, and each exchange kills the refresh token that a worker may be
        using; hence the look first.
        """
        with self._lock():
            token, now = self._load(), self._now()
            if token is None or lacking or not self._serves(token, now):
                token = exchange()
                self._save(token)
            self._held = token
            return token

    def _serves(self, token: Token, now: datetime) -> bool:
        return covers(token.scopes) and (token.lives_at(now + MARGIN) or token.renewable_at(now))

    def _renewed(self, refused: str | None) -> Token:
        with self._lock():
            token, now = self._load(), self._now()
            if token is None and self._ask is None:
                raise TokenDead(NO_TOKEN)
            if token is not None and token.expires_at is None and self._ending is not None:
                return self._ended(self._ending, token, refused)
            if token is not None and token.access_token != refused and token.lives_at(now + MARGIN):
                return token
            if self._ask is not None:
                return self._asked(token, now, refused)
            assert token is not None
            if not token.renewable_at(now):
                self._drop()
                raise TokenDead(TOKEN_ENDED)
            return self._refreshed(token, now, refused)

    def _ended(self, ending: Callable[[Token], Token], token: Token, refused: str | None) -> Token:
        """The expiring token that takes the place of one that never ends, for good.

        While the platform cannot be asked, the old one goes on. When it knows the old one no more, the answer with
        the new one was lost, and a merchant has to open the app.
        """
        try:
            fresh = self._twice(ending, token)
        except TokenDead:
            self._drop()
            raise
        except StoreError as fault:
            if token.access_token == refused:
                raise
            _log.warning("a token that never ends could not be exchanged: %s", fault.reason)
            return token
        self._save(fresh)
        return fresh

    def _asked(self, token: Token | None, now: datetime, refused: str | None) -> Token:
        assert self._ask is not None
        try:
            fresh = self._ask()
        except StoreError:
            if token is not None and token.access_token != refused and token.lives_at(now + _LAST_MOMENT):
                return token
            raise
        self._save(fresh)
        return fresh

    def _refreshed(self, token: Token, now: datetime, refused: str | None) -> Token:
        try:
            fresh = self._twice(self._refresh, token)
        except TokenDead:
            self._drop()
            raise
        except StoreError:
            if token.access_token != refused and token.lives_at(now + _LAST_MOMENT):
                return token
            raise
        self._save(fresh)
        return fresh

    def _twice(self, renewing: Callable[[Token], Token], token: Token) -> Token:
        """Renew, and once more if no answer came: the platform may have renewed, and the same refresh token
        still works.
        """
        try:
            return renewing(token)
        except StoreError as fault:
            if fault.permanent or fault.closed or fault.retry_after is not None:
                raise
            _log.warning("renewing a shop's token again: %s", fault.reason)
            return renewing(token)

    def _drop(self) -> None:
        self._held = None
        self._save(None)
