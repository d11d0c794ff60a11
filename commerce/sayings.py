"""Sentences that the domains make, in English, which remember what they were made of.

A rule knows why it said no, and says so; it does not know who will read it. So a sentence is text, for logs, for tests
and for whoever reads English, and beside that it keeps its pattern and what was filled in: the pages say it again in
the reader's language (`plugin.languages.told`).
"""

from __future__ import annotations

from collections.abc import Mapping


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

    A value may be a saying; whole numbers get their groups of thousands.
    """
    return Saying(pattern % _filled(values) if values else pattern, pattern, None, values)


def say_many(one: str, many: str, num: int, /, **values: object) -> Saying:
    """``say_many("%(num)s point", "%(num)s points", 1200)``: for one of `num`, and for every other number."""
    values = {"num": num, **values}
    return Saying((one if num == 1 else many) % _filled(values), one, many, values)


def _filled(values: Mapping[str, object]) -> dict[str, object]:
    return {
        name: f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in values.items()
    }
