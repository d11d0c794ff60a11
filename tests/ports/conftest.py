"""One lab for each platform, and the comparison of what a test has seen with what the page of platforms says."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from commerce.store import StoreError
from tests.ports.labs import Lab, opened
from tests.ports.page import HOW_TO, PLATFORMS, answer

PASSED = pytest.StashKey[bool]()


class Answer:
    """What the page shall say of a test on a platform: "yes", unless the test says otherwise."""

    def __init__(self) -> None:
        self.said = "yes"

    def remark(self, words: str) -> None:
        self.said = f"yes, {words}"

    def not_offered(self, refusal: StoreError | None) -> bool:
        """Whether the connector refused for good, with a sentence for the merchant: that is an answer too."""
        if refusal is None or not refusal.permanent:
            return False
        assert " " in refusal.reason
        self.said = f"not offered: {refusal.reason}"
        return True


@pytest.fixture(params=list(PLATFORMS))
def platform(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lab(platform: str) -> Iterator[Lab]:
    with opened(platform) as found:
        yield found


@pytest.fixture
def told() -> Answer:
    return Answer()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if call.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.fixture(autouse=True)
def compared(request: pytest.FixtureRequest, platform: str, told: Answer) -> Iterator[None]:
    """After a test that passed: its cell of the table is what it saw."""
    yield
    if not request.node.stash.get(PASSED, False):
        return
    test = request.node.originalname
    recorder = request.config.pluginmanager.get_plugin("battery")
    if recorder is not None:
        recorder.record(request.node.get_closest_marker("asks").args[0], test, platform, told.said)
    else:
        assert answer(test, platform) == told.said, HOW_TO
