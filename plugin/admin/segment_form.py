"""The form of a segment's rule: what a merchant typed, as a tree to show again and as a rule to read.

Each part of the tree has a place in the names of its fields: ``trait-r.0.1`` is the second part of the first part of
the whole. What was typed stays as it was typed until somebody reads it as a rule, so nothing is lost by a mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from commerce.money import BadAmount, Money
from commerce.sayings import say
from commerce.traits import OPS, Kind, Op, Trait
from lifecycle import segments

ROOT = "r"
DEEPEST = 8
GROUP = "group"

OP_NAMES: Mapping[Op, str] = {
    Op.AT_LEAST: say("at least"), Op.AT_MOST: say("at most"), Op.EQUALS: say("exactly"),
    Op.BEFORE: say("before the day"), Op.SINCE: say("on the day or later"), Op.WITHIN: say("in the last … days"),
    Op.AGO: say("at least … days ago"), Op.AHEAD: say("in the next … days"), Op.KNOWN: say("is known"),
    Op.UNKNOWN: say("is not known"), Op.IS: say("is"), Op.IS_NOT: say("is not"),
}  # fmt: skip

Form = MultiDict[str, str]


@dataclass
class Node:
    """A part of the tree as it is shown: a group with its parts, or a condition with what stands in its fields."""

    place: str
    match: str = ""
    trait: Trait | None = None
    lost: str = ""
    """The name of a trait that is not known any more."""
    op: str = ""
    value: str = ""
    chosen: Sequence[str] = ()
    days: str = ""
    parts: list[Node] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)

    @property
    def depth(self) -> int:
        return self.place.count(".")

    @property
    def ops(self) -> Sequence[tuple[str, str]]:
        return [(str(op), OP_NAMES[op]) for op in OPS[self.trait.kind]] if self.trait else ()


def tree(form: Form, book: segments.Book) -> Node:
    """What was typed, its parts numbered anew without gaps."""
    return _group(form, book, ROOT, ROOT)


def _group(form: Form, book: segments.Book, typed: str, place: str) -> Node:
    node = Node(place, match=form.get(f"match-{typed}", "all"))
    if typed.count(".") >= DEEPEST:
        return node
    for number in range(segments.MOST_CONDITIONS):
        at, next_place = f"{typed}.{number}", f"{place}.{len(node.parts)}"
        if f"match-{at}" in form:
            node.parts.append(_group(form, book, at, next_place))
        elif key := form.get(f"trait-{at}"):
            trait = book.traits.get(key)
            node.parts.append(
                Node(
                    next_place, trait=trait, lost="" if trait else key, op=form.get(f"op-{at}", ""),
                    value=form.get(f"value-{at}", ""), chosen=_chosen(form, at), days=form.get(f"days-{at}", ""),
                )
            )  # fmt: skip
    return node


def _chosen(form: Form, at: str) -> Sequence[str]:
    """What was chosen from a list, and what was typed behind it with commas between."""
    typed = [word.strip() for word in form.get(f"more-{at}", "").split(",")]
    return list(dict.fromkeys([*form.getlist(f"choice-{at}"), *(word for word in typed if word)]))


def changed(form: Form, book: segments.Book, do: str) -> Node:
    """The tree after a button: a part more, or one less."""
    what, _, place = do.partition(":")
    root = tree(form, book)
    if what == "add" and (group := _find(root, place)) is not None and group.trait is None:
        new, number = form.get(f"new-{place}", ""), f"{place}.{len(group.parts)}"
        if new == GROUP:
            group.parts.append(Node(number, match="any"))
        elif new in book.traits:
            group.parts.append(Node(number, trait=book.traits[new]))
    elif what == "drop":
        above, _, _ = place.rpartition(".")
        if (group := _find(root, above)) is not None:
            group.parts = [part for part in group.parts if part.place != place]
            _renumber(group)
    return root


def _find(node: Node, place: str) -> Node | None:
    if node.place == place:
        return node
    return next((found for part in node.parts if (found := _find(part, place))), None)


def _renumber(node: Node) -> None:
    for number, part in enumerate(node.parts):
        part.place = f"{node.place}.{number}"
        _renumber(part)


def rule(node: Node, currency: str) -> dict[str, Any]:
    """The tree as a rule, as far as it can be read; what is no number stays the word that was typed."""
    return {"form": 1, **_body(node, currency)}


def _body(node: Node, currency: str) -> dict[str, Any]:
    if node.trait is None:
        if node.lost:
            return {"trait": node.lost, "op": node.op, "values": []}
        return {"match": node.match, "parts": [_body(part, currency) for part in node.parts]}
    trait, op = node.trait, node.op
    found: dict[str, Any] = {"trait": trait.key, "op": op, "values": []}
    if trait.kind is Kind.CHOICE:
        found["values"] = list(node.chosen)
    elif trait.kind is not Kind.FLAG and op not in (Op.KNOWN, Op.UNKNOWN):
        found["values"] = [_value(node, trait, currency)]
    if trait.counts:
        found["items"] = list(node.chosen)
    if trait.kind is Kind.TIMES and node.days.strip():
        found["days"] = _whole(node.days)
    return found


def _value(node: Node, trait: Trait, currency: str) -> int | str:
    typed = node.value.strip()
    if trait.kind is Kind.MONEY:
        try:
            return Money.parse(typed or "x", currency).minor
        except BadAmount:
            return typed
    return typed if node.op in (Op.BEFORE, Op.SINCE) else _whole(typed)


def _whole(typed: str) -> int | str:
    plain = typed.strip()
    return int(plain) if plain.isascii() and plain.isdigit() and len(plain) <= 15 else typed


def shown(given: Mapping[str, Any], book: segments.Book, currency: str) -> Node:
    """A rule that is kept, as the form shows it."""
    return _shown(given, book, currency, ROOT)


def _shown(given: Mapping[str, Any], book: segments.Book, currency: str, place: str) -> Node:
    if "parts" in given:
        parts = [_shown(part, book, currency, f"{place}.{n}") for n, part in enumerate(given["parts"])]
        return Node(place, match=given["match"], parts=parts)
    trait = book.traits.get(given["trait"])
    values = given.get("values") or []
    first = str(values[0]) if values else ""
    if trait and trait.kind is Kind.MONEY and values:
        first = Money(values[0], currency).decimal()
    chosen = given.get("items") or (values if trait and trait.kind is Kind.CHOICE else [])
    days = given.get("days")
    return Node(
        place, trait=trait, lost="" if trait else given["trait"], op=given["op"], value=first, chosen=list(chosen),
        days="" if days is None else str(days),
    )  # fmt: skip


def blame(node: Node, mistakes: Sequence[tuple[str, str]]) -> None:
    """Put each mistake beside the part that it is about."""
    for place, sentence in mistakes:
        (_find(node, f"{ROOT}.{place}" if place else ROOT) or node).mistakes.append(sentence)
