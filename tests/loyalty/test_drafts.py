"""Drafts: kept beside a version, published only beside it, or laid over what came since."""

from __future__ import annotations

from typing import Any

import pytest

import loyalty
from engine import terms
from tests.ground import Desk


def keep(desk: Desk, name: str = "Autumn", **parts: Any) -> int:
    with desk.work() as work:
        return loyalty.keep_draft(work, name, loyalty.draft(work, lambda now: {**now, **parts}))


def publish(desk: Desk, draft_id: int) -> int:
    with desk.work() as work:
        return loyalty.publish_draft(work, draft_id)


def drafts(desk: Desk) -> list[loyalty.Kept]:
    with desk.work() as work:
        return list(loyalty.drafts(work))


def current(desk: Desk) -> loyalty.Terms:
    with desk.work() as work:
        return loyalty.current_terms(work)


def test_a_draft_changes_nothing_until_it_is_published(desk: Desk) -> None:
    draft_id = keep(desk, points=2, hold_days=3)
    assert (current(desk).version, current(desk).points) == (1, 1)
    (kept,) = drafts(desk)
    assert (kept.draft.name, kept.stale, list(kept.since)) == ("Autumn", False, [])
    assert list(kept.changes) == ["points for orders", "the days until points can be spent"]
    assert publish(desk, draft_id) == 2
    assert (current(desk).points, current(desk).hold_days, drafts(desk)) == (2, 3, [])
    with pytest.raises(loyalty.DraftUnknown):
        publish(desk, draft_id)


def test_a_stale_draft_cannot_overwrite_newer_terms_and_is_told_what_changed(desk: Desk) -> None:
    draft_id = keep(desk, points=2)
    with desk.work() as work:
        loyalty.change(work, expiry={"policy": "lot", "months": 12})
    with pytest.raises(loyalty.DraftStale, match=r"Version 2 .* beside version 1; it changed: expiry\."):
        publish(desk, draft_id)
    assert (current(desk).points, current(desk).expiry.months) == (1, 12)
    with desk.work() as work:
        assert loyalty.lay_anew(work, draft_id) == []
    assert publish(desk, draft_id) == 3
    assert (current(desk).points, current(desk).expiry.months) == (2, 12)


def test_a_part_that_both_changed_is_named_and_the_draft_s_stands(desk: Desk) -> None:
    draft_id = keep(desk, points=2, margin=30)
    with desk.work() as work:
        loyalty.change(work, points=7, hold_days=9)
    with desk.work() as work:
        assert loyalty.lay_anew(work, draft_id) == ["points for orders"]
    publish(desk, draft_id)
    assert (current(desk).points, current(desk).hold_days, current(desk).margin) == (2, 9, 30)


def test_a_draft_of_a_known_name_is_replaced_and_one_that_cannot_be_published_is_not_kept(desk: Desk) -> None:
    first, second = keep(desk, points=2), keep(desk, points=3)
    assert (first, [kept.draft.body["points"] for kept in drafts(desk)]) == (second, [3])
    for name in ("", "  ", "x" * 61, "two\nlines"):
        with pytest.raises(loyalty.DraftUnnamed):
            keep(desk, name)
    with pytest.raises(loyalty.TermsRefused):
        keep(desk, "Winter", points=-1)
    for number in range(19):
        keep(desk, f"Draft {number}")
    with pytest.raises(loyalty.TooManyDrafts):
        keep(desk, "One too many")
    assert keep(desk, points=4) == first
    with desk.work() as work:
        loyalty.drop_draft(work, first)
        assert len(terms.drafts(work, loyalty.DOMAIN)) == 19
