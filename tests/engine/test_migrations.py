"""The schema knows its own version: by the files and by the database."""

from __future__ import annotations

from alembic.config import Config
from alembic.script import ScriptDirectory

import migrations
from engine.work import Database


def test_a_migrated_database_is_at_the_newest_version(database: Database) -> None:
    assert migrations.current(database.url) == migrations.newest()


def test_the_newest_version_is_the_end_of_one_chain() -> None:
    """Read from the files' names for speed; the migration library's own answer is the measure."""
    config = Config()
    config.set_main_option("script_location", str(migrations.VERSIONS.parent))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.newest()]
