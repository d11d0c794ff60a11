"""What a segment's rule may say, how mistakes are told, and that a rule is the same after it was kept."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.traits import OPS, Kind, Op, Trait
from lifecycle.rules.ready import READY
from lifecycle.rules.segments import (
    LONGEST_VALUE,
    MOST_CONDITIONS,
    MOST_DEPTH,
    Condition,
    Group,
    Match,
    NotARule,
    body,
    read,
    sentence,
    timed,
)
from lifecycle.rules.stages import STAGES


def trait(key: str, kind: Kind, **more: Any) -> Trait:
    return Trait(key, key.replace("_", " "), "…", kind, "Group", key, **more)


TRAITS = {
    one.key: one
    for one in (
        trait("orders", Kind.NUMBER, absent=0), trait("spent", Kind.MONEY), trait("churn", Kind.PERCENT),
        trait("last_order", Kind.INSTANT), trait("tier", Kind.CHOICE), trait("guest", Kind.FLAG),
        trait("stage", Kind.CHOICE, choices=(("lead", "lead"), ("lapsed", "lapsed"))),
        trait("bought", Kind.TIMES, counts="product"), trait("orders_in", Kind.TIMES),
    )
}  # fmt: skip


def rule(*parts: Any, match: str = "all") -> dict[str, Any]:
    return {"form": 1, "match": match, "parts": list(parts)}


def ask(key: Any, op: Any, *values: Any, **more: Any) -> dict[str, Any]:
    return {"trait": key, "op": op, "values": list(values), **more}


def mistakes(made: Any) -> list[tuple[str, str]]:
    with pytest.raises(NotARule) as refused:
        read(made, TRAITS)
    return list(refused.value.mistakes)


WRONG = [
    (ask("orders", "at_least", "many"), "orders: write a whole number from 0 to 1,000,000,000,000,000."),
    (ask("orders", "at_least", -1), "orders: write a whole number from 0 to 1,000,000,000,000,000."),
    (ask("orders", "at_least", True), "orders: write a whole number from 0 to 1,000,000,000,000,000."),
    (ask("orders", "at_least", 10**16), "orders: write a whole number from 0 to 1,000,000,000,000,000."),
    (ask("orders", "at_least"), "orders: write what to compare it with."),
    (ask("orders", "at_least", 1, 2), "orders: write what to compare it with."),
    (ask("orders", "within", 1), "orders: choose how to compare."),
    (ask("orders", ["at_least"], 1), "orders: choose how to compare."),
    (ask("orders", "at_least", 1, days=3), "orders: no time of its own."),
    (ask("orders", "at_least", 1, items=["x"]), "orders: nothing in particular can be named here."),
    (ask("orders", "known", 1), "orders: nothing is compared with it."),
    (ask("spent", "at_least", "12.x"), "spent: write an amount of money, such as 250.00."),
    (ask("churn", "at_least", 101), "churn: write a whole number from 0 to 100."),
    (ask("last_order", "within", 3651), "last order: write a whole number from 0 to 3,650."),
    (ask("last_order", "before", "2026-02-30"), "last order: write a day, such as 2026-03-14."),
    (ask("last_order", "before", "20260214"), "last order: write a day, such as 2026-03-14."),
    (ask("last_order", "before", "0001-01-01"), "last order: write a day, such as 2026-03-14."),
    (ask("stage", "is"), "stage: choose at least one."),
    (ask("stage", "is", "asleep"), "stage: one of the choices is not known here."),
    (ask("tier", "is", "a" * (LONGEST_VALUE + 1)), f"tier: each choice is a word of {LONGEST_VALUE} letters at most."),
    (ask("tier", "is", "a\0b"), f"tier: each choice is a word of {LONGEST_VALUE} letters at most."),
    (ask("tier", "is", "\ud800"), f"tier: each choice is a word of {LONGEST_VALUE} letters at most."),
    (ask("guest", "is", "yes"), "guest: nothing is compared with it."),
    (ask("bought", "at_least", 1), "bought: name at least one product."),
    (ask("bought", "at_least", 1, items=["x"], days=0), "bought: 1 to 3,650 days, or ever."),
    (ask("bought", "at_least", 1, items=["x"], days="ten"), "bought: 1 to 3,650 days, or ever."),
    (ask("horoscope", "is", "leo"), "This condition asks for something that is not known here. Take it out."),
    ({"op": "is"}, "This condition asks for something that is not known here. Take it out."),
    (ask(["orders"], "is"), "This condition asks for something that is not known here. Take it out."),
    ("orders > 1", "A part of a rule is a condition or a group."),
    ({"match": "some", "parts": []}, "Say whether all, any or none of the conditions must hold."),
    ({"match": "all", "parts": "all"}, f"A group has a list of {MOST_CONDITIONS} parts at most."),
]


@pytest.mark.parametrize("part, said", WRONG, ids=lambda value: str(value)[:40])
def test_a_mistake_is_said_with_its_place(part: Any, said: str) -> None:
    assert mistakes(rule(ask("orders", "at_least", 1), part))[0] == ("1", said)


def test_all_mistakes_are_said_at_once() -> None:
    inner = {"match": "any", "parts": [ask("spent", "at_least", "x"), ask("orders", "at_least", 1)]}
    found = mistakes(rule(ask("orders", "at_least", "x"), inner))
    assert [place for place, _ in found] == ["0", "1.0"]


@pytest.mark.parametrize("made", [None, [], "rule", {}, {"form": 2, "match": "all", "parts": []}])
def test_what_is_no_rule_is_refused(made: Any) -> None:
    assert mistakes(made) == [("", "A rule is an object of form 1.")]


def test_a_rule_of_everybody_is_refused() -> None:
    assert mistakes(rule()) == [("", "Add at least one condition: a segment of everybody needs no rule.")]
    assert mistakes(rule({"match": "any", "parts": []}))[0][0] == ""


def test_rules_are_bounded_in_depth_and_number() -> None:
    deep: Any = ask("orders", "at_least", 1)
    for _ in range(MOST_DEPTH - 1):
        deep = {"match": "any", "parts": [deep]}
    assert read(rule(deep), TRAITS).parts
    assert mistakes(rule({"match": "any", "parts": [deep]}))[0][1].startswith(f"Groups lie in one another {MOST_DEPTH}")
    many = [ask("orders", "at_least", n) for n in range(MOST_CONDITIONS)]
    assert read(rule(*many), TRAITS).parts
    halves = [{"match": "any", "parts": many[:20]}, {"match": "any", "parts": many[:20]}]
    assert mistakes(rule(*halves)) == [("", f"A rule has {MOST_CONDITIONS} conditions at most.")]
    # A tree that is deep beyond reason costs no more than its first groups.
    for _ in range(100_000):
        deep = {"match": "any", "parts": [deep]}
    assert len(mistakes(rule(deep))) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["form", "match", "parts", "trait", "op", "values", "items", "days"]), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


def attempt(made: Any) -> Group | NotARule:
    try:
        return read(made, TRAITS)
    except NotARule as refusal:
        return refusal


@given(JSON)
def test_whatever_is_given_is_read_or_refused(made: Any) -> None:
    found = attempt(made)
    assert found.message if isinstance(found, NotARule) else read(body(found), TRAITS) == found


@given(JSON)
def test_whatever_stands_in_a_rule_is_read_or_refused(part: Any) -> None:
    found = attempt(rule(ask("orders", "at_least", 1), part, ask("bought", part, part, items=part, days=part)))
    assert found.mistakes if isinstance(found, NotARule) else read(body(found), TRAITS) == found


def test_a_rule_is_the_same_after_it_was_kept() -> None:
    made = Group(
        Match.NONE,
        (
            Condition("stage", Op.IS, ("lead", "lapsed")),
            Group(Match.ANY, (Condition("bought", Op.AT_LEAST, (2,), ("p1", "ü"), 30), Condition("guest", Op.IS_NOT))),
        ),
    )
    assert read(json.loads(json.dumps(body(made))), TRAITS) == made


def test_rules_say_what_they_mean() -> None:
    made = read(
        rule(
            ask("stage", "is", "lapsed"),
            {"match": "any", "parts": [ask("spent", "at_least", 20_000), ask("bought", "at_most", 0, items=["p1", "p2"],
                                                                             days=90)]},
            {"match": "none", "parts": [ask("guest", "is"), ask("last_order", "ago", 60)]},
        ),
        TRAITS,
    )  # fmt: skip
    assert sentence(made, TRAITS, lambda _trait, value: f"<{value}>") == (
        "Stage is <lapsed>, and (spent is at least <20000>, or bought (<p1> or <p2>) is at most <0> in the last 90 "
        "days), and (none of: guest; last order was <60> days ago or earlier)."
    )


def test_only_rules_that_time_moves_are_timed() -> None:
    assert not timed(read(rule(ask("orders", "at_least", 1), ask("last_order", "before", "2026-01-01")), TRAITS))
    assert timed(read(rule(ask("last_order", "ago", 3)), TRAITS))
    assert timed(read(rule({"match": "none", "parts": [ask("orders_in", "at_least", 1, days=3)]}), TRAITS))
    assert not timed(read(rule(ask("orders_in", "at_least", 1)), TRAITS))


def test_every_kind_of_trait_has_its_comparisons() -> None:
    assert set(OPS) == set(Kind)


def test_every_stage_has_segments_that_are_ready() -> None:
    """`developing` and all the others: none is left without a first campaign."""
    assert {ready.stage for ready in READY} == set(STAGES)
    assert len({ready.key for ready in READY}) == len(READY)
