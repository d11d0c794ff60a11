"""Effects in bulk against the sandbox: two steps of a set of tags, each line's own answer, and every way to fail."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from commerce.store import BulkLook, BulkRefused, BulkRun, BulkStore, Effect, SetFields, SetTags, StoreError
from connectors.shopify import ShopifyStore
from connectors.shopify.writes.bulk import LEAST
from sandbox.bulk import BulkFaults
from tests.connectors.conftest import Platform

STAGES = ("stage:lead", "stage:acquired", "stage:retained")


@pytest.fixture
def store(platform: Platform) -> ShopifyStore:
    return platform.store()


def people(platform: Platform, count: int) -> list[str]:
    """Customers who were leads, and whom the merchant likes."""
    found = []
    for number in range(count):
        customer = platform.world.add_customer(f"p{number}@example.com")
        platform.world.shop().tag_customer(customer, ["vip", "stage:lead"], [])
        found.append(str(customer.id))
    return found


def retained(customers: Sequence[str]) -> list[SetTags]:
    return [SetTags(customer, "stage:", ("stage:retained",), STAGES) for customer in customers]


def run(effects: Sequence[Effect], state: str = "", name: str = "0123456789abcdef") -> BulkRun:
    return BulkRun(name, effects[0].kind, state, lambda: effects)


def to_the_end(platform: Platform, store: ShopifyStore, effects: Sequence[Effect]) -> tuple[list[str | None], int]:
    """The reasons, and how many looks it took while the platform works off all it has between two of them."""
    seen, looks = BulkLook("", 0), 0
    while seen.outcomes is None:
        seen = store.push_in_bulk(run(effects, seen.state))
        looks += 1
        platform.world.shop().run_bulk(at_once=True)
    return [outcome.reason if outcome else None for outcome in seen.outcomes], looks


def tags(platform: Platform) -> list[set[str]]:
    return [set(customer.tags) for customer in platform.world.shop().customers]


def test_the_shop_is_a_store_that_takes_effects_in_bulk(store: ShopifyStore) -> None:
    assert isinstance(store, BulkStore)
    assert store.bulk_least("segment") is None
    # far from the point where the plans cost the same: 140 points a run, 11 a call
    assert store.bulk_least(SetTags.kind) == LEAST == 250
    # twenty-five fields a call: 140 points are 350 of them
    assert store.bulk_least(SetFields.kind) == 351


def test_tags_go_in_two_steps_and_the_merchant_s_own_stay(platform: Platform, store: ShopifyStore) -> None:
    effects = retained(people(platform, 30))
    before = platform.world.stats["cost_points"]
    assert to_the_end(platform, store, effects) == ([None] * 30, 3)
    assert tags(platform) == [{"vip", "stage:retained"}] * 30
    assert platform.world.shop().bulk.mutations == {"tagsRemove": 30, "tagsAdd": 30}
    # for each step: the search, the place, the run; and a look at its end
    assert platform.world.stats["cost_points"] - before <= 2 * (10 + 10 + 10 + 1)


def test_a_step_in_progress_is_only_looked_at(platform: Platform, store: ShopifyStore) -> None:
    effects = retained(people(platform, 4))
    platform.world.shop().bulk.speed = 0
    begun = store.push_in_bulk(run(effects))
    again = store.push_in_bulk(
        BulkRun("0123456789abcdef", SetTags.kind, begun.state, lambda: pytest.fail("nobody needs the effects"))
    )
    assert (again.state, again.done, again.outcomes) == (begun.state, 0, None)
    assert len(list(platform.world.shop().bulk)) == 1


def test_a_step_whose_answer_was_lost_is_found_and_not_begun_twice(platform: Platform, store: ShopifyStore) -> None:
    effects = retained(people(platform, 4))
    first = store.push_in_bulk(run(effects))
    assert store.push_in_bulk(run(effects)).state == first.state
    other = store.push_in_bulk(run(effects, name="fedcba9876543210"))
    assert other.state != first.state
    assert [one.type for one in platform.world.shop().bulk] == ["MUTATION", "MUTATION"]


def test_fields_go_through_the_same_seam(platform: Platform, store: ShopifyStore) -> None:
    customers = [*people(platform, 3), "99"]
    effects = [SetFields(c, "lifecycle", {"stage": "retained"}) for c in customers]
    reasons, looks = to_the_end(platform, store, effects)
    assert (reasons[:3], looks) == ([None] * 3, 2)
    assert reasons[3] is not None
    assert platform.world.shop().bulk.mutations == {"metafieldsSet": 4}
    gone = [SetFields(c, "lifecycle", {"stage": None}) for c in customers[:3]]
    assert to_the_end(platform, store, gone)[0] == [None] * 3
    assert store.set_fields(gone) == [None] * 3


def test_each_customer_gets_an_answer_of_its_own(platform: Platform, store: ShopifyStore) -> None:
    ann, ben = people(platform, 2)
    effects = [*retained(["99"]), *retained([ann]), *retained(["no number"]), *retained([ben])]
    reasons, _ = to_the_end(platform, store, effects)
    assert reasons == [
        "the customer is not in the store: deleted, or merged",
        None,
        "the store has no such customer",
        None,
    ]
    assert tags(platform) == [{"vip", "stage:retained"}] * 2


def test_an_effect_that_only_removes_has_no_second_step(platform: Platform, store: ShopifyStore) -> None:
    (ann,) = people(platform, 1)
    reasons, looks = to_the_end(platform, store, [SetTags(ann, "stage:", (), STAGES)])
    assert (reasons, looks, tags(platform)) == ([None], 2, [{"vip"}])


def test_what_a_broken_off_step_confirms_goes_on_and_the_rest_is_told_to_come_again(
    platform: Platform, store: ShopifyStore
) -> None:
    effects = retained(people(platform, 6))
    platform.world.shop().bulk.faults = BulkFaults(fail_after=4)
    seen = store.push_in_bulk(run(effects))
    platform.world.shop().bulk.faults = BulkFaults()
    while seen.outcomes is None:
        platform.world.shop().run_bulk(at_once=True)
        seen = store.push_in_bulk(run(effects, seen.state))
    assert [outcome is None for outcome in seen.outcomes] == [True] * 4 + [False] * 2
    assert all(not outcome.permanent and outcome.retry_after == 0 for outcome in seen.outcomes if outcome)
    assert tags(platform) == [{"vip", "stage:retained"}] * 4 + [{"vip", "stage:lead"}] * 2


def test_a_result_that_is_gone_confirms_nothing(platform: Platform, store: ShopifyStore) -> None:
    platform.world.shop().bulk.faults = BulkFaults(gone=True)
    reasons, _ = to_the_end(platform, store, retained(people(platform, 2)))
    assert reasons == ["the bulk run ended (completed) without a word about this"] * 2


def test_a_run_that_was_stopped_takes_no_further_step(platform: Platform, store: ShopifyStore) -> None:
    effects = retained(people(platform, 3))
    platform.world.shop().bulk.faults = BulkFaults(stuck_after=1)
    begun = store.push_in_bulk(run(effects))
    platform.world.shop().run_bulk(at_once=True)
    assert store.push_in_bulk(run(effects, begun.state)).done == 1
    store.cancel_bulk(run(effects, begun.state))
    ended = store.push_in_bulk(run(effects, begun.state))
    assert ended.outcomes is not None
    assert [o.reason for o in ended.outcomes if o] == ["the bulk run ended (canceled) without a word about this"] * 3
    assert len(list(platform.world.shop().bulk)) == 1
    store.cancel_bulk(run(effects, begun.state))


@pytest.mark.parametrize(
    "faults, words",
    [(BulkFaults(refused="mutation"), "permission"), (BulkFaults(unlisted=True), "not on its list")],
)
def test_a_store_that_refuses_runs_says_so_and_takes_calls(
    platform: Platform, store: ShopifyStore, faults: BulkFaults, words: str
) -> None:
    effects = retained(people(platform, 2))
    platform.world.shop().bulk.faults = faults
    with pytest.raises(BulkRefused, match=words) as told:
        store.push_in_bulk(run(effects))
    assert (told.value.permanent, told.value.closed) == (True, False)
    assert store.set_tags(effects) == [None, None]


def test_a_store_that_is_busy_with_five_runs_is_asked_again_in_a_minute(
    platform: Platform, store: ShopifyStore
) -> None:
    effects = retained(people(platform, 1))
    platform.world.shop().bulk.speed = 0
    for number in range(5):
        store.push_in_bulk(run(effects, name=f"{number:016x}"))
    with pytest.raises(StoreError) as told:
        store.push_in_bulk(run(effects, name="f" * 16))
    assert (told.value.permanent, told.value.retry_after) == (False, 60)


def test_a_run_of_a_scope_that_was_taken_away_is_parked_line_by_line(platform: Platform, store: ShopifyStore) -> None:
    """The lines are what is denied here, not the run: each is told so."""
    effects = retained(people(platform, 1))
    installation = platform.world.install()
    for token in installation.access.values():
        token.scopes = ("read_customers",)
    reasons, _ = to_the_end(platform, store, effects)
    assert reasons == ["the store answered ACCESS_DENIED"]
