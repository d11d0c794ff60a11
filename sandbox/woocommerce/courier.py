"""The store's deliveries: queued when something happens, built and signed when they are sent, tried once.

A body is as the object stands at the sending, so a creation may tell of a refund. What waits already is not queued
twice. Where the object is gone, or the webhook's owner may no longer see it, the body is the store's own error, well
signed. Nothing is sent before somebody calls `deliver`, as WP-Cron would; `Courier.send` carries it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.woocommerce.shapes import Body, as_php, error

if TYPE_CHECKING:
    from sandbox.woocommerce.store import Store

AGENT = "WooCommerce/11.0.1 Hookshot (WordPress/7.0.4)"
TIMEOUT_S = 60.0
# The count is looked at before it grows: the seventh in a row ends the webhook.
MOST_FAILURES = 5
# WordPress salts its hashes with a text of each site's own.
_SALT = b"put your unique phrase here"
_KINDS = {"order": "shop_order_", "customer": "", "coupon": "shop_coupon_"}

Send = Callable[[str, Mapping[str, str], bytes], int]
"""Carries one POST (url, headers, body) and answers with the status, 0 where nobody was reached."""


def nobody(_url: str, _headers: Mapping[str, str], _body: bytes) -> int:
    """The sender of a store without a network."""
    return 0


def post(url: str, headers: Mapping[str, str], body: bytes) -> int:
    """Over real HTTP; redirects are not followed."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.netloc, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}", body, dict(headers))
        return connection.getresponse().status
    except (OSError, HTTPException):
        return 0
    finally:
        connection.close()


@dataclass(frozen=True, slots=True)
class Job:
    """One webhook is to be sent, about one thing."""

    webhook: int
    about: int


@dataclass
class Courier:
    """The queue of one store."""

    store: Store
    send: Send = nobody
    waiting: list[Job] = field(default_factory=list)

    def tell(self, topic: str, about: int) -> None:
        """Something happened to the object `about`: queued for each active webhook, unless the same waits already."""
        for number, record in self.store.webhooks.items():
            job = Job(number, about)
            if (record.body["topic"], record.body["status"]) == (topic, "active") and job not in self.waiting:
                self.waiting.append(job)

    def ping(self, number: int) -> None:
        """The word with which a new webhook is tried: a form, not signed. Nothing comes of its failure."""
        form = {"User-Agent": AGENT, "Content-Type": "application/x-www-form-urlencoded"}
        self.send(self.store.webhooks[number].body["delivery_url"], form, f"webhook_id={number}".encode())

    def deliver(self, chance: random.Random | None = None) -> int:
        """Send everything that waits, and what comes to wait meanwhile; answers how many were sent. The order is the
        queue's, or drawn by `chance`: a store with two runners of its queue keeps none.
        """
        sent = 0
        while (made := self._next(chance)) is not None:
            number, url, headers, body = made
            status = self.send(url, headers, body)
            sent += 1
            with self.store.lock:
                self._ended(number, taken=200 <= status <= 302)
        return sent

    def _next(self, chance: random.Random | None) -> tuple[int, str, dict[str, str], bytes] | None:
        with self.store.lock:
            while self.waiting:
                job = self.waiting.pop(chance.randrange(len(self.waiting)) if chance else 0)
                if job.webhook in self.store.webhooks:
                    return self._made(job)
        return None

    def _made(self, job: Job) -> tuple[int, str, dict[str, str], bytes]:
        hook = self.store.webhooks[job.webhook].body
        body = as_php(self._content(job, hook))
        secret = self.store.secrets[job.webhook].encode()
        # Of the webhook and the second alone: what it sends within one second shares it.
        second = f"{job.webhook}{int(self.store.now().timestamp())}".encode()
        headers = {
            "User-Agent": AGENT,
            "Content-Type": "application/json",
            "X-WC-Webhook-Source": f"{self.store.address}/",
            "X-WC-Webhook-Topic": hook["topic"],
            "X-WC-Webhook-Resource": hook["resource"],
            "X-WC-Webhook-Event": hook["event"],
            "X-WC-Webhook-Signature": base64.b64encode(hmac.new(secret, body, hashlib.sha256).digest()).decode(),
            "X-WC-Webhook-ID": str(job.webhook),
            "X-WC-Webhook-Delivery-ID": hmac.new(_SALT, second, hashlib.md5).hexdigest(),
        }
        return job.webhook, hook["delivery_url"], headers, body

    def _content(self, job: Job, hook: Body) -> Body:
        if hook["resource"] == "action":
            return {"action": hook["event"], "arg": job.about}
        if hook["event"] == "deleted":
            return {"id": job.about}
        owner = self.store.owners.get(job.webhook)
        if owner is not None and not owner.admin:
            return error("woocommerce_rest_cannot_view", "Sorry, you cannot view this resource.", 401)
        records = {"order": self.store.orders, "customer": self.store.customers, "coupon": self.store.coupons}
        record = records.get(hook["resource"], {}).get(job.about)
        if record is None:
            return error(f"woocommerce_rest_{_KINDS.get(hook['resource'], '')}invalid_id", "Invalid ID.", 404)
        return self.store.shown(f"{hook['resource']}s", record)

    def _ended(self, number: int, *, taken: bool) -> None:
        """A success clears the count, and wakes nothing that was switched off."""
        if taken:
            self.store.failures[number] = 0
        else:
            failed(self.store, number)


def failed(store: Store, number: int) -> None:
    """A delivery of this webhook was not taken; it is not tried again."""
    before = store.failures.get(number, 0)
    store.failures[number] = before + 1
    if before > MOST_FAILURES and number in store.webhooks:
        store.webhooks[number].body["status"] = "disabled"
