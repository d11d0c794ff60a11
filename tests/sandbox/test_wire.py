"""The sender's HTTP, against real sockets on this machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest

from sandbox import App, Courier, World
from sandbox.signing import webhook_signature
from sandbox.wire import NO_CONNECTION, TIMED_OUT, Wire, read_answer
from tests.sandbox.conftest import SECRET


class Receiver(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, protocol: str = "HTTP/1.1", answers: Callable[[int], int] = lambda _: 200) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = protocol

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((dict(self.headers), body))
                self.send_response(answers(len(outer.got)))
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_: Any) -> None:
                return

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def receive() -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def start(**settings: Any) -> Receiver:
        made.append(Receiver(**settings))
        return made[-1]

    yield start
    for receiver in made:
        receiver.shutdown()
        receiver.server_close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    done = threading.Event()
    while not true():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        done.wait(0.005)


def world_for(url: str, **settings: Any) -> World:
    app = App("client-1", SECRET, app_url=url)
    world = World(app, courier=Courier(url=app.webhook_url, **settings))
    world.install()
    return world


@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/1.0"])
def test_deliveries_arrive_signed_over_kept_or_closed_connections(
    receive: Callable[..., Receiver], protocol: str
) -> None:
    receiver = receive(protocol=protocol)
    world = world_for(receiver.url, connections=4)
    world.courier.start()
    for _ in range(50):
        world.place_order([("MUG", 1), ("TEA", 2)], email="a@example.com")
    until(lambda: world.courier.stats["acknowledged"] == 100)
    world.courier.stop()
    assert len(receiver.got) == 100
    for headers, body in receiver.got:
        assert headers["X-Shopify-Hmac-Sha256"] == webhook_signature(body, SECRET.encode()).decode()
        assert headers["Content-Type"] == "application/json"
    assert len({headers["X-Shopify-Webhook-Id"] for headers, _ in receiver.got}) == 100
    assert len({orjson.loads(body)["name"] for _, body in receiver.got}) == 50


def test_a_refusal_is_repeated_with_the_same_id(receive: Callable[..., Receiver]) -> None:
    receiver = receive(answers=lambda number: 503 if number == 1 else 204)
    world = world_for(receiver.url, retry_base_seconds=0.01)
    world.courier.start()
    world.add_customer("a@example.com")
    until(lambda: world.courier.stats["acknowledged"] == 1)
    world.courier.stop()
    first, second = receiver.got
    assert first[0]["X-Shopify-Webhook-Id"] == second[0]["X-Shopify-Webhook-Id"]
    assert first[1] == second[1]


def test_nobody_there_is_a_failure_that_is_repeated(receive: Callable[..., Receiver]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    world = world_for(f"http://127.0.0.1:{port}", retry_base_seconds=0.001)
    world.courier.start()
    world.add_customer("a@example.com")
    until(lambda: world.courier.stats["abandoned"] == 1)
    world.courier.stop()
    assert world.courier.stats["attempts"] == 9


def test_no_answer_in_time_is_a_time_out() -> None:
    statuses: list[int] = []

    class Parcel:
        request = b"POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"

    with socket.create_server(("127.0.0.1", 0)) as silent:
        wire = Wire(f"http://127.0.0.1:{silent.getsockname()[1]}", 1, 0.05, lambda _, status: statuses.append(status))
        wire.send(Parcel())
        for _ in range(50):
            wire.poll(0.02)
        wire.close()
    assert statuses == [TIMED_OUT]


def test_https_is_not_spoken() -> None:
    with pytest.raises(ValueError, match="plain http only"):
        Wire("https://127.0.0.1", 1, 1, lambda *_: None)


@pytest.mark.parametrize(
    "data,answer",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", (200, True, True)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", (200, False, True)),
        (b"HTTP/1.1 200 OK\r\ncontent-length:  0 \r\nConnection: close\r\n\r\n", (200, True, False)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", (204, True, True)),
        (b"HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", (401, False, True)),
        (b"HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", (401, True, True)),
        (b"HTTP/1.0 200 OK\r\n\r\nbody", (200, True, False)),
        (b"nonsense\r\n\r\n", (NO_CONNECTION, True, False)),
        (b"HTTP/1.1 200", (NO_CONNECTION, False, True)),
    ],
)
def test_an_answer_is_read_by_its_length_its_chunks_or_its_end(data: bytes, answer: tuple[int, bool, bool]) -> None:
    assert read_answer(data) == answer
