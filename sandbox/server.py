"""The server: one process, a thread a connection, the courier beside it."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from types import FrameType

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from sandbox.app import create_app
from sandbox.world import World

BULK_SECONDS = 0.5


class _Quiet(WSGIRequestHandler):
    """Keep-alive, and no line per request on the screen."""

    protocol_version = "HTTP/1.1"

    def log_request(self, *_: object) -> None:
        return

    def version_string(self) -> str:
        return "sandbox"


def _work_off(world: World) -> None:
    """Bulk operations get on though nobody looks, and tell the app when they end."""
    pause = threading.Event()
    while not pause.wait(BULK_SECONDS):
        with world.lock:
            for shop in world.shops.values():
                shop.run_bulk()


def serve(world: World, host: str, port: int) -> None:
    """Serves until SIGTERM or Ctrl-C, which end it at once: nothing is worth saving."""
    server = ThreadedWSGIServer(host, port, create_app(world), handler=_Quiet)

    def leave(number: int, frame: FrameType | None) -> None:
        sys.stdout.flush()
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    # Orders and customers stay for good: looking again and again for garbage among them only costs time.
    gc.set_threshold(100_000, 50, 1_000)
    world.courier.start()
    threading.Thread(target=_work_off, args=(world,), name="bulk", daemon=True).start()
    server.serve_forever(poll_interval=3_600)
