"""Metafields and their definitions: a value beside an owner, under a namespace and a key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field


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
    values: dict[tuple[str, str, str], Metafield] = field(default_factory=dict)
    definitions: dict[tuple[str, str, str], Definition] = field(default_factory=dict)
    made: int = 0

    def get(self, owner: str, namespace: str, key: str) -> Metafield | None:
        return self.values.get((owner, namespace, key))

    def of(self, owner: str, namespace: str | None = None) -> Iterator[Metafield]:
        for metafield in self.values.values():
            if metafield.owner == owner and namespace in (None, metafield.namespace):
                yield metafield
