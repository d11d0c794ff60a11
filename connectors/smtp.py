"""Letters by SMTP: one connection for a few of them, encrypted unless the settings say otherwise in as many words.

``smtps://user:password@host:465`` speaks TLS from the first byte; ``smtp://host:587`` asks for STARTTLS and goes no
further without; ``smtp+plain://127.0.0.1:25`` is for a server on the same machine.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from commerce.letters import Letter, MailTrouble

SECONDS = 20.0
_PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}


class _Lines(EmailPolicy):
    """Letters as RFC 5322 has them, with headers for programs on one line each: what the library folds, it would write
    in code where a line is long, and no mail program finds an address in that.
    """

    def fold(self, name: str, value: str) -> str:
        if name.lower().startswith("list-") and value.isascii():
            return f"{name}: {value}\r\n"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower().startswith("list-") and value.isascii():
            return self.fold(name, value).encode()
        return super().fold_binary(name, value)


_LINES = _Lines(linesep="\r\n")


@dataclass(frozen=True, slots=True)
class Post:
    """A server that takes letters, and the address that they come from. `before`: asked before each connection."""

    url: str = field(repr=False)
    sender: str
    now: Callable[[], datetime]
    before: Callable[[], None] = lambda: None

    def send(self, letter: Letter, number: str) -> None:
        """Hand a letter over. Raises `MailTrouble`: its reason names the server's code, and no address."""
        self.before()
        try:
            with self._server() as server:
                server.send_message(self.message(letter, number))
        except smtplib.SMTPRecipientsRefused as refused:
            ((code, _),) = refused.recipients.values()
            raise _trouble(code, "the address") from None
        except smtplib.SMTPResponseException as answer:
            raise _trouble(int(answer.smtp_code), "the e-mail") from None
        except smtplib.SMTPNotSupportedError:
            raise MailTrouble("the mail server cannot encrypt, or cannot take this address", permanent=False) from None
        except (OSError, smtplib.SMTPException) as error:
            raise MailTrouble(f"the mail server does not answer ({type(error).__name__})", permanent=False) from None

    def message(self, letter: Letter, number: str) -> EmailMessage:
        """The letter as it goes out: UTF-8, text and HTML side by side."""
        said = EmailMessage(policy=_LINES)
        name, address = parseaddr(self.sender)
        name = letter.by or name
        domain = address.rpartition("@")[2]
        said["From"] = Address(name, addr_spec=address) if address.isascii() else f"{name} <{address}>"
        said["To"] = letter.to
        said["Subject"] = letter.subject
        said["Date"] = format_datetime(self.now())
        said["Message-ID"] = f"<{number}@{domain}>"
        for header, value in letter.headers.items():
            said[header] = value
        said.set_content(letter.text, cte="quoted-printable")
        if letter.html:
            said.add_alternative(letter.html, subtype="html", cte="quoted-printable")
        return said

    @contextmanager
    def _server(self) -> Iterator[smtplib.SMTP]:
        where = urlsplit(self.url)
        host, port = where.hostname or "", where.port or _PORTS[where.scheme]
        trusted = ssl.create_default_context()
        if where.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=trusted)
        else:
            server = smtplib.SMTP(host, port, timeout=SECONDS)
        with server:
            if where.scheme == "smtp":
                server.starttls(context=trusted)
            if where.username:
                server.login(unquote(where.username), unquote(where.password or ""))
            yield server


def _trouble(code: int, what: str) -> MailTrouble:
    """An answer from 400 to 499 may be another one later; so may the refusal of a password, once it is set right."""
    final = code >= 500 and code not in (530, 534, 535)
    return MailTrouble(f"the mail server did not take {what} ({code})", permanent=final)
