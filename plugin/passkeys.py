"""Passkeys at the door: the question that a browser hands to an authenticator, and the proof that comes back.

A question is not kept. It carries when it was asked and for what, sealed with a key of the house, and holds for five
minutes in the browser that asked, which a cookie knows. An answer lets in once, because the session that it begins
names the question. The library that checks what was signed is loaded by the first who signs in with one: nobody else
pays for it.
"""

from __future__ import annotations

import hmac
import json
import secrets
import struct
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from commerce.ids import ShopId
from commerce.refusal import Refusal
from engine import audit, passkeys, staff
from engine.passkeys import Passkey
from engine.staff import Person
from engine.work import UnitOfWork

ASKED_SECONDS = 300
LONGEST_ANSWER = 16_384
_NONCE, _SEAL = 16, 16
# ES256, EdDSA and RS256: what authenticators of the last ten years sign with.
_ALGORITHMS = (-7, -8, -257)


class NoProof(Refusal):
    """That did not prove who you are: the page was open for too long, or the passkey is not known here. Please try
    again, or let us send you a link.
    """


class Copied(Refusal):
    """This passkey was refused: it counts its uses, and the count has gone back, so there may be a copy of it. Sign in
    with a link, remove the passkey under You, and make a new one.
    """


@dataclass(frozen=True, slots=True)
class Door:
    """Where passkeys are asked for. `browser` is the secret in the visitor's cookie."""

    app_url: str
    secret: bytes
    browser: str
    now: datetime

    @property
    def host(self) -> str:
        return urlsplit(self.app_url).hostname or ""

    @property
    def origin(self) -> str:
        where = urlsplit(self.app_url)
        return f"{where.scheme}://{where.netloc}"

    @property
    def works(self) -> bool:
        """Whether browsers offer passkeys at this address: over HTTPS, or on this very machine by its name."""
        return self.app_url.startswith("https://") or self.host == "localhost"

    def question_to_enter(self) -> str:
        """What the browser asks any authenticator that has a passkey for us, as JSON."""
        asked = self._challenge("enter")
        return _json(challenge=_b64(asked), rpId=self.host, timeout=ASKED_SECONDS * 1000, userVerification="required")

    def question_to_make(self, shop_name: str, shop_id: ShopId, person: Person, known: Sequence[Passkey]) -> str:
        """What the browser asks an authenticator that shall make a passkey for `person`, as JSON."""
        name = person.label or shop_name
        return _json(
            rp={"id": self.host, "name": "Perennial"},
            user={"id": self.handle_of(shop_id, person.staff_id), "name": f"{name} · {shop_name}", "displayName": name},
            challenge=_b64(self._challenge(f"make {shop_id} {person.staff_id}")),
            pubKeyCredParams=[{"type": "public-key", "alg": alg} for alg in _ALGORITHMS],
            timeout=ASKED_SECONDS * 1000, attestation="none",
            excludeCredentials=[{"type": "public-key", "id": _b64(key.credential_id)} for key in known],
            authenticatorSelection={
                "residentKey": "required", "requireResidentKey": True, "userVerification": "required",
            },
        )  # fmt: skip

    def handle_of(self, shop_id: ShopId, staff_id: int) -> str:
        """What an authenticator keeps beside a passkey, and says again: of which shop, and whose."""
        return _b64(struct.pack(">QQ", shop_id, staff_id))

    def keep_made(self, work: UnitOfWork, person: Person, answer: str, name: str) -> None:
        """Keep the passkey that an authenticator has made. Refuses with `NoProof` or `passkeys.NotKept`."""
        from webauthn import verify_registration_response
        from webauthn.helpers.exceptions import WebAuthnException

        challenge = self._asked(answer, f"make {work.shop_id} {person.staff_id}")
        try:
            made = verify_registration_response(
                credential=answer, expected_challenge=challenge, expected_rp_id=self.host,
                expected_origin=self.origin, require_user_verification=True,
            )  # fmt: skip
        except (WebAuthnException, ValueError, KeyError, TypeError):
            raise NoProof from None
        passkeys.keep(work, person.staff_id, name, made.credential_id, made.credential_public_key, made.sign_count)

    def proven(self, work: UnitOfWork, staff_id: int, answer: str) -> tuple[Person, bytes] | Copied:
        """Who answered, and the question. What was noted of a passkey that is a copy has to be kept, so that is an
        answer and no exception. Refuses with `NoProof`.
        """
        from webauthn import verify_authentication_response
        from webauthn.helpers import parse_authentication_credential_json
        from webauthn.helpers.exceptions import WebAuthnException

        challenge = self._asked(answer, "enter")
        try:
            given = parse_authentication_credential_json(answer)
            known = passkeys.lock(work, given.raw_id)
            if known is None or known.staff_id != staff_id:
                raise NoProof
            # The count is looked at below: here it would be an error among others.
            found = verify_authentication_response(
                credential=given, expected_challenge=challenge, expected_rp_id=self.host,
                expected_origin=self.origin, credential_public_key=known.public_key,
                credential_current_sign_count=0, require_user_verification=True,
            )  # fmt: skip
        except (WebAuthnException, ValueError, KeyError, TypeError):
            raise NoProof from None
        person = staff.find(work, staff_id)
        if person.removed_at is not None or person.joined_at is None:
            raise NoProof
        if known.sign_count and found.new_sign_count <= known.sign_count:
            audit.write(work, person.staff_id, person.label, person.role, "passkey_copied", passkey=known.name)
            return Copied()
        passkeys.used(work, known.passkey_id, found.new_sign_count)
        return person, challenge

    def _challenge(self, purpose: str) -> bytes:
        said = secrets.token_bytes(_NONCE) + struct.pack(">Q", int(self.now.timestamp()))
        return said + self._seal(said, purpose)

    def _seal(self, said: bytes, purpose: str) -> bytes:
        key = hmac.digest(self.secret, b"perennial passkeys", "sha256")
        return hmac.digest(key, f"{purpose}|{self.browser}|{said.hex()}".encode(), "sha256")[:_SEAL]

    def _asked(self, answer: str, purpose: str) -> bytes:
        """The question that `answer` names, if we asked it, in this browser, for this, just now. Refuses with
        `NoProof`.
        """
        from webauthn.helpers import base64url_to_bytes

        try:
            data = json.loads(base64url_to_bytes(json.loads(answer[:LONGEST_ANSWER])["response"]["clientDataJSON"]))
            challenge = base64url_to_bytes(data["challenge"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise NoProof from None
        said, sealed = challenge[:-_SEAL], challenge[-_SEAL:]
        if len(said) != _NONCE + 8 or not hmac.compare_digest(sealed, self._seal(said, purpose)) or not self.browser:
            raise NoProof
        (asked,) = struct.unpack(">Q", said[_NONCE:])
        if not 0 <= self.now.timestamp() - asked + 1 <= ASKED_SECONDS:
            raise NoProof
        return challenge


def holder(answer: str) -> tuple[ShopId, int] | None:
    """Of which shop, and whose, a passkey says that it is; nothing of it is believed yet."""
    from webauthn.helpers import base64url_to_bytes

    try:
        handle = base64url_to_bytes(json.loads(answer[:LONGEST_ANSWER])["response"]["userHandle"])
        shop_id, staff_id = struct.unpack(">QQ", handle)
    except (ValueError, KeyError, TypeError, RecursionError, struct.error):
        return None
    return (ShopId(shop_id), staff_id) if max(shop_id, staff_id) < 2**62 else None


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def _json(**said: Any) -> str:
    return json.dumps(said, ensure_ascii=True)
