"""A WooCommerce store as our counterpart: a real HTTP server on this machine, with TLS and without."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from werkzeug.serving import WSGIRequestHandler, make_server

from connectors.http import HttpSession
from connectors.woocommerce.address import store_address
from connectors.woocommerce.client import WooStore
from connectors.woocommerce.signing import Key, Mode
from sandbox.woocommerce import ApiKey, Store, create_app

SAMPLES = Path(__file__).parents[4] / "shared" / "reference" / "woocommerce" / "payloads"
NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return

    def send_response(self, code: int, message: str | None = None) -> None:
        """Without a date of its own: the store tells its own time."""
        self.send_response_only(code, message)


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


@contextmanager
def serving(app: Any, certificate: Path | None) -> Iterator[str]:
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet, ssl_context=context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture
def shop(certificate: Path) -> Iterator[Shop]:
    clock = Clock()
    key = ApiKey()
    store = Store(clock=clock, keys=[key])
    app = create_app(store)
    with ExitStack() as servers:
        urls = {
            "https": servers.enter_context(serving(app, certificate)),
            "http": servers.enter_context(serving(app, None)),
        }
        yield Shop(store, key, clock, urls, str(certificate), clock)
