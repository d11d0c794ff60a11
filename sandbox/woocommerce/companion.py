"""The app's own plugin inside the shop, as far as its server is heard: what it answers on the shop's REST API, and how
it signs what it asks the app. The PHP of the plugin itself is held to the same signatures by vectors.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from sandbox.woocommerce.shapes import Body, error

ROUTES = "/wp-json/wc-perennial/v1/"


@dataclass
class Companion:
    """What the plugin keeps: nothing before it is paired. `page`: its tab in My Account, of a store that has one.
    `deaf`: it says yes, and keeps what it had.
    """

    version: str = "1.0.0"
    connection: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    page: str = ""
    deaf: bool = False

    def sign(self, path: str, body: bytes, at: float, *, method: str = "POST", nonce: str = "") -> dict[str, str]:
        """What stands beside `body`: shop, timestamp, nonce and signature."""
        told = {
            "shop": self.connection["shop"],
            "timestamp": str(int(at)),
            "nonce": nonce or secrets.token_hex(16),
        }
        lines = ("perennial-1", method, path, told["shop"], told["timestamp"], told["nonce"])
        said = "\n".join((*lines, hashlib.sha256(body).hexdigest()))
        mac = hmac.new(self.connection["secret"].encode(), said.encode(), hashlib.sha256)
        return {**told, "signature": mac.hexdigest()}

    def headers(self, path: str, body: bytes, at: float, *, nonce: str = "") -> dict[str, str]:
        """The same, as headers."""
        signed = self.sign(path, body, at, nonce=nonce)
        return {f"X-Perennial-{name.capitalize()}": value for name, value in signed.items()}

    @property
    def health(self) -> Body:
        secret = self.connection.get("secret", "")
        digest = hashlib.sha256(f"perennial companion {secret}".encode()).hexdigest()[:32]
        return {
            "version": self.version,
            "app_url": self.connection.get("app_url", ""),
            "shop": self.connection.get("shop", ""),
            "key": digest if secret else "",
            "fault": self.fault,
            "page": self.page,
            "wordpress": "7.0.4",
            "php": "8.2.36",
        }


def answer(companion: Companion, method: str, path: str, body: Body | None) -> Body:
    """What the plugin answers to a member of the staff, or to a key of one."""
    where = path.removeprefix(ROUTES)
    if (method, where) == ("GET", "health"):
        return companion.health
    if (method, where) == ("POST", "connection"):
        if not isinstance(body, dict) or not all(body.get(name) for name in ("app_url", "shop", "secret")):
            return error("perennial_bad_connection", "This is not a connection.", 400)
        if not companion.deaf:
            companion.connection, companion.fault = {n: body[n] for n in ("app_url", "shop", "secret")}, ""
        return companion.health
    return error("rest_no_route", "No route was found matching the URL and request method.", 404)
