"""The signature under a webhook: HMAC-SHA256 over the raw bytes, in base64, as both platforms write it."""

from __future__ import annotations

import binascii
import hmac
from collections.abc import Sequence

from commerce.events import BadSignature


def check_signature(signature: str | None, body: bytes, secrets: Sequence[bytes]) -> None:
    """Return if `signature` is that of `body` under one of `secrets`, else raise `BadSignature`."""
    if signature is None:
        raise BadSignature("the signature is missing")
    try:
        given = signature.encode("ascii")
    except UnicodeEncodeError:
        raise BadSignature("the signature is not ASCII") from None
    for secret in secrets:
        # Compared as text: base64 has several spellings of the same bytes, and a platform writes only one of them.
        expected = binascii.b2a_base64(hmac.digest(secret, body, "sha256"), newline=False)
        if hmac.compare_digest(given, expected):
            return
    raise BadSignature("the signature is of another body or another secret")
