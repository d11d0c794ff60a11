"""Terms: a shop's program rules, versioned. A version is never edited; what was decided under it can always be
explained.

The engine keeps the bodies and knows nothing of what they say: each domain reads its own into a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text

from engine import audit
from engine.work import UnitOfWork

_ALL = text(
    "SELECT version, body, published_at FROM terms WHERE shop_id = :shop_id AND domain = :domain ORDER BY version"
)
_LATEST = text("""
    SELECT version, body, published_at FROM terms WHERE shop_id = :shop_id AND domain = :domain
    ORDER BY version DESC LIMIT 1
""")
_PUBLISH = text("""
    INSERT INTO terms (shop_id, domain, version, body, published_at)
    SELECT :shop_id, :domain, coalesce(max(version), 0) + 1, CAST(:body AS jsonb), :now
    FROM terms WHERE shop_id = :shop_id AND domain = :domain
    RETURNING version
""")
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('terms of ' || :domain), CAST(:shop_id % 2147483647 AS integer))")
_FIRST = text("""
    INSERT INTO terms (shop_id, domain, version, body, published_at) VALUES (:shop_id, :domain, 1,
        CAST(:body AS jsonb), :now)
    ON CONFLICT DO NOTHING
""")


_KEEP = text("""
    INSERT INTO drafts (shop_id, domain, name, body, beside, kept_at)
    VALUES (:shop_id, :domain, :name, CAST(:body AS jsonb), :beside, :now)
    ON CONFLICT (shop_id, domain, name) DO UPDATE
        SET body = excluded.body, beside = excluded.beside, kept_at = excluded.kept_at
    RETURNING draft_id
""")
_DRAFTS = text("""
    SELECT draft_id, name, body, beside, kept_at FROM drafts
    WHERE shop_id = :shop_id AND domain = :domain ORDER BY kept_at DESC, draft_id DESC
""")
_ONE_DRAFT = text("""
    SELECT draft_id, name, body, beside, kept_at FROM drafts
    WHERE shop_id = :shop_id AND domain = :domain AND draft_id = :draft_id
""")
_DROP = text("DELETE FROM drafts WHERE shop_id = :shop_id AND domain = :domain AND draft_id = :draft_id")


@dataclass(frozen=True, slots=True)
class Draft:
    """Terms that were tried and wait: `beside` is the version that was current when they were kept."""

    draft_id: int
    name: str
    body: Mapping[str, Any]
    beside: int
    kept_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    version: int
    body: Mapping[str, Any]
    published_at: datetime


def versions(work: UnitOfWork, domain: str) -> Sequence[Version]:
    """Every version of a domain's terms, oldest first. Never many: a merchant changes rules by hand."""
    return [Version(*row) for row in work.rows(_ALL, domain=domain)]


def latest(work: UnitOfWork, domain: str) -> Version | None:
    """The version of now; None where nothing was ever published."""
    row = work.row(_LATEST, domain=domain)
    return None if row is None else Version(*row)


def lock(work: UnitOfWork, domain: str) -> None:
    """Let nobody else who asks publish terms of this domain until this unit of work is done."""
    work.run(_LOCK, domain=domain)


def publish(work: UnitOfWork, domain: str, body: Mapping[str, Any]) -> int:
    """Make a new version current. Two merchants who publish at once collide on the version, and the second is told."""
    version = int(work.run(_PUBLISH, domain=domain, body=orjson.dumps(body).decode(), now=work.now).scalar_one())
    audit.tell(terms=domain, before=version - 1, after=version)
    return version


def publish_first(work: UnitOfWork, domain: str, body: Mapping[str, Any]) -> None:
    """The proposal that a shop starts with. A shop that has terms already keeps them."""
    work.run(_FIRST, domain=domain, body=orjson.dumps(body).decode(), now=work.now)


def keep_draft(work: UnitOfWork, domain: str, name: str, body: Mapping[str, Any], beside: int) -> int:
    """Keep a draft under its name; another of that name is replaced. Answers with its number."""
    values = {"domain": domain, "name": name, "body": orjson.dumps(body).decode(), "beside": beside, "now": work.now}
    return int(work.run(_KEEP, **values).scalar_one())


def drafts(work: UnitOfWork, domain: str) -> Sequence[Draft]:
    """The drafts of a domain, newest first."""
    return [Draft(*row) for row in work.rows(_DRAFTS, domain=domain)]


def find_draft(work: UnitOfWork, domain: str, draft_id: int) -> Draft | None:
    """One draft, or None."""
    row = work.row(_ONE_DRAFT, domain=domain, draft_id=draft_id)
    return None if row is None else Draft(*row)


def drop_draft(work: UnitOfWork, domain: str, draft_id: int) -> None:
    """Forget a draft: it is published, or nobody wants it."""
    work.run(_DROP, domain=domain, draft_id=draft_id)
