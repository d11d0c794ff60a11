"""The rule of a segment: a small tree of conditions, and what is wrong with one.

A group holds when all, any or none of its parts hold; a condition compares one trait of a customer with what the
merchant wrote. Rules are values: they are kept as JSON with the version of this form, say what they mean in words, and
are never run as text. Whatever a merchant typed stays a value that the database is given beside the question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import reduce
from typing import Any

from commerce import sayings
from commerce.refusal import Refusal
from commerce.traits import BY_TIME, OPS, Kind, Op, Trait

# The version of the form in which rules are kept: another form is another number.
FORM = 1

# A person reads no deeper and no longer rule; each condition costs the database one look through a table at most.
MOST_DEPTH = 4
MOST_CONDITIONS = 25
MOST_VALUES = 50
LONGEST_VALUE = 200
MOST_DAYS = 3650
MOST = 10**15

Traits = Mapping[str, Trait]


class NotARule(Refusal):
    """This is no rule of a segment."""

    def __init__(self, mistakes: Sequence[tuple[str, str]]) -> None:
        super().__init__(sayings.run_on(sentence for _, sentence in mistakes))
        self.mistakes = tuple(mistakes)
        """Where each mistake is, as the numbers of the parts on the way ("1.0"), and its sentence."""


class Match(StrEnum):
    """How many parts of a group must hold."""

    ALL = "all"
    ANY = "any"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `values`: whole numbers, days such as ``2026-03-14``, or words; `items`: of which things it is
    counted; `days`: how far back, None for ever.
    """

    trait: str
    op: Op
    values: tuple[int | str, ...] = ()
    items: tuple[str, ...] = ()
    days: int | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Parts that belong together. One without parts holds for everybody, or for nobody where any of them should."""

    match: Match
    parts: tuple[Condition | Group, ...] = ()


def conditions(rule: Group) -> Iterator[Condition]:
    """Every condition of the tree, in reading order."""
    for part in rule.parts:
        if isinstance(part, Group):
            yield from conditions(part)
        else:
            yield part


def timed(rule: Group) -> bool:
    """Whether time alone changes whom the rule holds for."""
    return any(c.op in BY_TIME or c.days is not None for c in conditions(rule))


# --- as it is kept


def body(rule: Group) -> dict[str, Any]:
    """The rule as JSON."""
    return {"form": FORM, **_group_body(rule)}


def _group_body(group: Group) -> dict[str, Any]:
    parts = [_group_body(p) if isinstance(p, Group) else _condition_body(p) for p in group.parts]
    return {"match": str(group.match), "parts": parts}


def _condition_body(condition: Condition) -> dict[str, Any]:
    found: dict[str, Any] = {"trait": condition.trait, "op": str(condition.op), "values": list(condition.values)}
    if condition.items:
        found["items"] = list(condition.items)
    if condition.days is not None:
        found["days"] = condition.days
    return found


def read(given: Any, traits: Traits) -> Group:
    """The rule that `given` (parsed JSON) says. Refuses with `NotARule`, naming every mistake and its place."""
    if not isinstance(given, Mapping) or given.get("form") != FORM:
        raise NotARule([("", sayings.say("A rule is an object of form %(form)s.", form=FORM))])
    reading = _Reading(traits)
    rule = reading.group(given, (), 1)
    if not reading.mistakes and not any(True for _ in conditions(rule)):
        reading.fault((), sayings.say("Add at least one condition: a segment of everybody needs no rule."))
    if reading.many > MOST_CONDITIONS:
        reading.fault((), sayings.say("A rule has %(most)s conditions at most.", most=MOST_CONDITIONS))
    if reading.mistakes:
        raise NotARule(reading.mistakes)
    return rule


class _Reading:
    """Reads one tree and notes what is wrong on the way. Depth and number are bounded before anything is read."""

    def __init__(self, traits: Traits) -> None:
        self._traits = traits
        self.mistakes: list[tuple[str, str]] = []
        self.many = 0

    def fault(self, place: Sequence[int], sentence: str) -> None:
        self.mistakes.append((".".join(map(str, place)), sentence))

    def group(self, given: Mapping[str, Any], place: tuple[int, ...], depth: int) -> Group:
        parts, match = given.get("parts"), given.get("match")
        if match not in tuple(Match):
            self.fault(place, sayings.say("Say whether all, any or none of the conditions must hold."))
            match = Match.ALL
        if not isinstance(parts, list) or len(parts) > MOST_CONDITIONS:
            self.fault(place, sayings.say("A group has a list of %(most)s parts at most.", most=MOST_CONDITIONS))
            return Group(Match(match))
        read = [self._part(part, (*place, number), depth) for number, part in enumerate(parts)]
        return Group(Match(match), tuple(part for part in read if part is not None))

    def _part(self, given: Any, place: tuple[int, ...], depth: int) -> Condition | Group | None:
        if not isinstance(given, Mapping):
            self.fault(place, sayings.say("A part of a rule is a condition or a group."))
            return None
        if "parts" in given:
            if depth >= MOST_DEPTH:
                self.fault(place, sayings.say("Groups lie in one another %(most)s deep at most.", most=MOST_DEPTH))
                return None
            return self.group(given, place, depth + 1)
        self.many += 1
        trait = self._traits.get(given["trait"]) if isinstance(given.get("trait"), str) else None
        if trait is None:
            self.fault(place, sayings.say("This condition asks for something that is not known here. Take it out."))
            return None
        return self._condition(trait, given, place)

    def _condition(self, trait: Trait, given: Mapping[str, Any], place: tuple[int, ...]) -> Condition | None:
        op, values, items, days = given.get("op"), given.get("values", []), given.get("items", []), given.get("days")
        if op not in OPS[trait.kind]:
            self.fault(place, sayings.say("%(trait)s: choose how to compare.", trait=trait.name))
            return None
        faults = [
            *_value_faults(trait, Op(op), values),
            *_item_faults(trait, items),
            *(
                _day_faults(days)
                if trait.kind is Kind.TIMES
                else [sayings.say("no time of its own")]
                if days is not None
                else []
            ),
        ]
        for fault in faults:
            self.fault(place, sayings.say("%(trait)s: %(fault)s.", trait=trait.name, fault=fault))
        if faults:
            return None
        unique = tuple(dict.fromkeys(values))
        return Condition(trait.key, Op(op), unique, tuple(dict.fromkeys(items)), days)


def _value_faults(trait: Trait, op: Op, values: Any) -> list[str]:
    if not isinstance(values, list) or len(values) > MOST_VALUES:
        return [sayings.say("at most %(most)s values", most=MOST_VALUES)]
    if op in (Op.KNOWN, Op.UNKNOWN) or trait.kind is Kind.FLAG:
        return [sayings.say("nothing is compared with it")] if values else []
    if trait.kind is Kind.CHOICE:
        return _word_faults(trait, values)
    if len(values) != 1:
        return [sayings.say("write what to compare it with")]
    if op in (Op.BEFORE, Op.SINCE):
        return [] if _is_day(values[0]) else [sayings.say("write a day, such as 2026-03-14")]
    if trait.kind is Kind.MONEY and not _is_whole(values[0], MOST):
        return [sayings.say("write an amount of money, such as 250.00")]
    most = MOST_DAYS if op in BY_TIME else 100 if trait.kind is Kind.PERCENT else MOST
    return (
        [] if _is_whole(values[0], most) else [sayings.say("write a whole number from 0 to %(most)s", most=f"{most:,}")]
    )


def _word_faults(trait: Trait, values: Sequence[Any]) -> list[str]:
    if not values:
        return [sayings.say("choose at least one")]
    if not all(_is_word(value) for value in values):
        return [sayings.say("each choice is a word of %(longest)s letters at most", longest=LONGEST_VALUE)]
    known = {key for key, _ in trait.choices}
    return [sayings.say("one of the choices is not known here")] if known and not known.issuperset(values) else []


def _item_faults(trait: Trait, items: Any) -> list[str]:
    if not isinstance(items, list) or len(items) > MOST_VALUES or not all(_is_word(item) for item in items):
        return [
            sayings.say(
                "name %(most)s things at most, each with %(longest)s letters at most",
                most=MOST_VALUES,
                longest=LONGEST_VALUE,
            )
        ]
    if items and not trait.counts:
        return [sayings.say("nothing in particular can be named here")]
    return [_name_one(trait.counts)] if trait.counts and not items else []


def _name_one(counts: str) -> str:
    return _NAME_ONE.get(counts) or sayings.say("name at least one %(thing)s", thing=counts)


_NAME_ONE: Mapping[str, str] = {
    "product": sayings.say("name at least one product"),
    "variant": sayings.say("name at least one variant"),
    "maker": sayings.say("name at least one maker"),
    "code": sayings.say("name at least one code"),
    "channel": sayings.say("name at least one channel"),
    "tag": sayings.say("name at least one tag"),
    "action": sayings.say("name at least one action"),
}


def _day_faults(days: Any) -> list[str]:
    return (
        []
        if days is None or (_is_whole(days, MOST_DAYS) and days > 0)
        else [sayings.say("1 to %(most)s days, or ever", most=f"{MOST_DAYS:,}")]
    )


def _is_whole(value: Any, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _is_word(value: Any) -> bool:
    # A database cannot hold the letter NUL, nor half of a letter.
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_VALUE or "\0" in value:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def _is_day(value: Any) -> bool:
    if not isinstance(value, str) or len(value) != 10 or not value.isascii():
        return False
    try:
        # The database and the clock know years with four digits, and an instant needs room on both sides.
        return 1 < date.fromisoformat(value).year < 9999
    except ValueError:
        return False


# --- in words

Say = Callable[[Trait, int | str], str]
"""How a value of a trait is said to a person: money with its currency, a product by its title."""


def sentence(rule: Group, traits: Traits, say: Say = lambda _trait, value: str(value)) -> str:
    """The rule as a sentence that a merchant can check: "stage is lapsed, and spent is at least 200.00 USD"."""
    return sayings.sentences([_words(rule, traits, say)]) if rule.parts else sayings.say("Everybody.")


def _words(rule: Group, traits: Traits, say: Say) -> str:
    said = [
        sayings.say("(%(rule)s)", rule=_words(p, traits, say)) if isinstance(p, Group) else _said(p, traits, say)
        for p in rule.parts
    ]
    if rule.match is Match.NONE:
        return sayings.say("none of: %(rules)s", rules=reduce(_semicolon, said))
    return reduce(_and if rule.match is Match.ALL else _or, said)


def _and(one: str, other: str) -> str:
    return sayings.say("%(one)s, and %(other)s", one=one, other=other)


def _or(one: str, other: str) -> str:
    return sayings.say("%(one)s, or %(other)s", one=one, other=other)


def _semicolon(one: str, other: str) -> str:
    return sayings.say("%(one)s; %(other)s", one=one, other=other)


def _either(one: str, other: str) -> str:
    return sayings.say("%(one)s or %(other)s", one=one, other=other)


def _said(condition: Condition, traits: Traits, say: Say) -> str:
    trait, days = traits.get(condition.trait), condition.days
    if trait is None:
        return sayings.say("something that is not known here any more")
    name = trait.name
    if condition.items:
        items = reduce(_either, [say(trait, item) for item in condition.items])
        name = sayings.say("%(trait)s (%(items)s)", trait=name, items=items)
    if trait.kind is Kind.FLAG:
        return name if condition.op is Op.IS else sayings.say("not: %(trait)s", trait=name)
    values = [say(trait, value) for value in condition.values]
    if condition.op in BY_TIME:
        phrase = _by_time(condition.op, int(condition.values[0]), trait=name, days=values[0])
    else:
        phrase = _compared(condition.op, trait=name, value=reduce(_either, values) if values else "")
    if days is None:
        return phrase
    return sayings.say_many("%(what)s in the last %(num)s day", "%(what)s in the last %(num)s days", days, what=phrase)


def _by_time(op: Op, many: int, **said: str) -> str:
    if op is Op.WITHIN:
        return sayings.say_many(
            "%(trait)s was in the last %(days)s day", "%(trait)s was in the last %(days)s days", many, **said
        )
    if op is Op.AGO:
        return sayings.say_many(
            "%(trait)s was %(days)s day ago or earlier", "%(trait)s was %(days)s days ago or earlier", many, **said
        )
    return sayings.say_many(
        "%(trait)s is in the next %(days)s day", "%(trait)s is in the next %(days)s days", many, **said
    )


def _compared(op: Op, **said: str) -> str:
    match op:
        case Op.AT_LEAST:
            return sayings.say("%(trait)s is at least %(value)s", **said)
        case Op.AT_MOST:
            return sayings.say("%(trait)s is at most %(value)s", **said)
        case Op.EQUALS:
            return sayings.say("%(trait)s is exactly %(value)s", **said)
        case Op.BEFORE:
            return sayings.say("%(trait)s was before %(value)s", **said)
        case Op.SINCE:
            return sayings.say("%(trait)s was on %(value)s or later", **said)
        case Op.KNOWN:
            return sayings.say("%(trait)s is known", **said)
        case Op.UNKNOWN:
            return sayings.say("%(trait)s is not known", **said)
        case Op.IS_NOT:
            return sayings.say("%(trait)s is not %(value)s", **said)
    return sayings.say("%(trait)s is %(value)s", **said)
