"""An application behind a real server on this machine, for as long as a test needs it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from werkzeug.serving import WSGIRequestHandler, make_server

# Ends a test that hangs, and measures nothing.
PATIENCE_SECONDS = 60.0


@contextmanager
def served(application: WSGIApplication, certificate: Path | None = None) -> Iterator[str]:
    """The application behind a real server on this machine, by TLS where there is a certificate; yields its address.

    At the end, what is under way is waited for, and whoever still asks is told that nobody is there: a browser's page
    may go on asking after its test has ended, when the database behind the application belongs to the next one.
    """
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    door = _Door(application)
    listener = make_server("127.0.0.1", 0, door, threaded=True, request_handler=_Handler, ssl_context=context)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        thread.join(PATIENCE_SECONDS)
        listener.server_close()
        door.close()


class _Handler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return

    def send_response(self, code: int, message: str | None = None) -> None:
        """Without a date of its own: a store may tell its own time."""
        self.send_response_only(code, message)


class _Door:
    """Lets requests through to the application, and knows how many are inside."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._changed = threading.Condition()
        self._inside = 0
        self._closed = False

    def __call__(self, environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        with self._changed:
            if self._closed:
                start("503 Service Unavailable", [("Content-Type", "text/plain")])
                return [b"closed"]
            self._inside += 1
        return self._answer(environ, start)

    def _answer(self, environ: dict[str, Any], start: StartResponse) -> Iterator[bytes]:
        answer: Iterable[bytes] = ()
        try:
            answer = self._application(environ, start)
            yield from answer
        finally:
            if hasattr(answer, "close"):
                answer.close()
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def close(self) -> None:
        """Nobody comes in any more; wait for those who are inside."""
        with self._changed:
            self._closed = True
            assert self._changed.wait_for(lambda: not self._inside, PATIENCE_SECONDS), "a request does not end"
