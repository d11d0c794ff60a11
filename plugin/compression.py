"""Answers leave packed, as the browser says that it can unpack them: pages when they are made, files of ours once.

Zstandard where it is understood, else gzip. Pages hold no secret that a stranger could guess at by the length of what
is packed: who may do something is told by the platform's token, or by a cookie, neither of which is in a page.
"""

from __future__ import annotations

import gzip
from functools import lru_cache

import zstandard
from flask import Request, Response

# Below this, what is saved is less than the headers that say so.
LEAST_BYTES = 1000
# A page of 60 kB takes a millisecond by either, and comes to a sixth.
ZSTD_LEVEL, GZIP_LEVEL = 6, 6
# Files are packed once, and read for as long as the process lives.
ZSTD_LEVEL_OF_FILES, GZIP_LEVEL_OF_FILES = 19, 9
# Our own, in their versions; nobody else can make us keep more.
MOST_FILES = 100

PACKED_TYPES = frozenset({
    "application/javascript", "application/json", "application/manifest+json", "image/svg+xml", "text/css",
    "text/csv", "text/html", "text/javascript", "text/plain",
})  # fmt: skip


def chosen(accepted: str) -> str | None:
    """The better encoding of those that a browser names; None where it names none that we have."""
    names = dict(_named(part) for part in accepted.lower().split(",")[:20])
    return next((name for name in ("zstd", "gzip") if names.get(name, False)), None)


def _named(part: str) -> tuple[str, bool]:
    """An encoding, and whether it is wanted: ``gzip;q=0`` says that it is not."""
    name, _, quality = part.partition(";")
    return name.strip(), quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")


def pack(request: Request, response: Response) -> Response:
    """The answer, packed where that is worth it and the browser can unpack it."""
    if response.mimetype not in PACKED_TYPES or "Content-Encoding" in response.headers:
        return response
    response.vary.add("Accept-Encoding")
    encoding = chosen(request.headers.get("Accept-Encoding", ""))
    if encoding is None or response.status_code != 200 or request.method == "HEAD" or "Range" in request.headers:
        return response
    if request.endpoint == "static":
        response.direct_passthrough = False
        body = _file(response.get_data(), encoding)
    elif response.is_streamed or len(response.get_data()) < LEAST_BYTES:
        return response
    else:
        body = _packed(response.get_data(), encoding, ZSTD_LEVEL if encoding == "zstd" else GZIP_LEVEL)
    etag, _ = response.get_etag()
    response.set_data(body)
    response.headers["Content-Encoding"] = encoding
    if etag:
        # The same in another form: equal, but not byte by byte.
        response.set_etag(etag, weak=True)
    return response


@lru_cache(MOST_FILES)
def _file(content: bytes, encoding: str) -> bytes:
    return _packed(content, encoding, ZSTD_LEVEL_OF_FILES if encoding == "zstd" else GZIP_LEVEL_OF_FILES)


def _packed(content: bytes, encoding: str, level: int) -> bytes:
    if encoding == "zstd":
        # A compressor serves one thread at a time; a new one costs some microseconds.
        return zstandard.ZstdCompressor(level=level).compress(content)
    return gzip.compress(content, compresslevel=level, mtime=0)
