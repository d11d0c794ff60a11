"""Where the platform's own material lies beside the repository; a test that needs it skips, loudly, without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"
SCHEMA = SHARED / "reference" / "shopify" / "admin-2026-10.graphql.gz"
OPERATIONS = SHARED / "reference" / "shopify" / "operations.graphql"
PAYLOADS = SHARED / "reference" / "shopify" / "payloads"
ONLINE_RETAIL = SHARED / "data" / "online_retail_i_lines.parquet"


def needed(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"NOT TESTED: {path.name} is not beside the repository")
    return path


def sample(name: str) -> dict[str, Any]:
    """A sample body of the platform's documentation."""
    body: dict[str, Any] = orjson.loads(needed(PAYLOADS / f"{name}.json").read_bytes())
    return body
