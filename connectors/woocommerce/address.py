"""Where a store lives: an address that a merchant typed, made into the one form that we keep and compare.

A WordPress site may live in a folder (``https://shop.example/fa``) and on plain HTTP. The address is a stranger's
text, and we send a key there: nothing but scheme, host, port and folder is taken over, and nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

_LONGEST = 300
_HOST = re.compile(
    r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII
)
_FOLDER = re.compile(r"(/[A-Za-z0-9._~%-]+)*", re.ASCII)
_PORTS = {"https": 443, "http": 80}


class BadAddress(ValueError):
    """The text is not the address of a shop, such as https://shop.example"""

    def __init__(self) -> None:
        super().__init__((self.__doc__ or "").strip())


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Scheme, host (with a port where it is unusual) and folder (empty, or ``/fa``)."""

    scheme: str
    host: str
    folder: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.folder}"

    @property
    def domain(self) -> str:
        """The name under which we keep the shop: the same with and without TLS."""
        return f"{self.host}{self.folder}"

    def same_shop(self, other: StoreAddress) -> bool:
        """Whether two addresses are one shop's: TLS and ``www.`` come and go, a copy on another host does not count."""
        return self.domain.removeprefix("www.") == other.domain.removeprefix("www.")


@lru_cache(maxsize=4096)
def store_address(text: str) -> StoreAddress:
    """The address in `text`; without a scheme, HTTPS is meant. Raises `BadAddress`."""
    text = text.strip()
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise BadAddress
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        port = parts.port
        host = (parts.hostname or "").rstrip(".").encode("idna").decode("ascii")
    except ValueError:
        raise BadAddress from None
    folder = re.sub(r"/(wp-admin|wp-login\.php|wp-json|index\.php).*$", "", parts.path).rstrip("/")
    if parts.scheme not in _PORTS or parts.username is not None or parts.password is not None or ".." in folder:
        raise BadAddress
    if _HOST.fullmatch(host) is None or _FOLDER.fullmatch(folder) is None:
        raise BadAddress
    usual = port is None or port == _PORTS[parts.scheme]
    return StoreAddress(parts.scheme, host if usual else f"{host}:{port}", folder)
