"""Sentences that the domains make, in English, which remember what they were made of.

A rule knows why it said no, and says so; it does not know who will read it. So a sentence is text, for logs, for tests
and for whoever reads English, and beside that it keeps its pattern and what was filled in: the pages say it again in
the reader's language (`plugin.languages.told`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Saying(str):
    """A sentence in English, with the pattern that it came from.

    `pattern` is what catalogues of translations know it by; `many` is the pattern for several of `values["num"]`.
    """

    __slots__ = ("many", "pattern", "values")

    pattern: str
    many: str | None
    values: Mapping[str, object]

    def __new__(cls, english: str, pattern: str, many: str | None, values: Mapping[str, object]) -> Saying:
        made = super().__new__(cls, english)
        made.pattern, made.many, made.values = pattern, many, values
        return made

    def __getnewargs__(self) -> tuple[str, str, str | None, Mapping[str, object]]:  # type: ignore[override]
        """What a copy is made of: a saying that went through `pickle` or `copy` is still one."""
        return str(self), self.pattern, self.many, self.values


def say(pattern: str, /, **values: object) -> Saying:
    """``say("The order is in %(theirs)s.", theirs="EUR")``. A per cent sign is doubled where there are values.

    A value may be a saying, a number (`int`, `Decimal`), money, a day, or a tuple of what is listed: whoever reads it
    gets it in their own digits, with groups of thousands.
    """
    return Saying(pattern % _filled(values) if values else pattern, pattern, None, values)


def say_many(one: str, many: str, num: int, /, **values: object) -> Saying:
    """``say_many("%(num)s point", "%(num)s points", 1200)``: for one of `num`, and for every other number."""
    values = {"num": num, **values}
    return Saying((one if num == 1 else many) % _filled(values), one, many, values)


def as_said(text: str) -> Saying:
    """Text that is a pattern as it stands; a saying stays what it is."""
    return text if isinstance(text, Saying) else Saying(text, text, None, {})


# One sentence after the other: no pattern that anybody translates.
SENTENCES = "%(said)s"


def sentences(phrases: Iterable[str]) -> Saying:
    """Phrases as sentences, one after the other: each begins with a capital and ends with a full stop."""
    said = tuple(phrases)
    return Saying(" ".join(f"{each[:1].upper()}{each[1:]}." for each in said), SENTENCES, None, {"said": said})


def run_on(said: Iterable[str]) -> Saying:
    """Whole sentences one after the other."""
    whole = tuple(said)
    names = [f"sentence{place}" for place in range(len(whole))]
    pattern = " ".join(f"%({name})s" for name in names)
    return Saying(" ".join(whole), pattern, None, dict(zip(names, whole, strict=True)))


def listed(phrases: Iterable[str]) -> Saying:
    """Phrases one after the other, with commas between."""
    said = tuple(phrases)
    return Saying(", ".join(said), "%(listed)s", None, {"listed": said})


def together(names: Iterable[str]) -> str:
    """``silver and gold``, ``bronze, silver and gold``."""
    *first, last = names
    return say("%(first)s and %(last)s", first=listed(first), last=last) if first else last


def said_by(error: Exception) -> str:
    """What an error says: the saying that it was raised with, if it was one."""
    return error.args[0] if error.args and isinstance(error.args[0], Saying) else str(error)


def _filled(values: Mapping[str, object]) -> Mapping[str, object]:
    # A sentence is made for each order that settles: what needs no change is not copied.
    for value in values.values():
        if type(value) is tuple:
            return {name: _joined(each) for name, each in values.items()}
    return values


def _joined(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else value
