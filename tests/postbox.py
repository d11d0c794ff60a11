"""A mail server of our own, on loopback: it takes what a real one takes, and keeps it to be read."""

from __future__ import annotations

import base64
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

AS_EVER = "as ever"


@dataclass
class Postbox:
    """What has come, in order. `refusals` maps a command, such as ``RCPT``, to the answers that it gets first; ``.`` is
    the end of a letter, an empty answer hangs up, and `AS_EVER` answers as without it.
    """

    port: int = 0
    password: str = ""
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    refusals: dict[str, list[str]] = field(default_factory=dict)
    talks: int = 0
    """How many connections there were."""

    @property
    def goodbyes(self) -> int:
        """How many of them the other side ended with a word."""
        return sum(line.upper() == "QUIT" for line in self.said)

    @property
    def url(self) -> str:
        return f"smtp+plain://127.0.0.1:{self.port}"

    @property
    def last(self) -> EmailMessage:
        return self.taken[-1][1]

    def text(self, number: int = -1) -> str:
        """The plain text of a mail."""
        body = self.taken[number][1].get_body(("plain",))
        assert body is not None
        return str(body.get_content())


class _Talk(socketserver.StreamRequestHandler):
    """One connection: enough of RFC 5321 for any client."""

    @property
    def box(self) -> Postbox:
        box: Postbox = self.server.box  # type: ignore[attr-defined]
        return box

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def answer(self, verb: str) -> str | None:
        """The next answer that is meant for this command; None: as ever."""
        meant = self.box.refusals.get(verb)
        answer = meant.pop(0) if meant else AS_EVER
        return None if answer == AS_EVER else answer

    def handle(self) -> None:
        to = ""
        self.box.talks += 1
        self.say("220 postbox")
        while line := self.rfile.readline().decode("utf-8", "replace").strip():
            verb = line.split(" ")[0].upper()
            self.box.said.append(line)
            refused = self.answer(verb)
            if refused is not None:
                if not refused:
                    return
                self.say(refused)
            elif verb == "EHLO":
                self.wfile.write(b"250-postbox\r\n250-AUTH PLAIN\r\n250 SMTPUTF8\r\n")
            elif verb == "AUTH":
                given = base64.b64decode(line.split(" ")[2]).decode()
                self.say("235 yes" if given.endswith(f"\0{self.box.password}") else "535 no")
            elif verb == "RCPT":
                to = line.partition("<")[2].partition(">")[0]
                self.say("250 yes")
            elif verb == "DATA":
                self.say("354 go on")
                self.box.taken.append((to, self._read()))
                refused = self.answer(".")
                if refused == "":
                    return
                self.say(refused or "250 kept")
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 yes")

    def _read(self) -> EmailMessage:
        lines = list[bytes]()
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        made: Any = message_from_bytes(b"".join(lines), policy=default)
        assert isinstance(made, EmailMessage)
        return made


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def postbox() -> Iterator[Postbox]:
    """A mail server while the block runs."""
    box = Postbox()
    with _Server(("127.0.0.1", 0), _Talk) as server:
        server.box = box  # type: ignore[attr-defined]
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield box
        server.shutdown()
        thread.join(60)
