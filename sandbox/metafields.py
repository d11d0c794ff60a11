"""Metafields and their definitions: a value beside an owner, under a namespace and a key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

# the number of the app under test, which its own namespace bears
APP_NUMBER: Final = 580_111
OWN_NAMESPACE: Final = f"app--{APP_NUMBER}"


@dataclass(slots=True)
class Metafield:
    id: int
    owner: str
    namespace: str
    key: str
    type: str
    value: str
    created_at: float
    updated_at: float

    @property
    def digest(self) -> str:
        """`compareDigest`: what a compare-and-set compares."""
        return hashlib.sha256(self.value.encode()).hexdigest()


@dataclass(slots=True)
class Definition:
    id: int
    namespace: str
    key: str
    name: str
    type: str
    owner_type: str
    description: str | None = None


@dataclass(slots=True)
class Metafields:
    """Of one shop."""

    values: dict[tuple[str, str, str], Metafield] = field(default_factory=dict)
    definitions: dict[tuple[str, str, str], Definition] = field(default_factory=dict)
    made: int = 0

    def get(self, owner: str, namespace: str, key: str) -> Metafield | None:
        return self.values.get((owner, namespace, key))

    def of(self, owner: str, namespace: str | None = None) -> Iterator[Metafield]:
        for metafield in self.values.values():
            if metafield.owner == owner and namespace in (None, metafield.namespace):
                yield metafield

    def forget(self, owner: str) -> None:
        """The owner is gone, and what stood beside it."""
        for place in [place for place in self.values if place[0] == owner]:
            del self.values[place]

    def declare(self, declared: Mapping[str, tuple[str, str]]) -> None:
        """Definitions over customers as the app's configuration file has them: `key: (name, type)`."""
        for number, (key, (name, kind)) in enumerate(declared.items(), 1):
            place = ("CUSTOMER", OWN_NAMESPACE, key)
            self.definitions[place] = Definition(number, OWN_NAMESPACE, key, name, kind, "CUSTOMER")
