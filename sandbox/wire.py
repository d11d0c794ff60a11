"""The sender's end of HTTP/1.1: keep-alive connections, one request on each, driven by one selector.

Written by hand because the sender shares two cores with the system under test: a request costs one `send`
and one `recv`. It speaks plain HTTP to one address, which is what a sandbox needs.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

CONNECT_SECONDS = 1.0
RECEIVE = 65_536
# answers to a webhook are short; a receiver that streams pages back is cut off
MAX_ANSWER = 1_048_576


class Parcel(Protocol):
    """What the wire carries: ready bytes."""

    request: bytes


Done = Callable[["Parcel", int], None]
NO_CONNECTION = 0
TIMED_OUT = -1


class _Line:
    """One connection and the parcel that is on it."""

    __slots__ = ("answer", "deadline", "fresh", "parcel", "sock", "unsent")

    def __init__(self) -> None:
        self.sock: socket.socket | None = None
        self.parcel: Parcel | None = None
        self.unsent = b""
        self.answer = b""
        self.deadline = 0.0
        self.fresh = True


class Wire:
    """N connections to one address. `done(parcel, status)` is told once a parcel: status, 0 refused, -1
    timed out.
    """

    def __init__(self, url: str, connections: int, timeout: float, done: Done) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"the sandbox delivers over plain http only, not to {url!r}")
        self._address = (parts.hostname, parts.port or 80)
        self._timeout, self._done = timeout, done
        self._selector = selectors.DefaultSelector()
        self._free = [_Line() for _ in range(connections)]
        self._busy: set[_Line] = set()
        self._bell, self._ear = socket.socketpair()
        self._ear.setblocking(False)
        self._bell.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ, None)
        self._next_check = 0.0

    @property
    def free(self) -> int:
        return len(self._free)

    @property
    def busy(self) -> int:
        return len(self._busy)

    def ring(self) -> None:
        """Wakes a poll from another thread."""
        try:
            self._bell.send(b"!")
        except (BlockingIOError, OSError):
            return

    def send(self, parcel: Parcel) -> None:
        """Puts the parcel on a free connection; the caller has looked that there is one."""
        line = self._free.pop()
        line.parcel, line.answer = parcel, b""
        line.deadline = time.monotonic() + self._timeout
        self._busy.add(line)
        self._start(line)

    def _start(self, line: _Line) -> None:
        if line.sock is None and not self._connect(line):
            self._finish(line, NO_CONNECTION)
            return
        assert line.sock is not None
        assert line.parcel is not None
        request = line.parcel.request
        try:
            sent = line.sock.send(request)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._lost(line)
            return
        if sent < len(request):
            line.unsent = request[sent:]
            self._selector.modify(line.sock, selectors.EVENT_READ | selectors.EVENT_WRITE, line)

    def _connect(self, line: _Line) -> bool:
        try:
            sock = socket.create_connection(self._address, timeout=CONNECT_SECONDS)
        except OSError:
            return False
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(sock, selectors.EVENT_READ, line)
        line.sock, line.fresh, line.unsent = sock, True, b""
        return True

    def poll(self, timeout: float) -> None:
        """Takes in whatever has arrived, waiting at most `timeout` seconds for something."""
        for key, mask in self._selector.select(timeout):
            line = key.data
            if line is None:
                self._hear()
            elif line.sock is key.fileobj:
                if mask & selectors.EVENT_WRITE:
                    self._push(line)
                if mask & selectors.EVENT_READ and line.sock is not None:
                    self._read(line)
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + 0.05
            for line in [line for line in self._busy if now > line.deadline]:
                self._close(line)
                self._finish(line, TIMED_OUT)

    def _hear(self) -> None:
        try:
            self._ear.recv(4_096)
        except BlockingIOError:
            return

    def _push(self, line: _Line) -> None:
        assert line.sock is not None
        try:
            sent = line.sock.send(line.unsent)
        except BlockingIOError:
            return
        except OSError:
            self._lost(line)
            return
        line.unsent = line.unsent[sent:]
        if not line.unsent:
            self._selector.modify(line.sock, selectors.EVENT_READ, line)

    def _read(self, line: _Line) -> None:
        assert line.sock is not None
        try:
            data = line.sock.recv(RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if line.parcel is None:
            # an idle connection that the receiver closed
            self._close(line)
            return
        if not data:
            self._lost(line)
            return
        line.answer += data
        self._judge(line)

    def _judge(self, line: _Line) -> None:
        status, complete, keep = read_answer(line.answer)
        if not complete and len(line.answer) <= MAX_ANSWER:
            return
        if not keep or not complete or line.unsent:
            self._close(line)
        line.fresh = False
        self._finish(line, status)

    def _lost(self, line: _Line) -> None:
        """The connection broke. On a reused one nothing may have been wrong but its age: once more on a new
        one.
        """
        stale = not line.fresh and not line.answer
        status = read_answer(line.answer)[0] if line.answer else NO_CONNECTION
        self._close(line)
        if stale:
            self._start(line)
        else:
            self._finish(line, status)

    def _finish(self, line: _Line, status: int) -> None:
        parcel, line.parcel = line.parcel, None
        self._busy.discard(line)
        self._free.append(line)
        if parcel is not None:
            self._done(parcel, status)

    def _close(self, line: _Line) -> None:
        if line.sock is not None:
            self._selector.unregister(line.sock)
            line.sock.close()
            line.sock, line.unsent = None, b""

    def close(self) -> None:
        for line in [*self._free, *self._busy]:
            self._close(line)
        self._selector.close()
        self._bell.close()
        self._ear.close()


def read_answer(data: bytes) -> tuple[int, bool, bool]:
    """Status, whether the answer is complete, and whether the connection may be kept."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return NO_CONNECTION, False, True
    head = data[:end].lower()
    try:
        status = int(head[9:12])
    except ValueError:
        return NO_CONNECTION, True, False
    keep = b"connection: close" not in head and not head.startswith(b"http/1.0")
    body = len(data) - end - 4
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        length = head[at + 17 :].split(b"\r\n", 1)[0].strip()
        return status, length.isdigit() and body >= int(length), keep
    if b"\r\ntransfer-encoding: chunked" in head:
        return status, data.endswith(b"0\r\n\r\n"), keep
    if status in (204, 304) or 100 <= status < 200:
        return status, True, keep
    # neither length nor chunks: the body ends with the connection, whose status is all we want
    return status, True, False
