"""The platform's search syntax, as far as reconciliation needs it: `field:value`, comparisons, ranges, AND,
OR, NOT, `-`.

A field that the query of this connection does not know is ignored with a warning, not an error; so does the
platform, and a misspelt filter that silently returns everything is a mistake worth meeting on a laptop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

TERM = re.compile(
    r"""(?P<join>\bAND\b|\bOR\b)|(?P<neg>-|\bNOT\s+)?(?P<field>[a-z_]+):(?P<op>>=|<=|>|<)?"""
    r"""(?P<value>'[^']*'|"[^"]*"|[^\s()]+)|(?P<word>'[^']*'|"[^"]*"|[^\s()]+)|[()]"""
)
Test = Callable[[Any], bool]
Fields = Mapping[str, Callable[[Any], Any]]


def compile_search(query: str | None, fields: Fields, warnings: list[dict[str, Any]]) -> Test | None:
    """A test over the connection's objects; None when everything matches. Parentheses are read as spaces."""
    groups: list[list[Test]] = [[]]
    ignored: list[dict[str, str]] = []
    for match in TERM.finditer(query or ""):
        if match["join"] == "OR":
            groups.append([])
        elif match["field"]:
            name = match["field"]
            if name not in fields:
                ignored.append(
                    {
                        "field": name,
                        "message": "Invalid search field for this query.",
                        "code": "invalid_field",
                    }
                )
                continue
            test = _term(fields[name], match["op"] or "=", _bare(match["value"]))
            groups[-1].append(_negate(test) if match["neg"] else test)
        elif match["word"] and "default" in fields:
            groups[-1].append(_term(fields["default"], "~", _bare(match["word"])))
    if ignored:
        warnings.append({"path": [], "query": query, "parsed": {}, "warnings": ignored})
    groups = [group for group in groups if group]
    if not groups:
        return None
    return lambda item: any(all(test(item) for test in group) for group in groups)


def _negate(test: Test) -> Test:
    return lambda item: not test(item)


def _bare(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] in "'\"" and text[-1] == text[0] else text


def _term(field: Callable[[Any], Any], operator: str, wanted: str) -> Test:
    compare = {
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
    }.get(operator)
    if compare is not None:
        bound = _comparable(wanted)
        return lambda item: (value := field(item)) is not None and compare(float(value), bound)
    return lambda item: _equal(field(item), wanted, operator == "~")


def _equal(value: Any, wanted: str, part: bool) -> bool:
    if value is None:
        return False
    if isinstance(value, (list, tuple, set, frozenset)):
        return any(_equal(one, wanted, part) for one in value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value) == _comparable(wanted)
    text, wanted = str(value).casefold(), wanted.casefold()
    if wanted.endswith("*"):
        return text.startswith(wanted[:-1])
    return wanted in text if part else text == wanted


def _comparable(text: str) -> float:
    """A number, or the instant of a date, as a number; what is neither is later than everything."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return float("inf")
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def matching(items: Iterable[Any], test: Test | None) -> Iterable[Any]:
    return items if test is None else (item for item in items if test(item))
