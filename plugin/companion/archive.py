"""The store's plugin as the one file that a merchant uploads. The same sources make the same bytes, anywhere.

``python -m plugin.companion.archive perennial.zip``
"""

from __future__ import annotations

import sys
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from plugin.companion.translations import PLUGIN

# The first instant that a zip can tell. Nothing is packed tighter: how tight depends on the library's version.
_MADE = (1980, 1, 1, 0, 0, 0)
_FILE = 0o100644 << 16


def pack(to: Path) -> list[str]:
    """Write the plugin to `to`; answers the names in it. They lie in one folder, as WordPress wants them."""
    files = sorted(file for file in PLUGIN.rglob("*") if file.is_file() and not file.name.startswith("."))
    names = [f"{PLUGIN.name}/{file.relative_to(PLUGIN).as_posix()}" for file in files]
    to.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(to, "w", ZIP_STORED) as archive:
        for name, file in zip(names, files, strict=True):
            entry = ZipInfo(name, _MADE)
            entry.external_attr = _FILE
            entry.create_system = 3
            archive.writestr(entry, file.read_bytes())
    return names


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "var/perennial.zip")
    sys.stdout.write(f"{place}: {len(pack(place))} files, {place.stat().st_size:,} bytes\n")
