"""One way to speak HTTP: bounded in time and in bytes, without redirects, and never while a database
transaction is open.

A store's answer is a stranger's text. It may drip one byte a second, unpack to ten gigabytes, or send us
elsewhere; none of that may hold a worker. So every exchange has one total deadline (which also covers the
time between two bytes), one cap on the *decoded* bytes, and follows no redirect. `HttpSession` is made once a
process and shared by its threads.

On a laptop the platform is the sandbox: `platform_url` sends what is meant for
``https://{shop}.myshopify.com/x`` to ``{platform_url}/shops/{shop}.myshopify.com/x`` instead. Tokens travel
on that road unencrypted, so it may only lead to this machine.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

SHOP_HOST = re.compile(r"[a-z0-9][a-z0-9-]*\.myshopify\.com", re.ASCII)
_CHUNK = 65_536
_LONGEST_RETRY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What one exchange may take. The platform itself gives up on a query after half a minute; waiting longer
    tells us nothing.
    """

    connect_s: float = 5.0
    read_s: float = 15.0
    total_s: float = 35.0
    max_bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, headers (any case) and the whole decoded body. Its `repr`, which a log may show, is the status alone."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class NoAnswer(Exception):
    """No whole answer came: refused, cut off, too slow or too big. The text names the fault, never the
    address or the content.
    """


def check_platform_url(url: str) -> str:
    """`url` without a trailing slash if it is plain HTTP to this very machine, else `ValueError`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if parts.scheme != "http" or not local or parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("platform_url must be a plain http address of this machine, such as http://127.0.0.1:9292")
    return url.rstrip("/")


class _Exchange(threading.local):
    """What the exchange that this thread is busy with is bound to."""

    at: float = float("inf")
    allowed: Callable[[str], bool] | None = None


_deadline = _Exchange()


class NotPublic(OSError):
    """The address leads to a machine that is not on the public internet."""


def public(peer: str) -> bool:
    """Whether an IP address is one of the public internet: not this machine, not the network that it stands in.

    Merchants tell us where their shops are; none may send us to our own database's door.
    """
    address = ipaddress.ip_address(peer.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not (mapped or address).is_multicast


class _TimedReader(io.RawIOBase):
    """Reads from a socket, and before each read allows it only the time that the whole exchange has left."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._patience = sock.gettimeout()
        self._raw: io.RawIOBase = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = _deadline.at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole exchange took too long")
        self._sock.settimeout(left if self._patience is None else min(left, self._patience))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """The standard library's response over a `_TimedReader`, so that headers and chunks that drip are bounded
    too.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_TimedReader(sock))


def _checked(sock: socket.socket) -> socket.socket:
    """The connection itself if it leads where it may; asked once it stands, so no name can lead elsewhere later."""
    if _deadline.allowed is not None and not _deadline.allowed(sock.getpeername()[0]):
        sock.close()
        raise NotPublic
    return sock


class _TimedHttp(HTTPConnection):
    response_class = _TimedResponse

    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _TimedHttps(HTTPSConnection):
    response_class = _TimedResponse

    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _TimedHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _TimedHttps


class _Road(HTTPAdapter):
    """Carries requests to where they are addressed or, with a platform address, those to shops to it."""

    def __init__(self, pool_size: int, platform_url: str | None) -> None:
        self._platform_url = platform_url
        super().__init__(pool_connections=pool_size, pool_maxsize=pool_size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        if self._platform_url is not None and request.url is not None:
            request.url = rewritten(request.url, self._platform_url)
        return super().send(request, *args, **kwargs)


def rewritten(url: str, platform_url: str) -> str:
    """Where `url` leads when the platform lives at `platform_url`; only the hosts of shops move."""
    parts = urlsplit(url)
    if SHOP_HOST.fullmatch(parts.netloc) is None:
        return url
    query = f"?{parts.query}" if parts.query else ""
    return f"{platform_url}/shops/{parts.netloc}{parts.path}{query}"


class HttpSession:
    """The process's way out: pooled connections, no cookies, no redirects, nothing taken from the
    environment.

    `before_request` runs before anything is sent; the engine passes a function there that asserts that no
    transaction is open. Shops that merchants host may still speak plain HTTP (`plain`), must be on the public internet
    (`allowed`, with `public`), and on a laptop have certificates of an authority of our own (`authorities`, a file).
    """

    def __init__(
        self,
        *,
        before_request: Callable[[], None] | None = None,
        platform_url: str | None = None,
        limits: Limits | None = None,
        pool_size: int = 32,
        plain: bool = False,
        allowed: Callable[[str], bool] | None = None,
        authorities: str | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._before_request = before_request or (lambda: None)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.verify = authorities or True
        self._session.adapters.clear()
        self._allowed = allowed
        if plain:
            self._session.mount("http://", _Road(pool_size, None))
        self._session.mount(
            "https://", _Road(pool_size, None if platform_url is None else check_platform_url(platform_url))
        )

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """One exchange. Raises `NoAnswer`; a redirect is an answer like any other."""
        self._before_request()
        _deadline.at = time.monotonic() + self.limits.total_s
        _deadline.allowed = self._allowed
        try:
            response = self._session.request(
                method,
                url,
                headers=dict(headers),
                data=body,
                timeout=(self.limits.connect_s, self.limits.read_s),
                allow_redirects=False,
                stream=True,
            )
            with response:
                return HttpAnswer(response.status_code, response.headers, self._read(response))
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            http.client.HTTPException,
        ) as fault:
            raise NoAnswer(_name_of(fault)) from None
        finally:
            _deadline.at = float("inf")
            _deadline.allowed = None

    def fetch(self, url: str, position: int = 0) -> Iterator[bytes]:
        """The bytes of a file from `position` on, as they come: no more than a chunk of it is held.

        Its size has no bound, its pace has: each chunk within the time of a whole exchange. Raises `NoAnswer`.
        """
        self._before_request()
        # As written, not packed: positions are counted in the file's own bytes.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={position}-"} if position else {})
        timeout = (self.limits.connect_s, self.limits.read_s)
        _deadline.at = time.monotonic() + self.limits.total_s
        try:
            with self._session.get(url, headers=headers, timeout=timeout, allow_redirects=False, stream=True) as answer:
                if position and answer.status_code == 416:
                    return
                if answer.status_code not in (200, 206):
                    raise NoAnswer(f"its host answered HTTP {answer.status_code}")
                skip = position if answer.status_code == 200 else 0
                for chunk in answer.iter_content(_CHUNK):
                    if skip < len(chunk):
                        yield chunk[skip:]
                    skip = max(0, skip - len(chunk))
                    # Since the last one time has passed, and others may have spoken on this thread.
                    _deadline.at = time.monotonic() + self.limits.total_s
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
            http.client.HTTPException,
        ) as fault:
            raise NoAnswer(_name_of(fault)) from None
        finally:
            _deadline.at = float("inf")

    def _read(self, response: requests.Response) -> bytes:
        """The decoded body, given up as soon as it is too big: what it says of its own length is not
        believed.
        """
        parts: list[bytes] = []
        size = 0
        for part in response.iter_content(_CHUNK):
            size += len(part)
            if size > self.limits.max_bytes:
                raise NoAnswer(f"the answer was larger than {self.limits.max_bytes} bytes")
            parts.append(part)
        return b"".join(parts)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer asks us to wait, within an hour; None if it does not say them as a number."""
    try:
        seconds = float(headers.get("Retry-After") or "")
    except ValueError:
        return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_S) if seconds == seconds else None


def _name_of(fault: BaseException) -> str:
    """A fault in words of our own: the library's text repeats addresses, and may repeat what was sent."""
    causes: BaseException | None = fault
    while causes is not None:
        if isinstance(causes, NotPublic):
            return "the store's address leads to a machine that is not on the public internet"
        if isinstance(causes, ssl.SSLCertVerificationError):
            return "the store's certificate is not valid"
        causes = causes.__cause__ or causes.__context__
    if isinstance(fault, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)) or "timed out" in str(
        fault
    ):
        return "the store did not answer in time"
    if isinstance(fault, (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError)):
        return "the store's answer was cut off or garbled"
    return f"the store could not be reached ({type(fault).__name__})"
