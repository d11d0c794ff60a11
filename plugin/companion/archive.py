"""The store's plugin as the one file that a merchant uploads. The same sources make the same bytes, anywhere.

``python -m plugin.companion.archive perennial.zip``
"""

from __future__ import annotations

import io
import re
import sys
from functools import cache
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from plugin.companion.translations import PLUGIN

# The first instant that a zip can tell. Nothing is packed tighter: how tight depends on the library's version.
_MADE = (1980, 1, 1, 0, 0, 0)
_FILE = 0o100644 << 16


@cache
def version() -> str:
    """Of the plugin as it is packed now, as its own head says it."""
    (found,) = re.findall(
        r"^ \* Version: +([\d.]+)$", (PLUGIN / "perennial.php").read_text("utf-8"), flags=re.MULTILINE
    )
    return str(found)


def packed() -> bytes:
    """The plugin, in one folder, as WordPress wants it."""
    files = sorted(file for file in PLUGIN.rglob("*") if file.is_file() and not file.name.startswith("."))
    made = io.BytesIO()
    with ZipFile(made, "w", ZIP_STORED) as archive:
        for file in files:
            entry = ZipInfo(f"{PLUGIN.name}/{file.relative_to(PLUGIN).as_posix()}", _MADE)
            entry.external_attr = _FILE
            entry.create_system = 3
            archive.writestr(entry, file.read_bytes())
    return made.getvalue()


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "var/perennial.zip")
    place.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.write(f"{place}: {place.write_bytes(packed()):,} bytes\n")
