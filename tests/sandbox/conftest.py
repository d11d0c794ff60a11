"""A world with a clock that stands still, a courier that delivers when told, and a client of the Admin API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from sandbox import App, Courier, World
from sandbox.adminapi import answer

SECRET = "a secret that is at least thirty-two bytes long"
NOON = 1_795_305_600.0


@dataclass
class Clock:
    at: float = NOON

    def __call__(self) -> float:
        return self.at


@dataclass
class Mailbox:
    """Stands where the app would: keeps what arrives, answers what it is told."""

    arrived: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        self.arrived.append((dict(headers), body))
        return self.statuses.pop(0) if self.statuses else 200

    @property
    def topics(self) -> list[str]:
        return [headers["X-Shopify-Topic"] for headers, _ in self.arrived]

    def bodies(self, topic: str) -> list[dict[str, Any]]:
        return [orjson.loads(body) for headers, body in self.arrived if headers["X-Shopify-Topic"] == topic]


@dataclass
class Api:
    """The Admin API as a connector meets it."""

    world: World
    token: str

    def raw(self, query: str, variables: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        request = orjson.dumps({"query": query, "variables": variables or {}} | more)
        reply = answer(self.world, self.world.shop(), self.token, request)
        body: dict[str, Any] = orjson.loads(reply.body)
        return body

    def __call__(self, query: str, /, **variables: Any) -> dict[str, Any]:
        body = self.raw(query, variables)
        assert "errors" not in body, body["errors"]
        data: dict[str, Any] = body["data"]
        return data


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def courier(mailbox: Mailbox, clock: Clock) -> Courier:
    return Courier(send=mailbox, clock=clock, retry_base_seconds=10)


@pytest.fixture
def world(clock: Clock, courier: Courier) -> World:
    """One shop with the app installed."""
    made = World(App("client-1", SECRET), clock=clock, courier=courier)
    made.install()
    return made


@pytest.fixture
def api(world: World) -> Api:
    installation = world.install()
    return Api(world, installation.grant_expiring(world.clock())[0].token)
