"""What stands between an app and a platform, any platform: it answers in the platform's place, or loses an answer to a
question that the platform has acted on.

`Front` is a WSGI application before another one.
"""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Request, Response

PAGE = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>"

# Whether a question is meant, by its method, path and body.
Which = Callable[[str, str, bytes], bool]


def anything(_method: str, _path: str, _body: bytes) -> bool:
    return True


@dataclass
class Front:
    """`instead` answers the coming questions, one each, which the platform then never hears; `down` answers all."""

    platform: Callable[[Any, Any], Iterable[bytes]]
    instead: deque[Callable[[], Response]] = field(default_factory=deque)
    down: bool = False
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every question so far."""

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self._losing = 0
        self._through: int | None = None
        self._lost: Which = anything

    def answer(
        self,
        status: int,
        body: bytes = b"",
        *,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        mimetype: str = "application/json",
    ) -> None:
        """Answer the next questions in the platform's place."""
        for _ in range(times):
            self.instead.append(lambda: Response(body, status, dict(headers or {}), mimetype=mimetype))

    def page(self, status: int, title: bytes = b"Attention Required!", *, times: int = 1, **headers: str) -> None:
        """A firewall's or a maintenance mode's page for people."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer(status, PAGE % (title, title), times=times, headers=named, mimetype="text/html")

    def lose(self, times: int, which: Which = anything) -> None:
        """The platform acts on the next such questions, and what it answers never arrives."""
        self._losing, self._lost = times, which

    def fail_after(self, questions: int | None) -> None:
        """Let so many questions through, and fail at all after them; None: let all of them through."""
        self._through = questions

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        request = Request(environ)
        with self.lock:
            self.asked.append((request.method, request.path))
            instead = self._in_its_place()
        if instead is not None:
            return instead(environ, start_response)
        body = request.get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        response = Response.from_app(self.platform, environ)
        with self.lock:
            if self._losing and self._lost(request.method, request.path, body):
                self._losing -= 1
                response = Response(PAGE % (b"502 Bad Gateway", b"nginx"), 502, mimetype="text/html")
        return response(environ, start_response)

    def _in_its_place(self) -> Response | None:
        if self.instead:
            return self.instead.popleft()()
        if self._through is not None:
            self._through -= 1
        failing = self.down or (self._through is not None and self._through < 0)
        return Response(PAGE % (b"503", b"Service Unavailable"), 503, mimetype="text/html") if failing else None
