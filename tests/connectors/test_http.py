"""One exchange is bounded in time and bytes, follows no redirect, and asks the engine first."""

from __future__ import annotations

import gzip
import re
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import requests
import responses

from connectors.http import HttpAnswer, HttpSession, Limits, NoAnswer, check_platform_url, rewritten

SHOP = "https://leaf-and-kettle.myshopify.com/admin/x?y=1"
Talk = Callable[[socket.socket], None]


@contextmanager
def platform(talk: Talk) -> Iterator[str]:
    """A platform on this machine that, to every connection, does `talk`. Gives its address."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.02)

        def serve() -> None:
            while not over.is_set():
                with suppress(OSError):
                    connection, _ = server.accept()
                    with connection:
                        connection.settimeout(60)
                        _hear(connection)
                        talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            thread.join(60)


def _hear(connection: socket.socket) -> None:
    """Read a whole request: who closes with something unread cuts the other off in the middle of the answer."""
    with connection.makefile("rb") as heard:
        lines = list(iter(heard.readline, b"\r\n"))
        length = [int(line.partition(b":")[2]) for line in lines if line.lower().startswith(b"content-length:")]
        heard.read(sum(length))


def answering(raw: bytes) -> Talk:
    return lambda connection: connection.sendall(raw)


def dripping(head: bytes, drop: bytes = b"a") -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.sendall(head)
        pace = threading.Event()
        # Until whoever asked has given up; of a silence nothing is heard, so it ends with them too.
        while not _gone(connection):
            connection.sendall(drop)
            pace.wait(0.02)

    return talk


def _gone(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(1) == b""


def send(url: str, limits: Limits | None = None) -> HttpAnswer:
    return HttpSession(platform_url=url, limits=limits).send("POST", SHOP, headers={"X-A": "b"}, body=b"{}")


def test_an_answer_comes_whole_with_its_status_and_headers() -> None:
    with platform(answering(b"HTTP/1.1 207 Fine\r\nContent-Length: 2\r\nX-Told: yes\r\n\r\nok")) as url:
        answer = send(url)
    assert (answer.status, answer.headers["x-told"], answer.body) == (207, "yes", b"ok")


@pytest.mark.parametrize(
    "talk",
    [
        dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\nX-Long: "),
        dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        dripping(b"", b""),
    ],
    ids=["body", "headers", "chunks", "silence"],
)
def test_an_answer_that_drips_is_given_up_at_the_deadline(talk: Talk) -> None:
    # It goes on for as long as somebody listens: that this ends at all is the deadline's doing.
    with platform(talk) as url, pytest.raises(NoAnswer, match="did not answer in time"):
        send(url, Limits(connect_s=60, read_s=0.3, total_s=0.5))


def test_an_answer_that_unpacks_to_too_much_is_given_up() -> None:
    bomb = gzip.compress(b"0" * 30_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with platform(answering(head + bomb)) as url, pytest.raises(NoAnswer, match="larger than 1000000 bytes"):
        send(url, Limits(max_bytes=1_000_000))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["nothing", "nonsense", "cut off", "not gzip", "not chunks"],
)
def test_a_garbled_answer_is_no_answer(raw: bytes) -> None:
    with platform(answering(raw)) as url, pytest.raises(NoAnswer) as fault:
        send(url)
    assert "myshopify" not in str(fault.value)
    assert "127.0.0.1" not in str(fault.value)


def test_nobody_at_the_address_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(NoAnswer, match=r"could not be reached \(ConnectionError\)"):
        send(url)


@responses.activate
def test_a_redirect_is_an_answer_and_not_followed() -> None:
    responses.add(responses.POST, SHOP, status=302, headers={"Location": "https://evil.example/"})
    assert HttpSession().send("POST", SHOP, headers={}, body=b"").status == 302
    assert len(responses.calls) == 1


@responses.activate
def test_cookies_are_not_kept() -> None:
    responses.add(responses.POST, SHOP, body=b"ok", headers={"Set-Cookie": "a=b"})
    session = HttpSession()
    session.send("POST", SHOP, headers={}, body=b"")
    session.send("POST", SHOP, headers={}, body=b"")
    assert "Cookie" not in responses.calls[1].request.headers


@responses.activate
def test_the_engine_is_asked_before_anything_is_sent() -> None:
    def refuse() -> None:
        raise AssertionError("a transaction is open")

    with pytest.raises(AssertionError, match="a transaction is open"):
        HttpSession(before_request=refuse).send("POST", SHOP, headers={}, body=b"")
    assert len(responses.calls) == 0


def test_without_a_platform_address_only_https_goes_out() -> None:
    with pytest.raises(NoAnswer, match=re.escape("could not be reached (InvalidSchema)")):
        HttpSession().send("GET", "http://127.0.0.1:1/", headers={}, body=b"")


def test_with_a_platform_address_shops_move_and_others_stay() -> None:
    at = "http://127.0.0.1:9292"
    assert rewritten(SHOP, at) == f"{at}/shops/leaf-and-kettle.myshopify.com/admin/x?y=1"
    for url in ("https://example.com/", "https://a.myshopify.com.evil.com/x", "https://u@a.myshopify.com/x"):
        assert rewritten(url, at) == url


def test_a_request_really_goes_to_the_platform_address() -> None:
    seen: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with platform(talk) as url:
        session = HttpSession(platform_url=url)
        road = session._session.get_adapter(SHOP)
        sent = requests.Request("POST", SHOP, data=b"{}").prepare()
        road.send(sent, timeout=5)
        seen.append((sent.path_url or "").encode())
    assert seen == [b"/shops/leaf-and-kettle.myshopify.com/admin/x?y=1"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9292/", "http://localhost:9292", "http://[::1]:9292"])
def test_a_platform_address_on_this_machine_is_taken(url: str) -> None:
    assert check_platform_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:9292",
        "https://127.0.0.1",
        "http://10.0.0.1",
        "http://example.com",
        "http://u:p@127.0.0.1/",
    ],
)
def test_a_platform_address_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="this machine"):
        HttpSession(platform_url=url)


def test_an_answer_that_lands_in_a_log_shows_its_status_alone() -> None:
    assert repr(HttpAnswer(200, {"Set-Cookie": "s3cret"}, b"anna@example.com")) == "HttpAnswer(status=200)"
