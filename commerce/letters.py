"""Letters: what is sent by e-mail, and the port that sends it.

A letter is one line of headers for each thing said, so none of its parts may hold a line break: whoever could put one
there could write headers of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from commerce.refusal import Refusal

LONGEST_SUBJECT = 200
LONGEST_HEADER = 900
LONGEST_NAME = 100
LONGEST_BODY = 200_000
LONGEST_ADDRESS = 254

# Where it goes and from whom is not a header like another; these are ours to write.
_OURS = frozenset(
    {"to", "cc", "bcc", "from", "sender", "subject", "date", "message-id", "mime-version", "return-path", "received"}
)
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,60}", re.ASCII)
_ADDRESS = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,64}@[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,189}")


class BadLetter(Refusal):
    """This cannot be sent as an e-mail: it needs an address, a subject of one line, and something to say."""


def is_address(text: str) -> bool:
    """Whether a letter can be sent there."""
    return len(text) <= LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


class MailTrouble(Exception):
    """A letter was not taken. `permanent`: it never will be."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason, self.permanent = reason, permanent


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail to one address. `html` is the same in simple HTML, or empty. `headers` are further ones, such as
    ``List-Unsubscribe``. Refuses with `BadLetter` what is no address, and whatever would write headers by itself.
    """

    to: str
    subject: str
    text: str
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    by: str = ""
    """In whose name it is sent, beside our address; empty: in our own."""

    def __post_init__(self) -> None:
        if not is_address(self.to):
            raise BadLetter
        if not self.subject.strip() or len(self.subject) > LONGEST_SUBJECT or not _one_line(self.subject):
            raise BadLetter
        if len(self.by) > LONGEST_NAME or not _one_line(self.by):
            raise BadLetter
        if not self.text.strip() or max(len(self.text), len(self.html)) > LONGEST_BODY:
            raise BadLetter
        for name, value in self.headers.items():
            named = _HEADER.fullmatch(name) is not None and name.lower() not in _OURS
            if not named or not name.lower().startswith(("list-", "x-", "auto-", "reply-", "precedence")):
                raise BadLetter
            if not value or len(value) > LONGEST_HEADER or not _one_line(value):
                raise BadLetter


class MailTalk(Protocol):
    """Letters one after another, as far as possible over one connection."""

    def send(self, letter: Letter, number: str) -> None:
        """Hand a letter over; `number` makes the name by which mail programs know one again that comes twice. Raises
        `MailTrouble`, which says nothing of the next letter.
        """


class MailPort(Protocol):
    """A server that takes letters."""

    def talk(self) -> AbstractContextManager[MailTalk]:
        """A time in which letters are sent. Nothing is connected before the first."""


def _one_line(said: str) -> bool:
    """No line break, and nothing else that steers: not even one that only some program takes for a line break."""
    return not any(ord(letter) < 32 or letter in "\x7f\x85\u2028\u2029" for letter in said)
