"""The schema, version by version.

`upgrade` brings a database to the newest; `tenancy` says how a table becomes a shop's own.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest schema. Safe to call from many processes at once: they take turns."""
    here = Path(__file__).parent
    config = Config()
    config.set_main_option("script_location", str(here))
    config.set_main_option("prepend_sys_path", str(here.parent))
    config.set_main_option("path_separator", "os")
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()
