"""The basics of a valid page: elements closed in order, ids used once, one first heading, fields with names."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "rect", "path", "circle"})


class Page(HTMLParser):
    """Reads a page and notes what is wrong with it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: Counter[str] = Counter()
        self.tags: Counter[str] = Counter()
        self.pointed_at: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags[tag] += 1
        self.ids.update(filter(None, [given.get("id")]))
        self.pointed_at += (given.get("aria-labelledby") or "").split()
        self._check(tag, given)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes something else, at {self.getpos()}")

    def _check(self, tag: str, given: dict[str, str | None]) -> None:
        if "style" in given or any(name.startswith("on") for name in given):
            self.wrong.append(f"<{tag}> bears a style or a script, which the policy forbids")
        if tag == "th" and "scope" not in given:
            self.wrong.append(f"a heading cell without a scope, at {self.getpos()}")
        if tag in ("input", "select") and given.get("type") != "hidden" and "label" not in self.open:
            self.wrong.append(f"<{tag}> without a label, at {self.getpos()}")
        if tag == "table":
            self.tags["table without caption"] += 1
        if tag == "caption":
            self.tags["table without caption"] -= 1


def flat(text: str) -> str:
    """A page's text on one line, with plain spaces."""
    return " ".join(text.split())


def mistakes(text: str, *, whole: bool = True) -> list[str]:
    """What is wrong with a page, or with a piece of one."""
    page = Page(text)
    found = [*page.wrong, *(f"{tag} is never closed" for tag in page.open)]
    found += [f"the id {name} is used {count} times" for name, count in page.ids.items() if count > 1]
    found += [f"{name} labels something and is nowhere" for name in page.pointed_at if name not in page.ids]
    if page.tags["h1"] != 1:
        found.append(f"{page.tags['h1']} headings of the first level")
    if page.tags["table without caption"]:
        found.append("a table without a caption")
    if whole and (page.tags["main"] != 1 or page.tags["title"] < 1):
        found.append("no main part, or no title")
    return found
