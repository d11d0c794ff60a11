"""The bench of the shopper's side runs, at a tiny size, and knows its budgets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from rich.progress import Progress

from bench import gauge, storefront
from bench.figures import BenchFailed

WELL = {"block_p95_ms": 30.0, "page_kb": 12.5, "js_kb": None, "lighthouse": {"without": 96.5, "with": 96.5}}


@pytest.mark.slow
def test_the_block_is_timed_and_the_rewards_page_weighed() -> None:
    with Progress(disable=True) as progress:
        facts = storefront.measure(300, 40, 1, 0, progress)
    assert set(facts) == {"block_p95_ms", "page_kb", "js_kb", "lighthouse"}
    assert facts["block_p95_ms"] > 0
    assert 1 < facts["page_kb"] < storefront.MOST_PAGE_KB
    assert facts["lighthouse"] is None, "nobody asked it to look"


@pytest.mark.parametrize(
    "changed, said",
    [
        ({}, []),
        ({"lighthouse": None}, []),
        ({"block_p95_ms": 30.1}, ["block_p95_ms is 30.1, and may be 30 at most"]),
        ({"page_kb": 41}, ["page_kb is 41, and may be 40 at most"]),
        ({"js_kb": 10.1}, ["js_kb is 10.1, and may be 10 at most"]),
        ({"lighthouse": {"without": 96.5, "with": 96.25}},
         ["Lighthouse gives 96.25 with the block, and 96.5 without it"]),
    ],
)  # fmt: skip
def test_a_budget_that_is_missed_is_named(changed: dict[str, Any], said: list[str]) -> None:
    assert storefront.missed(WELL | changed) == said


def test_where_there_is_no_node_it_is_said_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert gauge.missing() == (
        "There is no node here, so nothing was measured with Lighthouse: install Node.js 20 or newer."
    )


def test_lighthouse_is_locked_with_digests_and_without_hosts() -> None:
    lock = (gauge.LOCKED / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "://" not in lock
    assert lock.count('"integrity"') > 100


@pytest.mark.parametrize(
    "scores, why",
    [
        ({"performance": None, "accessibility": 1, "best-practices": 1, "seo": 1}, "points for performance"),
        (None, "NO_FCP"),
    ],
)
def test_what_lighthouse_could_not_see_fails_the_bench_with_a_sentence(
    scores: dict[str, float | None] | None, why: str, tmp_path: Path
) -> None:
    categories = {name: {"score": score} for name, score in (scores or {}).items()}
    told = {"categories": categories} | ({} if scores else {"runtimeError": {"message": "NO_FCP"}})
    (tmp_path / "told.json").write_text(json.dumps(told))
    program = tmp_path / "lighthouse"
    program.write_text(f"#!/bin/sh\ncp {tmp_path / 'told.json'} {tmp_path / 'lighthouse.json'}\n")
    program.chmod(0o755)
    with pytest.raises(BenchFailed, match=why):
        gauge.look(program, "http://127.0.0.1:9/", "", tmp_path)
