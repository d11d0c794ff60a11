"""A real browser for the tests that need one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

# Until a page shows what it is waited for: this ends a test that hangs, and measures nothing.
PATIENCE_MS = 60_000


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser, each of whose windows waits for as long as a slow computer needs; what needs one is not tested where
    there is none, and says so.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="NOT TESTED: pages in a browser need playwright")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("NOT TESTED: pages in a browser need a Chromium")
    with playwright.sync_playwright() as engine:
        started = engine.chromium.launch(executable_path=found, args=["--no-sandbox"], timeout=PATIENCE_MS)
        started.on("context", lambda opened: opened.set_default_timeout(PATIENCE_MS))
        yield started
        started.close()


def followed(page: Any, what: str, **which: Any) -> None:
    """Press the first of these, and be where it leads, with all of that page there: a click alone comes back as soon
    as the way is taken, and who looks then may find half a page, or, on going elsewhere at once, be gone before
    anybody has heard of it.
    """
    with page.expect_navigation():
        page.locator(what, **which).first.click()
