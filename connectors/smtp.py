"""Letters by SMTP: many over one connection, encrypted unless the settings say otherwise in as many words.

``smtps://user:password@host:465`` speaks TLS from the first byte; ``smtp://host:587`` asks for STARTTLS and goes no
further without; ``smtp+plain://127.0.0.1:25`` is for a server on the same machine.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from urllib.parse import unquote, urlsplit

from commerce.letters import Letter, MailTrouble

SECONDS = 20.0
# Servers end a connection that brings more, some with words that say nothing of it.
MOST_ON_ONE = 100
_BYE = 421
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

    @contextmanager
    def talk(self) -> Iterator[Talk]:
        """A time in which letters are sent: the connection that the first one opens is ended with it."""
        talk = Talk(self)
        try:
            yield talk
        finally:
            talk.end()

    def message(self, letter: Letter, number: str) -> EmailMessage:
        """The letter as it goes out: UTF-8, text and HTML side by side."""
        said = EmailMessage(policy=_LINES)
        name, address = parseaddr(self.sender)
        name = letter.by or name
        whose, _at, domain = address.rpartition("@")
        # In parts: as one text, the library takes no address that has other letters than ours.
        said["From"] = Address(name, username=whose, domain=domain)
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

    def connect(self) -> smtplib.SMTP:
        """A connection that letters may be sent over. Raises `MailTrouble`."""
        self.before()
        try:
            return self._greeted()
        except smtplib.SMTPResponseException as answer:
            # It is said of us and of no letter, and may be set right.
            raise MailTrouble(f"the mail server did not let us in ({answer.smtp_code})", permanent=False) from None
        except smtplib.SMTPNotSupportedError:
            raise MailTrouble("the mail server cannot encrypt, or knows no passwords", permanent=False) from None
        except (OSError, smtplib.SMTPException) as error:
            raise _silence(error) from None

    def _greeted(self) -> smtplib.SMTP:
        where = urlsplit(self.url)
        host, port = where.hostname or "", where.port or _PORTS[where.scheme]
        trusted = ssl.create_default_context()
        if where.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=trusted)
        else:
            server = smtplib.SMTP(host, port, timeout=SECONDS)
        try:
            if where.scheme == "smtp":
                server.starttls(context=trusted)
            server.ehlo_or_helo_if_needed()
            if where.username:
                server.login(unquote(where.username), unquote(where.password or ""))
        except BaseException:
            server.close()
            raise
        return server


class Talk:
    """Letters one after another over one connection, and over another where the server ends it.

    Before each letter but the first the server is asked whether it still listens, and to forget the one before. If it
    does not, or says goodbye in as many words before it took the letter, the letter goes over a new connection, at
    once. A connection that breaks while the letter is on its way may have brought it: that is for later, and for
    whoever keeps count.
    """

    def __init__(self, post: Post) -> None:
        self._post = post
        self._server: smtplib.SMTP | None = None
        self._sent_over = 0
        self._away: MailTrouble | None = None

    def send(self, letter: Letter, number: str) -> None:
        """Hand a letter over. Raises `MailTrouble`: its reason names the server's code, and no address."""
        self._post.before()
        said = self._post.message(letter, number)
        if self._listens():
            try:
                return self._hand_over(said)
            except _Goodbye:
                self._drop()
        self._connect()
        try:
            self._hand_over(said)
        except _Goodbye:
            self._drop()
            raise _trouble(_BYE, "the e-mail") from None

    def end(self) -> None:
        """Say goodbye, if anybody listens; what they answer changes nothing any more."""
        if self._server is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._server.quit()
            self._drop()

    def _listens(self) -> bool:
        if self._server is None:
            return False
        if self._sent_over >= MOST_ON_ONE:
            self.end()
            return False
        try:
            listens = self._server.rset()[0] == 250
        except (OSError, smtplib.SMTPException):
            listens = False
        if not listens:
            self._drop()
        return listens

    def _connect(self) -> None:
        # Whoever cannot be reached is not asked again in this talk: each try may take as long as a person waits.
        if self._away is not None:
            raise self._away
        try:
            self._server, self._sent_over = self._post.connect(), 0
        except MailTrouble as trouble:
            self._away = trouble
            raise

    def _hand_over(self, said: EmailMessage) -> None:
        assert self._server is not None
        self._sent_over += 1
        try:
            self._server.send_message(said)
        except smtplib.SMTPRecipientsRefused as refused:
            ((code, _),) = refused.recipients.values()
            if code == _BYE:
                raise _Goodbye from None
            raise _trouble(code, "the address") from None
        except smtplib.SMTPResponseException as answer:
            if answer.smtp_code == _BYE:
                raise _Goodbye from None
            raise _trouble(int(answer.smtp_code), "the e-mail") from None
        except smtplib.SMTPNotSupportedError:
            raise MailTrouble("the mail server cannot take this address", permanent=False) from None
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            raise _silence(error) from None

    def _drop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None


class _Goodbye(Exception):
    """The server ends the connection and has not taken the letter (421)."""


def _silence(error: Exception) -> MailTrouble:
    return MailTrouble(f"the mail server does not answer ({type(error).__name__})", permanent=False)


def _trouble(code: int, what: str) -> MailTrouble:
    """An answer from 400 to 499 may be another one later; so may the wish for a password, once it is set right."""
    final = code >= 500 and code not in (530, 534, 535)
    return MailTrouble(f"the mail server did not take {what} ({code})", permanent=final)
