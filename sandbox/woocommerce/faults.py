"""What stands between an app and a shop, on demand: pages in place of answers, answers that break off."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from werkzeug.wrappers import Response

PAGE = b"<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>"
NOTICE = b"<br />\n<b>Warning</b>:  Undefined array key 5 in <b>/var/www/plugin.php</b> on line <b>7</b><br />\n"


@dataclass
class Faults:
    """`next` replaces the coming answers, one each; the others hold until they are taken back. `always` replaces all
    answers.
    """

    drops_authorization: bool = False
    notice: bool = False
    cut: bool = False
    always: Callable[[], Response] | None = None
    next: deque[Callable[[], Response]] = field(default_factory=deque)

    def page(self, status: int, title: bytes = b"Attention Required!", **headers: str) -> None:
        """A firewall's or a maintenance mode's page for the next question."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.next.append(lambda: Response(PAGE % (title, title), status, named, mimetype="text/html"))

    def stay(self, status: int, title: bytes = b"Attention Required!", **headers: str) -> None:
        """The same page for every question, until `always` is taken back."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.always = lambda: Response(PAGE % (title, title), status, named, mimetype="text/html")

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.next.append(lambda: Response(body, status, dict(headers or {}), mimetype="application/json"))

    def spoil(self, response: Response) -> Response:
        body = response.get_data()
        if self.notice:
            response.set_data(NOTICE + body)
        if self.cut:
            response.set_data(body[: len(body) // 2])
        return response
