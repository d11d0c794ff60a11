"""The schema, version by version.

`upgrade` brings a database to the newest; `tenancy` says how a table becomes a shop's own.
"""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import create_engine, inspect, text

VERSIONS = Path(__file__).parent / "versions"


class ForwardOnly(Exception):
    """We never go back: what was added since would be lost. A new version undoes an old one."""

    def __init__(self) -> None:
        super().__init__("we go forward only: write a new version that undoes this one")


def newest() -> str:
    """The newest version, as its file's name says: a day, and a number within it."""
    names = [re.match(r"(\d{4}_\d\d_\d\d)_(\d+)_", path.name) for path in VERSIONS.glob("*.py")]
    day, number = max((name[1], int(name[2])) for name in names if name)
    return f"{day}_{number}"


def current(url: str) -> str | None:
    """The version of the database at `url`; None for an empty one."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return None
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    finally:
        engine.dispose()


def upgrade(url: str) -> None:
    """Bring the database at `url` to the newest schema. Safe to call from many processes at once: they take turns."""
    if current(url) == newest():
        # Most starts find nothing to do, and then need not carry the migration library in their memory.
        return
    from alembic import command
    from alembic.config import Config

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
