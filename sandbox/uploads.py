"""Staged uploads: an address with signed fields for one file, and the multipart request that brings it.

The store behind it is an object store, not the Admin API: it answers in XML, believes only the fields that it
handed out, and wants the file as the last part.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

PATH = "/staged-uploads"
MOST_BYTES = 100 * 1024 * 1024
CHUNK = 262_144


class UploadRefused(Exception):
    """What the object store says instead of taking the file."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(slots=True)
class Target:
    """Where one file may go; `body` is the file once it came."""

    key: str
    parameters: Mapping[str, str]
    body: bytes | None = None


class Uploads:
    """One shop's staged files, by key."""

    def __init__(self) -> None:
        self._targets: dict[str, Target] = {}

    def stage(self, shop_number: int, filename: str, mime_type: str) -> Target:
        """A fresh place for a file of this name; `key` among the parameters is its path."""
        key = f"tmp/{shop_number}/bulk/{secrets.token_hex(16)}/{filename}"
        parameters = {
            "Content-Type": mime_type,
            "success_action_status": "201",
            "acl": "private",
            "key": key,
            "x-goog-algorithm": "GOOG4-RSA-SHA256",
            "policy": secrets.token_urlsafe(24),
            "x-goog-signature": secrets.token_hex(32),
        }
        self._targets[key] = target = Target(key, parameters)
        return target

    def file(self, key: str) -> bytes | None:
        target = self._targets.get(key)
        return None if target is None else target.body

    def receive(self, content_type: str, stream: IO[bytes], length: int) -> Target:
        """Takes one multipart request; raises UploadRefused."""
        kind, options = parse_options_header(content_type)
        if kind != "multipart/form-data" or "boundary" not in options:
            raise UploadRefused(400, "MalformedPOSTRequest", "The body is not multipart/form-data.")
        # the fields around the file are small
        if length > MOST_BYTES + CHUNK:
            raise UploadRefused(400, "EntityTooLarge", f"A file of bulk variables is at most {MOST_BYTES} bytes.")
        fields, body = _parts(options["boundary"].encode(), stream, length)
        target = self._targets.get(fields.get("key", ""))
        if target is None or any(fields.get(name) != value for name, value in target.parameters.items()):
            raise UploadRefused(403, "SignatureDoesNotMatch", "The fields are not those that were handed out.")
        if len(body) > MOST_BYTES:
            raise UploadRefused(400, "EntityTooLarge", f"A file of bulk variables is at most {MOST_BYTES} bytes.")
        target.body = body
        return target


def _parts(boundary: bytes, stream: IO[bytes], length: int) -> tuple[dict[str, str], bytes]:
    """The fields before the file, and the file: what comes after it is refused."""
    decoder = MultipartDecoder(boundary, MOST_BYTES + CHUNK)
    fields: dict[str, str] = {}
    file: bytearray | None = None
    name, text, left = "", bytearray(), length
    while True:
        try:
            event: Any = decoder.next_event()
        except ValueError:
            raise UploadRefused(400, "MalformedPOSTRequest", "The body ends before the form does.") from None
        if isinstance(event, NeedData):
            data = stream.read(min(CHUNK, left))
            left -= len(data)
            decoder.receive_data(data or None)
        elif isinstance(event, (Field, File)):
            if file is not None:
                raise UploadRefused(400, "InvalidArgument", "The file must be the last part of the form.")
            name, text = event.name, bytearray()
            file = bytearray() if isinstance(event, File) else None
        elif isinstance(event, Data):
            (text if file is None else file).extend(event.data)
            if file is None and not event.more_data:
                fields[name] = text.decode("utf-8", "replace")
        elif isinstance(event, Epilogue):
            break
    if file is None:
        raise UploadRefused(400, "InvalidArgument", "POST requires exactly one file part.")
    return fields, bytes(file)
