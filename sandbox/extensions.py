"""What the app has deployed beside itself: its pixel, its Flow triggers, where it wants to hear of their use, and the
blocks that it has for themes.

Read from the files that the platform's own tool would deploy: `extension_directories` in the app's configuration, and
in each of them a `shopify.extension.toml`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CUSTOMER = "customer_reference"
SENT_AS = {CUSTOMER: "customer_id"}


@dataclass(frozen=True, slots=True)
class Extensions:
    """`pixel`: the names of its settings; None without one. `triggers`: the keys that each one's payload must have.
    `theme`: the folder of its theme app extension. `targets`: the module of each place for UI extensions; in them, the
    app's own address stands as `address` until it is deployed.
    """

    pixel: frozenset[str] | None = None
    triggers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    usage_url: str | None = None
    theme: Path | None = None
    targets: Mapping[str, Path] = field(default_factory=dict)
    address: str = ""


def deployed(config: Path, told: Mapping[str, Any]) -> Extensions:
    """The extensions beside the app's configuration file."""
    pixel, triggers, usage_url, theme, targets = None, {}, None, None, dict[str, Path]()
    # Whole paths: where the configuration was named from, files are not looked for later.
    for folder, each in _all(config.resolve(), told):
        if each["type"] == "web_pixel_extension":
            pixel = frozenset(each["settings"]["fields"])
        elif each["type"] == "flow_trigger":
            fields = each.get("settings", {}).get("fields", ())
            triggers[each["handle"]] = frozenset(SENT_AS.get(f["type"]) or f["key"] for f in fields)
        elif each["type"] == "flow_trigger_lifecycle_callback":
            usage_url = each["url"]
        elif each["type"] == "theme":
            theme = folder
        elif each["type"] == "ui_extension":
            targets |= {place["target"]: (folder / place["module"]).resolve() for place in each["targeting"]}
    address = str(told.get("application_url", "")).rstrip("/")
    return Extensions(pixel, triggers, usage_url, theme, targets, address)


def _all(config: Path, told: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for pattern in told.get("extension_directories", ("extensions/*",)):
        for file in sorted(config.parent.glob(f"{pattern}/shopify.extension.toml")):
            content = tomllib.loads(file.read_text("utf-8"))
            # one extension at the top of the file, or several in a list; settings of the list stand at the top too
            for each in content.get("extensions", [content]):
                yield file.parent, {"settings": content.get("settings", {})} | each
