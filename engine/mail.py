"""Mails that wait: put with whatever they tell of, in its unit of work, and sent after it, outside of any.

A mail is a row until it is sent; what it says is sealed, and gone with its sending. A server that does not take one is
asked again, ever more slowly; what it never will take is parked, and says why. Each is claimed just before it is sent
and written down just after it, so whatever is withdrawn until then is not sent, and a crash concerns one mail: between
sending it and writing that down it sends that one twice, under the same name, so that mail programs show it once.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from commerce.ids import CustomerId, ShopId
from commerce.letters import BadLetter, Letter, MailPort, MailTalk, MailTrouble
from engine import log
from engine.shops import Seal
from engine.work import Database, UnitOfWork

# Of a shop in one round: then it is the next shop's turn.
BATCH = 20
# Longer than a server may take for one.
LEASE = timedelta(minutes=10)
FIRST_WAIT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 3600.0
MOST_ATTEMPTS = 12
KEPT_FOR = timedelta(days=30)

_PUT = text("""
    INSERT INTO mails (shop_id, kind, sealed, made_at, ends_at, due_at, customer_id)
    SELECT :shop_id, :kind, g.sealed, :now, :ends_at, :now, g.customer_id
    FROM unnest(CAST(:sealed AS bytea[]), CAST(:customer_ids AS bigint[])) WITH ORDINALITY
         AS g(sealed, customer_id, place)
    ORDER BY g.place RETURNING mail_id
""")
_WAITING = text("""
    SELECT DISTINCT shop_id FROM mails WHERE due_at <= :now AND sent_at IS NULL AND parked_at IS NULL ORDER BY shop_id
""")
# Somebody waits for the link that they sign in by; what the program tells its members may come after it.
_CLAIM = text("""
    WITH c AS MATERIALIZED (
        SELECT mail_id FROM mails
        WHERE shop_id = :shop_id AND due_at <= :now AND sent_at IS NULL AND parked_at IS NULL
        ORDER BY customer_id IS NOT NULL, due_at, mail_id LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    UPDATE mails m SET due_at = :leased_until, attempts = m.attempts + 1 FROM c
    WHERE m.shop_id = :shop_id AND m.mail_id = c.mail_id
    RETURNING m.mail_id, m.kind, m.sealed, m.ends_at, m.attempts, EXISTS (
        SELECT FROM customers k JOIN shops s ON s.shop_id = k.shop_id
        WHERE k.shop_id = :shop_id AND k.customer_id = m.customer_id
            AND (k.gone_at IS NOT NULL OR k.redacted_at IS NOT NULL OR s.uninstalled_at IS NOT NULL)) AS gone
""")
# Whatever was withdrawn while it was on its way has gone out all the same.
_SENT = text("""
    UPDATE mails SET sent_at = :now, parked_at = NULL, sealed = NULL, reason = NULL
    WHERE shop_id = :shop_id AND mail_id = :mail_id
""")
_PARK = text("""
    UPDATE mails SET parked_at = :now, sealed = NULL, reason = :reason WHERE shop_id = :shop_id AND mail_id = :mail_id
""")
_AGAIN = text("UPDATE mails SET due_at = :due_at, reason = :reason WHERE shop_id = :shop_id AND mail_id = :mail_id")
_TROUBLE = text("""
    SELECT mail_id, kind, made_at, parked_at, reason FROM mails
    WHERE shop_id = :shop_id AND customer_id IS NULL AND sent_at IS NULL AND reason IS NOT NULL AND made_at > :since
    ORDER BY mail_id DESC LIMIT :limit
""")
_WITHDRAW = text("""
    UPDATE mails SET parked_at = :now, sealed = NULL, reason = :reason
    WHERE shop_id = :shop_id AND customer_id = ANY(:customer_ids) AND sent_at IS NULL AND parked_at IS NULL
      AND (CAST(:kinds AS text[]) IS NULL OR kind = ANY(CAST(:kinds AS text[])))
""")
_WITHDRAW_OF = text("""
    UPDATE mails m SET parked_at = :now, sealed = NULL, reason = :reason FROM customers c
    WHERE m.shop_id = :shop_id AND m.sent_at IS NULL AND m.parked_at IS NULL
      AND c.shop_id = :shop_id AND c.external_id = :external_id AND m.customer_id = c.customer_id
""")
_TO_CUSTOMERS = text("""
    SELECT count(*) AS waiting FROM mails
    WHERE shop_id = :shop_id AND customer_id IS NOT NULL AND sent_at IS NULL AND parked_at IS NULL
""")
_BECAME = text("""
    SELECT kind, count(*) FILTER (WHERE sent_at IS NOT NULL) AS taken,
           count(*) FILTER (WHERE parked_at IS NOT NULL) AS refused,
           count(*) FILTER (WHERE sent_at IS NULL AND parked_at IS NULL) AS waiting
    FROM mails WHERE shop_id = :shop_id AND customer_id IS NOT NULL AND made_at > :since GROUP BY kind
""")
_PURGE = text("DELETE FROM mails WHERE shop_id = :shop_id AND made_at < :before")

logger = logging.getLogger("perennial.mail")


@dataclass(frozen=True, slots=True)
class Troubled:
    """A mail that was not taken: parked, or to be tried again."""

    mail_id: int
    kind: str
    made_at: datetime
    parked_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Claimed:
    mail_id: int
    kind: str
    letter: Letter | None
    """None where no key of ours opens it any more, or it is too old to be sent."""
    attempts: int
    gone: bool
    """Whether the customer whom it is for was erased, deleted or merged into another, or their shop has left us."""


def put(work: UnitOfWork, seal: Seal, kind: str, letter: Letter, *, ends_at: datetime | None = None) -> int:
    """Send a letter after this unit of work; `kind` says what it is, for lists. It is not sent after `ends_at`."""
    (mail_id,) = _put(work, seal, kind, [(letter, None)], ends_at)
    return mail_id


def put_to_customers(
    work: UnitOfWork, seal: Seal, kind: str, letters: Sequence[tuple[Letter, CustomerId]], *, ends_at: datetime
) -> list[int]:
    """The same of letters to customers, in one statement; answers with their numbers, in the order of the letters. One
    that still waits when its customer is erased or wants none (`withdraw`) is not sent.
    """
    return _put(work, seal, kind, letters, ends_at) if letters else []


def _put(
    work: UnitOfWork,
    seal: Seal,
    kind: str,
    letters: Sequence[tuple[Letter, CustomerId | None]],
    ends_at: datetime | None,
) -> list[int]:
    sealed = [seal.close(work.shop_id, _body(letter)) for letter, _ in letters]
    whose = [customer_id for _, customer_id in letters]
    rows = work.rows(_PUT, kind=kind, sealed=sealed, customer_ids=whose, now=work.now, ends_at=ends_at)
    return sorted(int(row.mail_id) for row in rows)


def _body(letter: Letter) -> dict[str, object]:
    return {
        "to": letter.to, "subject": letter.subject, "text": letter.text, "html": letter.html,
        "headers": dict(letter.headers), "by": letter.by,
    }  # fmt: skip


def withdraw(
    work: UnitOfWork, customer_ids: Sequence[CustomerId], reason: str, *, kinds: Sequence[str] | None = None
) -> None:
    """Do not send what still waits to be sent to these customers, or of it only these kinds; what was in it is gone at
    once.
    """
    chosen = None if kinds is None else [str(kind) for kind in kinds]
    work.run(_WITHDRAW, customer_ids=list(customer_ids), now=work.now, reason=reason, kinds=chosen)


def withdraw_of(work: UnitOfWork, customer_external_id: str | None, reason: str) -> None:
    """The same of one customer, by the store's number of them."""
    work.run(_WITHDRAW_OF, external_id=customer_external_id, now=work.now, reason=reason)


def waiting_for_customers(work: UnitOfWork) -> int:
    """How many mails to customers wait to be sent."""
    row = work.row(_TO_CUSTOMERS)
    return int(row.waiting) if row else 0


def became(work: UnitOfWork, since: datetime) -> Mapping[str, Any]:
    """What became of mails to customers that were put since then, by kind: taken, refused, waiting."""
    return {row.kind: row for row in work.rows(_BECAME, since=since)}


def troubled(work: UnitOfWork, limit: int = 5) -> Sequence[Troubled]:
    """What was not taken in the last days of what is no customer's, newest first."""
    return [Troubled(*row) for row in work.rows(_TROUBLE, since=work.now - timedelta(days=7), limit=limit)]


def purge(work: UnitOfWork) -> None:
    work.run(_PURGE, before=work.now - KEPT_FOR)


class Mailer:
    """Sends what waits, of all shops."""

    def __init__(self, database: Database, seal: Seal, post: MailPort) -> None:
        self._database, self._seal, self._post = database, seal, post

    def round(self) -> int:
        """A few of each shop that has mails due, all of them in one talk with the server; answers how many were
        tried.
        """
        with self._database.machine() as connection:
            waiting = connection.execute(_WAITING, {"now": self._database.clock()}).all()
        with self._post.talk() as talk:
            return sum(self._send_batch(ShopId(row.shop_id), talk) for row in waiting)

    def _send_batch(self, shop_id: ShopId, talk: MailTalk) -> int:
        for tried in range(BATCH):
            item = self._claim(shop_id)
            if item is None:
                return tried
            trouble = _send(talk, shop_id, item)
            # By itself: what was sent stays sent, whatever becomes of the next.
            with self._database.work(shop_id) as work:
                _record(work, item, trouble)
        return BATCH

    def _claim(self, shop_id: ShopId) -> _Claimed | None:
        with self._database.work(shop_id) as work:
            row = work.row(_CLAIM, now=work.now, leased_until=work.now + LEASE)
            if row is None:
                return None
            letter = self._letter(work, row.sealed, row.ends_at)
            return _Claimed(row.mail_id, row.kind, letter, row.attempts, row.gone)

    def _letter(self, work: UnitOfWork, sealed: bytes, ends_at: datetime | None) -> Letter | None:
        kept = self._seal.open(work.shop_id, sealed)
        if kept is None or (ends_at is not None and ends_at <= work.now):
            return None
        headers = kept["headers"]
        assert isinstance(headers, dict)
        by = str(kept.get("by", ""))
        return Letter(str(kept["to"]), str(kept["subject"]), str(kept["text"]), str(kept["html"]), headers, by)


def _send(talk: MailTalk, shop_id: ShopId, item: _Claimed) -> MailTrouble | None:
    if item.gone:
        return MailTrouble("whoever it is for is gone", permanent=True)
    if item.letter is None:
        return MailTrouble("it could not be sent in time", permanent=True)
    try:
        talk.send(item.letter, f"{shop_id}.{item.mail_id}.perennial")
    except MailTrouble as trouble:
        return trouble
    except (BadLetter, UnicodeError, ValueError):
        return MailTrouble("it cannot be written as an e-mail", permanent=True)
    return None


def _record(work: UnitOfWork, item: _Claimed, trouble: MailTrouble | None) -> None:
    said = trouble.reason if trouble else "done"
    log.wide(logger, "mail", shop=work.shop_id, mail=item.mail_id, kind=item.kind, attempt=item.attempts, outcome=said)
    if trouble is None:
        work.run(_SENT, mail_id=item.mail_id, now=work.now)
    elif trouble.permanent or item.attempts >= MOST_ATTEMPTS:
        work.run(_PARK, mail_id=item.mail_id, now=work.now, reason=trouble.reason[:300])
    else:
        base = min(FIRST_WAIT_SECONDS * 2 ** (item.attempts - 1), LONGEST_WAIT_SECONDS)
        wait = timedelta(seconds=base * random.uniform(1.0, 1.5))
        work.run(_AGAIN, mail_id=item.mail_id, due_at=work.now + wait, reason=trouble.reason[:300])
