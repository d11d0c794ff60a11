"""What domains say to people, they say by `commerce.sayings`: so that a page can tell it in its reader's language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.house.sources import ROOT

RULES = sorted(
    file.relative_to(ROOT).as_posix() for domain in ("loyalty", "referral", "lifecycle")
    for file in (ROOT / domain / "rules").glob("*.py")
)  # fmt: skip
SAID = {"say", "say_many"}
# Sentences that are for no reader of ours: what another's mistake is called in an assertion, names of programs and of
# those who bill for advertising, and the words of an invitation, which has languages of its own.
UNREAD = {
    "yesterday's instant is always over", "WooCommerce Points and Rewards", "YITH Points and Rewards",
    "google ads", "bing ads", "microsoft ads", "facebook ads", "meta ads", "instagram ads", "tiktok ads",
    "pinterest ads", "snapchat ads",
}  # fmt: skip
ELSEWHERE = {"referral/rules/inviting.py"}


@pytest.mark.parametrize("file", [file for file in RULES if file not in ELSEWHERE])
def test_a_rule_says_its_sentences_by_their_patterns(file: str) -> None:
    found = set(_sentences(ast.parse((ROOT / file).read_text("utf-8")))) - UNREAD
    assert found == set(), "say it by commerce.sayings: say(...) or say_many(...)"


def test_what_is_no_sentence_for_readers_is_still_there() -> None:
    every = {text for file in RULES for text in _sentences(ast.parse((ROOT / file).read_text("utf-8")))}
    assert every >= UNREAD, "take those out of the list that nobody writes any more"


def test_a_bare_sentence_would_be_found() -> None:
    bare = ast.parse("def f(n):\n    'A docstring is no sentence.'\n    return f'the order has {n} points'")
    assert list(_sentences(bare)) == ["the order has {} points"]
    assert list(_sentences(ast.parse("say('the order has %(n)s points', n=n)"))) == []


def _sentences(node: ast.AST) -> Iterator[str]:
    """Text of two words or more that is no docstring, no assertion of ours and no argument of `say`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Assert) or (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
            continue
        if isinstance(child, ast.Call) and _name(child) in SAID:
            continue
        text = _text(child)
        if text is not None:
            yield from [text] if re.search(r"[A-Za-z]{2,},? [a-z]{2,}", text) else []
        else:
            yield from _sentences(child)


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _text(node: ast.AST) -> str | None:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
