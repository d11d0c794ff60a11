"""Answers leave packed, and come out as they were."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping

import pytest
import zstandard
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from engine.shops import Shop
from plugin import compression, wording
from plugin.wording import static
from tests.plugin.conftest import House, Merchant

UNPACK: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress, "zstd": lambda body: zstandard.ZstdDecompressor().decompress(body),
}  # fmt: skip


def fetched(client: FlaskClient, address: str, method: str = "GET", **headers: str) -> TestResponse:
    """An answer that was read to its end: files are closed then."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.open(address, method=method, headers=named)
    answer.get_data()
    answer.close()
    return answer


@pytest.mark.parametrize(
    "accepted,encoding",
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("zstd;q=0, gzip;q=1.0", "gzip"),
        ("br", None),
        ("identity", None),
        ("", None),
        (",,;q=,gzip", "gzip"),
    ],
)
def test_the_better_of_what_the_browser_names_is_chosen(accepted: str, encoding: str | None) -> None:
    assert compression.chosen(accepted) == encoding


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_page_comes_out_as_it_was_and_smaller(merchant: Merchant, encoding: str) -> None:
    bearer = {"Authorization": f"Bearer {merchant.token()}"}
    plain = merchant.client.get("/surveys", headers=bearer)
    packed = merchant.client.get("/surveys", headers={**bearer, "Accept-Encoding": encoding})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == encoding
    assert packed.headers["Content-Length"] == str(len(packed.data))
    assert UNPACK[encoding](packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2
    assert "Accept-Encoding" in plain.headers["Vary"]
    assert "Accept-Encoding" in packed.headers["Vary"]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_file_of_ours_is_packed_once_and_kept_for_a_year(house: House, encoding: str) -> None:
    with house.app.test_request_context():
        address = static("app.css")
    client = house.app.test_client()
    plain, packed = fetched(client, address), fetched(client, address, Accept_Encoding=encoding)
    assert UNPACK[encoding](packed.data) == plain.data == (wording.STATIC / "app.css").read_bytes()
    assert "max-age=31536000" in packed.headers["Cache-Control"]
    before = compression._file.cache_info()
    fetched(client, address, Accept_Encoding=encoding)
    after = compression._file.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)
    again = fetched(client, address, Accept_Encoding=encoding, If_None_Match=packed.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")


def test_what_is_short_or_asked_for_in_part_or_packed_already_is_left_as_it_is(
    house: House, merchant: Merchant
) -> None:
    client = house.app.test_client()
    assert fetched(client, "/health", Accept_Encoding="zstd").data == b"ok\n"
    with house.app.test_request_context():
        address = static("app.css")
    part = fetched(client, address, Accept_Encoding="zstd", Range="bytes=0-9")
    assert (part.status_code, len(part.data)) == (206, 10)
    assert fetched(client, address, "HEAD", Accept_Encoding="zstd").data == b""
    bearer = f"Bearer {merchant.token()}"
    archive = fetched(client, "/extensions/perennial.zip", Authorization=bearer, Accept_Encoding="zstd")
    assert "Content-Encoding" not in archive.headers


def test_a_file_that_is_sent_as_it_is_made_is_not_gathered(merchant: Merchant, shop: Shop, house: House) -> None:
    month = f"{house.clock.now:%Y-%m}"
    bearer = {"Authorization": f"Bearer {merchant.token()}", "Accept-Encoding": "gzip"}
    journal = merchant.client.get(f"/statements/journal.csv?month={month}", headers=bearer)
    assert journal.status_code == 200
    assert "Content-Encoding" not in journal.headers
    assert journal.text.startswith("entry,written_at")
