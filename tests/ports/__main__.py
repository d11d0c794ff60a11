"""Run the battery against every connector, and write its table into docs/platforms.md: `python -m tests.ports`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.ports.page import PAGE, PLATFORMS, Row, written


class Battery:
    """What each test saw on each platform, in the order in which they ran."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, str], dict[str, str]] = {}

    def record(self, asked: str, test: str, platform: str, said: str) -> None:
        self.seen.setdefault((asked, test), {})[platform] = said

    def rows(self) -> list[Row]:
        return [
            Row(asked, answers, test)
            for (asked, test), answers in self.seen.items()
            if answers.keys() == PLATFORMS.keys()
        ]


def main() -> int:
    battery, registered = Battery(), _Registered()
    registered.battery = battery
    failed = pytest.main([str(Path(__file__).parent), "-q", "-p", "no:cacheprovider"], plugins=[registered])
    if failed:
        sys.stderr.write("the page is left as it is: the battery must pass first\n")
        return int(failed)
    PAGE.write_text(written(PAGE.read_text("utf-8"), battery.rows()), "utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(battery.rows())} questions\n")
    return 0


class _Registered:
    """Gives the battery a name by which the tests find it."""

    battery: Battery

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self.battery, "battery")


if __name__ == "__main__":
    sys.exit(main())
