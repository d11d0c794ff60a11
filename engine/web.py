"""The process above the web processes: it starts them, starts those again that died, and ends with them.

It does none of their work, so it is a small program of its own: `app.py serve` looks at everything where it can still
say in a sentence what is wrong, and then becomes this one. A process that has imported the application is twice as
large.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from engine.postgres import Embedded

APPLICATION = "app:application"
METRICS_PREFIX = "perennial-metrics-"
"""How a directory of counters is called that was made for this run alone, and goes with it."""


def command(host: str, port: int, processes: int, data_dir: Path | None, metrics_dir: str) -> list[str]:
    """The arguments of the program: where to listen, how many web processes, whose embedded server to hold (None:
    another server is used), and the directory of their counters.
    """
    said = [host, port, processes, None if data_dir is None else str(data_dir), metrics_dir]
    return [sys.executable, "-m", "engine.web", json.dumps(said)]


def main() -> None:
    """Serve until told to end."""
    # Imported here, for the command line asks this module for `command` only.
    from granian import Granian
    from granian.constants import Interfaces

    host, port, processes, data_dir, metrics_dir = json.loads(sys.argv[1])
    # Whoever uses the embedded server last stops it: web processes end without being asked, and this one stays.
    server = Embedded(Path(data_dir)) if data_dir is not None else None
    if server is not None:
        server.start()
    try:
        Granian(
            APPLICATION,
            factory=True,
            address=host,
            port=port,
            interface=Interfaces.ASGI,
            workers=processes,
            # More than any platform keeps open to us: too small a number starves kept-alive connections.
            backpressure=1024,
            log_access=False,
            log_level="warning",  # type: ignore[arg-type]
            respawn_failed_workers=True,
        ).serve()
    finally:
        counters = Path(metrics_dir)
        if counters.name.startswith(METRICS_PREFIX) and counters.parent == Path(tempfile.gettempdir()):
            shutil.rmtree(counters, ignore_errors=True)
        if server is not None:
            server.stop()


if __name__ == "__main__":
    main()
