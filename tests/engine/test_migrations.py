"""The schema knows its own version: by the files and by the database."""

from __future__ import annotations

import migrations
from engine.work import Database


def test_a_migrated_database_is_at_the_newest_version(database: Database) -> None:
    assert migrations.current(database.url) == migrations.newest()


def test_the_newest_version_is_the_last_of_its_day() -> None:
    assert migrations.newest() >= "2026_11_22_5"
    assert (migrations.VERSIONS / "2026_11_22_1_engine_tables.py").exists()
