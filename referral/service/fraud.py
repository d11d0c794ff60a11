"""Looking for tricks: what is noted at a claim and at an order, and the band that each referral falls into.

A claim only notes what it came with, as keyed digests, in one row; nobody waits for more. By the clock a moment later,
and at the latest when its order is judged, that becomes its screening. What it has in common with others is
looked for in batches: by the clock a moment later, and at the latest when its order is about to be paid for. Somebody
who comes later may give away those before, so whoever was approved and shares something that binds with a newcomer is
looked at again. Where that changes a band, the award follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commerce.ids import CustomerId, OrderId
from commerce.orders import Buyer, Order
from engine import inbox
from engine.work import UnitOfWork
from referral.records import notes, signals
from referral.records import screenings as records
from referral.records.notes import Note
from referral.records.screenings import Judged, Screening, Trace
from referral.rules.domains import is_coupon_site, is_disposable
from referral.rules.fraud import Band, Evidence, Signal, judge_band, score
from referral.rules.traces import BINDING, Kind, mailbox, traces
from referral.service.weights import current_weights

__all__ = ["Evidence", "band", "forget", "note_advocate", "note_buyers", "note_claims", "screen_due", "take_in_claims"]

# Longer than any return window, shorter than anybody could call it collecting.
TRACES_KEPT = timedelta(days=180)
# A friend of old has had the time to buy again.
FRIEND_OF_OLD = timedelta(days=60)
# Claims of a minute, and of more than any shop has.
NOTES_AT_ONCE = 5_000
# Screenings that are looked at together.
BATCH = 200
# Above this many, nobody cares how many more there are.
MOST_COUNTED = 500
# Of one crowd, so many are looked at again for each newcomer: the next newcomer has the next ones looked at.
MOST_KIN = 100
# Longer chains of invitations than this are a pyramid, whoever stands in them.
LOOP_STEPS = 8

# With the own advocate: where the stronger of a group is there, the weaker ones say nothing new.
_SAME: tuple[tuple[tuple[Kind, Signal], ...], ...] = (
    ((Kind.EMAIL, Signal.SAME_EMAIL), (Kind.MAILBOX, Signal.ALIASED_EMAIL), (Kind.ALIKE, Signal.SIMILAR_EMAIL)),
    ((Kind.NAME, Signal.SAME_NAME), (Kind.NAME_ALIKE, Signal.SIMILAR_NAME)),
    ((Kind.PHONE, Signal.SAME_PHONE),),
    ((Kind.ADDRESS, Signal.SAME_ADDRESS),),
    ((Kind.DEVICE, Signal.SAME_DEVICE),),
    ((Kind.BROWSER, Signal.SAME_BROWSER), (Kind.NETWORK, Signal.SAME_NETWORK)),
)
# With other referrals: the signal, and for how many days before and after they are counted together.
_SHARED: Mapping[Kind, tuple[Signal, int]] = {
    Kind.MAILBOX: (Signal.SHARED_MAILBOX, 180),
    Kind.PHONE: (Signal.SHARED_PHONE, 180),
    Kind.DEVICE: (Signal.SHARED_DEVICE, 90),
    Kind.ADDRESS: (Signal.SHARED_ADDRESS, 90),
    Kind.SERIES: (Signal.EMAIL_SERIES, 90),
    Kind.BROWSER: (Signal.SHARED_BROWSER, 7),
    Kind.NETWORK: (Signal.NETWORK_WEEK, 7),
}


@dataclass(frozen=True, slots=True)
class Made:
    """A claim that was just made, what it came with, and the channel by which the friend came."""

    claim_id: int
    advocate_id: CustomerId
    evidence: Evidence
    channel: str


def note_claims(work: UnitOfWork, made: Sequence[Made]) -> None:
    """Keep what claims came with, as digests, and what they tell by themselves."""
    told = _told(work, [each.evidence for each in made]) if made else []
    notes.put(
        work,
        [
            Note(each.claim_id, each.channel, said, _digests(work, each.evidence, each.advocate_id), work.now)
            for each, said in zip(made, told, strict=True)
        ],
    )


def take_in_claims(work: UnitOfWork) -> bool:
    """Begin the screenings of claims that were noted; False when there was none.

    In turn with the batches of orders: those take in the notes of their own claims, and ask for the same kin to be
    looked at again, so the two would wait for each other.
    """
    if not notes.waiting(work):
        return False
    inbox.take_turn(work)
    return _take_in(work, notes.take(work, NOTES_AT_ONCE))


def _take_in(work: UnitOfWork, noted: Sequence[Note]) -> bool:
    if not noted:
        return False
    begun = records.begin_claims(work, [(note.claim_id, note.channel, note.told) for note in noted])
    ids = sorted(begun.values())
    kept = [
        Trace(begun[note.claim_id], kind, digest, note.noted_at)
        for note in noted
        if note.claim_id in begun
        for kind, digest in note.traces
    ]
    records.ask(work, ids)
    if records.put_traces(work, kept):
        records.look_again_at_kin(work, ids, BINDING, MOST_KIN)
    return True


def note_advocate(work: UnitOfWork, customer_id: CustomerId, evidence: Evidence) -> None:
    """Keep what an advocate's own visit came with, as digests, for their friends to be compared with."""
    records.put_advocate_traces(work, _digested(work, customer_id, evidence, None))


def band(
    work: UnitOfWork, order_ids: Sequence[OrderId], buyers: Mapping[OrderId, Buyer] | None = None
) -> dict[OrderId, Band]:
    """Of these orders, the band of each that is attributed to an advocate. Only `APPROVE` is paid for; the others wait
    for a person, or for ever. `buyers` is what some of the orders said of who placed them.
    """
    if not order_ids:
        return {}
    _take_in(work, notes.take_of_orders(work, order_ids))
    ids = records.begin_orders(work, order_ids)
    found = records.lock(work, ids)
    if records.put_traces(work, _of_orders(work, found, buyers or {})):
        records.look_again_at_kin(work, ids, BINDING, MOST_KIN)
    judged = _screen(work, found)
    records.settled(work, order_ids)
    return {s.order_id: Band(judged[s.screening_id].band) for s in found if s.order_id is not None}


def note_buyers(work: UnitOfWork, orders: Sequence[Order], buyers: Mapping[OrderId, Buyer]) -> None:
    """Keep what advocates' own orders said of them: their phone, their address, their connection."""
    theirs = {o.customer_id: buyers[o.order_id] for o in orders if o.customer_id is not None and o.order_id in buyers}
    kept = list[Trace]()
    for customer_id in records.advocates_among(work, theirs) if theirs else ():
        said = theirs[customer_id]
        evidence = Evidence(phone=said.phone, address=said.address, ip=said.ip, user_agent=said.user_agent)
        kept += _digested(work, customer_id, evidence, None)
    records.put_advocate_traces(work, kept)


def screen_due(work: UnitOfWork) -> bool:
    """Look at a batch of those that are to be looked at; False when there is none left.

    In turn with the batches of orders, as `take_in_claims` is: they lock screenings and ask for others of them, and
    here what was asked for is taken before it is locked.
    """
    if not records.asked(work):
        return False
    inbox.take_turn(work)
    ids = records.to_look_at(work, BATCH)
    if ids:
        _screen(work, records.lock(work, ids))
    return bool(ids)


def screen(work: UnitOfWork, ids: Sequence[int]) -> None:
    """Look at these again, now."""
    _screen(work, records.lock(work, ids))


def forget(work: UnitOfWork) -> None:
    """Drop digests that are older than `TRACES_KEPT`, and those of people who were erased."""
    records.purge(work, work.now - TRACES_KEPT)
    records.forget_erased(work)


def _told(work: UnitOfWork, given: Sequence[Evidence]) -> list[dict[str, int]]:
    """What each claim tells by itself."""
    weights = current_weights(work)
    addresses = [_addresses(evidence.email) if evidence.email else [] for evidence in given]
    orders = records.bought_before(work, sorted({email for several in addresses for email in several}))
    told = list[dict[str, int]]()
    for evidence, emails in zip(given, addresses, strict=True):
        disposable = bool(evidence.email) and is_disposable(evidence.email or "", weights.disposable)
        told.append(
            _positive(
                {
                    Signal.DISPOSABLE_EMAIL: int(disposable),
                    Signal.COUPON_SITE: int(is_coupon_site(evidence.referrer, weights.coupon_sites)),
                    Signal.EXISTING_CUSTOMER: sum(orders.get(email, 0) for email in emails),
                }
            )
        )
    return told


def _of_orders(work: UnitOfWork, found: Sequence[Screening], buyers: Mapping[OrderId, Buyer]) -> list[Trace]:
    """The traces of orders: of their customers as the mirror knows them, and of what the orders said beside."""
    people = {row.customer_id: row for row in records.people(work, {s.friend_id for s in found if s.friend_id})}
    kept = list[Trace]()
    for s in found:
        if s.friend_id is None or s.order_id is None or (person := people.get(s.friend_id)) is None:
            continue
        said = buyers.get(s.order_id, Buyer())
        evidence = Evidence(
            email=person.email, name=person.name, phone=said.phone, address=said.address, ip=said.ip,
            user_agent=said.user_agent,
        )  # fmt: skip
        kept += _digested(work, s.screening_id, evidence, s.advocate_id, s.began_at)
    return kept


def _addresses(email: str) -> list[str]:
    """An address as it was written, and the mailbox that it leads to: the old customer may have written either."""
    return sorted({email.strip().lower(), mailbox(email) or ""})


def _digested(
    work: UnitOfWork, owner: int, evidence: Evidence, advocate: int | None, at: datetime | None = None
) -> list[Trace]:
    """The traces of the evidence."""
    return [Trace(owner, kind, digest, at or work.now) for kind, digest in _digests(work, evidence, advocate)]


def _digests(work: UnitOfWork, evidence: Evidence, advocate: int | None) -> list[tuple[str, str]]:
    """Kinds and digests of the evidence. The advocate is part of what is digested, where it is a friend's."""
    return [(kind, work.digest(f"{kind}:{what}").hex()) for kind, what in traces(evidence, advocate)]


def _screen(work: UnitOfWork, screenings: Sequence[Screening]) -> dict[int, Judged]:
    """Look for every signal of a batch, weigh them, and write what follows."""
    if not screenings:
        return {}
    _know_advocates(work, {s.advocate_id for s in screenings})
    weights, found, blocked = current_weights(work), _found(work, screenings), signals.blocks(work)
    reached = signals.kin_of_blocked(work, list(found), blocked, BINDING)
    signals.hold(work, {s.screening_id: reached[s.screening_id] for s in screenings if s.screening_id in reached})
    judged = dict[int, Judged]()
    for s in screenings:
        scored = score(found[s.screening_id], weights)
        held = s.held_by is not None or s.screening_id in reached
        result = judge_band(scored.band, s.ruling, blocked=s.advocate_id in blocked, held=held)
        judged[s.screening_id] = Judged(s.screening_id, found[s.screening_id], scored.total, result, weights.version)
    records.write(work, list(judged.values()))
    return judged


def _know_advocates(work: UnitOfWork, advocates: Iterable[CustomerId]) -> None:
    """Have the digests of what the mirror knows of these advocates."""
    kept = list[Trace]()
    for person in records.people(work, advocates):
        kept += _digested(work, person.customer_id, Evidence(email=person.email, name=person.name), None)
    records.put_advocate_traces(work, kept)


def _found(work: UnitOfWork, screenings: Sequence[Screening]) -> dict[int, dict[str, int]]:
    """The signals of each, with their numbers."""
    ids = [s.screening_id for s in screenings]
    found: dict[int, dict[str, int]] = {s.screening_id: dict(s.told) for s in screenings}
    shared = defaultdict[int, set[str]](set)
    for row in signals.with_advocate(work, ids):
        shared[row.screening_id].add(row.kind)
    for screening_id, kinds in shared.items():
        for group in _SAME:
            if (strongest := next((signal for kind, signal in group if kind in kinds), None)) is not None:
                found[screening_id][strongest.value] = 1
    days = {kind.value: span for kind, (_, span) in _SHARED.items()}
    for row in signals.with_others(work, ids, days, MOST_COUNTED):
        found[row.screening_id][_SHARED[Kind(row.kind)][0].value] = row.many
    for row in signals.pace(work, ids, MOST_COUNTED):
        found[row.screening_id] |= _positive({Signal.ADVOCATE_DAY: row.day, Signal.ADVOCATE_MONTH: row.month})
    _add_histories(work, screenings, found)
    return found


def _add_histories(work: UnitOfWork, screenings: Sequence[Screening], found: dict[int, dict[str, int]]) -> None:
    """What became of the advocates' friends, and who invited whom."""
    advocates = sorted({s.advocate_id for s in screenings})
    of_old = {row.advocate_id: row for row in signals.friends_of_old(work, advocates, work.now - FRIEND_OF_OLD)}
    loops = signals.loops(work, list(found), LOOP_STEPS)
    for s in screenings:
        mine = found[s.screening_id]
        if (row := of_old.get(s.advocate_id)) is not None:
            never_back = row.old if row.back == 0 else 0
            # A friend or two who send things back are nothing; when it is most of them, it is what they came for.
            returned = row.returned if row.returned * 2 > row.friends else 0
            mine |= _positive({Signal.NEVER_BACK: never_back, Signal.RETURNED_ALL: returned})
        if s.screening_id in loops:
            mine[Signal.LOOP.value] = 1
        if s.friend_id == s.advocate_id:
            mine[Signal.SELF_REFERRAL.value] = 1


def _positive(numbers: Mapping[Signal, int]) -> dict[str, int]:
    return {signal.value: number for signal, number in numbers.items() if number > 0}
