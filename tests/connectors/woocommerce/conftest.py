"""A WooCommerce store as our counterpart: a real HTTP server on this machine, with TLS and without."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.http import HttpSession
from connectors.woocommerce.address import store_address
from connectors.woocommerce.client import WooStore
from connectors.woocommerce.signing import Key, Mode
from sandbox.woocommerce import ApiKey, Store, create_app
from tests.serving import served

SAMPLES = Path(__file__).parents[4] / "shared" / "reference" / "woocommerce" / "payloads"
NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


class Clock:
    """The one clock of a test: it moves when it is told to."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def on(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class Shop:
    """A store, the merchant's key to it, and how to come to it by `https` and by `http`."""

    store: Store
    key: ApiKey
    clock: Clock
    urls: dict[str, str]
    authorities: str
    ours: Clock = field(default_factory=Clock)

    def http(self, allowed: Callable[[str], bool] | None = None) -> HttpSession:
        return HttpSession(plain=True, authorities=self.authorities, allowed=allowed)

    def woo(self, scheme: str = "https", mode: Mode | None = None, **given: Any) -> WooStore:
        address = store_address(self.urls[scheme])
        key = Key(self.key.consumer_key, self.key.consumer_secret)
        return WooStore(address, key, self.http(), now=self.ours, mode=mode, **given)

    def questions(self, method: str = "GET") -> list[str]:
        """The paths that were asked for with `method`, without what all have in common."""
        return [path.removeprefix("/wp-json/wc/v3/") for asked, path, _ in self.store.asked if asked == method]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine, with its key, by an authority of our own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "shop.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def shop(certificate: Path) -> Iterator[Shop]:
    clock = Clock()
    key = ApiKey()
    store = Store(clock=clock, keys=[key])
    app = create_app(store)
    with ExitStack() as servers:
        urls = {
            "https": servers.enter_context(served(app, certificate)),
            "http": servers.enter_context(served(app)),
        }
        yield Shop(store, key, clock, urls, str(certificate), clock)
