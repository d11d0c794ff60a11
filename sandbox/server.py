"""The server: one process, a thread a connection, the courier beside it."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.app import create_app
from sandbox.world import World


class _Quiet(WSGIRequestHandler):
    """Keep-alive, and no line per request on the screen."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return

    def version_string(self) -> str:
        return "sandbox"


def serve(world: World, host: str, port: int) -> None:
    """Serves until SIGTERM or Ctrl-C, which end it at once: nothing is worth saving."""
    server = make_server(host, port, create_app(world), threaded=True, request_handler=_Quiet)
    server.daemon_threads = True

    def leave(number: int, frame: FrameType | None) -> None:
        sys.stdout.flush()
        os._exit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    world.courier.start()
    server.serve_forever(poll_interval=3_600)


