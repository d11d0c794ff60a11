"""The plugin's own PHP: played without WordPress where there is a `php`, held to the app's signatures everywhere."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import jdatetime
import pytest

from connectors.woocommerce import companion
from connectors.woocommerce.companion import CompanionRequest
from plugin.companion.translations import PLUGIN

PLACE = Path(__file__).parent / "wordpress"
PHP = shutil.which("php")
VECTORS: list[dict[str, Any]] = json.loads((PLACE / "signatures.json").read_text("utf-8"))
needs_php = pytest.mark.skipif(PHP is None, reason="THERE IS NO php: the store's plugin was not played")


def run(*arguments: str) -> str:
    assert PHP is not None
    done = subprocess.run([PHP, *arguments], check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["path"])
def test_what_the_plugin_s_php_signed_is_what_we_compute(vector: dict[str, Any]) -> None:
    signed = vector["signed"]
    given = CompanionRequest(signed["shop"], int(signed["timestamp"]), signed["nonce"], signed["signature"])
    ours = companion.signature(vector["secret"], vector["method"], vector["path"], given, vector["body"].encode())
    assert ours == signed["signature"]
    assert companion.key_digest(vector["secret"]) == vector["digest"]


@needs_php
def test_the_vectors_are_what_the_plugin_signs_today() -> None:
    assert json.loads(run(str(PLACE / "vectors.php"))) == VECTORS


@needs_php
def test_the_plugin_s_persian_days_are_those_of_the_calendar() -> None:
    first, days = date(1960, 1, 1), 53_000
    said = run(str(PLACE / "days.php"), first.isoformat(), str(days)).split()
    assert said == [
        jdatetime.date.fromgregorian(date=first + timedelta(days=n)).strftime("%Y-%-m-%-d") for n in range(0, days, 7)
    ]


@needs_php
@pytest.mark.parametrize("file", sorted(PLUGIN.rglob("*.php")), ids=lambda file: file.name)
def test_a_file_is_php(file: Path) -> None:
    assert "No syntax errors" in run("-l", str(file))


@needs_php
@pytest.mark.parametrize("tests, least", [("play.php", 25), ("pieces.php", 28), ("own.php", 11)])
def test_the_plugin_does_what_it_says(tests: str, least: int) -> None:
    told = json.loads(run(str(PLACE / tests)))
    assert len(told) >= least
    assert {name: fault for name, fault in told.items() if fault is not None} == {}
