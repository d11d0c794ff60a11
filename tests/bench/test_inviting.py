"""The bench of invitations runs, at a tiny size, and says what it measured."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import pytest

from bench.door import said
from bench.inviting import facts, measure
from engine import log


@pytest.mark.slow
def test_invitations_are_opened_and_claimed() -> None:
    rows = measure(shoppers=4, requests=20)
    found = facts(rows)
    assert set(found) == {"landing_p95_ms", "claim_p95_ms"}
    assert all(value is not None and value > 0 for value in found.values())
    assert len(rows) == 6


@pytest.mark.parametrize("style", ["words", "json"])
def test_of_a_server_s_log_a_failed_bench_tells_what_went_wrong(
    style: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken, file, logger = io.StringIO(), tmp_path / "web.log", logging.getLogger("perennial.test")
    monkeypatch.setattr("sys.stderr", spoken)
    with monkeypatch.context() as put_back:
        root = logging.getLogger("perennial")
        for name in ("handlers", "level", "propagate"):
            put_back.setattr(root, name, getattr(root, name))
        root.handlers = []
        log.set_up(style, "INFO")
        log.wide_many(logger, "request", [{"path": "/a", "status": status} for status in (200, 500, 303)])
        try:
            raise ConnectionError("the database is away")
        except ConnectionError:
            logger.exception("a claim was not taken")
    file.write_text(spoken.getvalue())
    told = said(file)
    assert "the database is away" in told
    assert [status for status in (200, 303, 500) if str(status) in told] == [303, 500]
