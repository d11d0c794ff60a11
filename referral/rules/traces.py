"""What a referral leaves behind that two people could share, brought to a form in which it can be compared.

Everything here is text on its way into a keyed digest: `Evidence` is what somebody's browser or order said, `traces`
what of it is worth comparing. The raw text goes no further than the unit of work that digests it; a trace is never
shown and never stored. Each kind of trace forgives what a fraudster changes and an honest person does not have: the
``+1`` of an address, the order of a name, the spaces of a phone.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from commerce.identity import email_key, fold_name
from commerce.phones import fold_digits

# Longer than any real one; whatever somebody pastes into a form costs no more than this.
LONGEST = 400


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of somebody at a claim or an order, as it was said; each part may be missing. Never stored."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    address: str | None = None
    device: str | None = None
    """What a browser keeps for pages of ours, where its owner lets it: see `device`."""
    ip: str | None = None
    user_agent: str | None = None
    referrer: str | None = None


class Kind(StrEnum):
    """What two people could share. Two letters or so: it stands beside each digest."""

    EMAIL = "email"
    MAILBOX = "mailbox"
    ALIKE = "alike"
    SERIES = "series"
    """Like `ALIKE`, but only among the friends of one advocate."""
    PHONE = "phone"
    NAME = "name"
    NAME_ALIKE = "name_alike"
    ADDRESS = "address"
    DEVICE = "device"
    BROWSER = "browser"
    """An address of the internet together with what the browser calls itself."""
    NETWORK = "network"


# Who shares one of these is taken for one person, or for people who know of each other: blocks spread along them. A
# network or a kind of browser is not among them: an office has one of each.
BINDING = (Kind.MAILBOX, Kind.PHONE, Kind.DEVICE, Kind.ADDRESS, Kind.SERIES)

# Mailboxes in which dots say nothing, and the names under which one provider goes.
_DOTLESS = {"gmail.com": "gmail.com", "googlemail.com": "gmail.com"}
# Providers that have one name in many countries: ``x@yahoo.de`` is another mailbox than ``x@yahoo.fr``, so these stay.
_TWO_LEVELS = {"co", "com", "org", "net", "ac", "gov", "edu"}
# Below this, what two addresses have in common is chance: too many people are called anna.
_SHORTEST_ALIKE = 6
_SHORTEST_PHONE = 8
# A national number: what stands before it is how it was dialled.
_PHONE_DIGITS = 9
_SHORTEST_NAME = 5

_WORD = re.compile(r"[^\W_]+")
_NOT_LETTERS = re.compile(r"[\W\d_]+")
# Addresses that only mean something inside one machine or house: a store behind a proxy of its own reports the proxy's
# for everybody, and an erased order bears ``127.0.0.0``.
_INSIDE = tuple(
    ipaddress.ip_network(each)
    for each in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
                 "192.168.0.0/16", "::/127", "fc00::/7", "fe80::/10")
)  # fmt: skip
_SOUNDS = str.maketrans("cqzvw", "kksff")
_STREETS = {
    "street": "st", "str": "st", "strasse": "st", "straße": "st", "road": "rd", "avenue": "ave", "av": "ave",
    "boulevard": "blvd", "drive": "dr", "lane": "ln", "apartment": "apt", "flat": "apt", "unit": "apt", "no": "",
    "number": "", "nr": "",
}  # fmt: skip


def traces(evidence: Evidence, advocate: int | None = None) -> list[tuple[Kind, str]]:
    """What of the evidence is compared: kinds, and the text to be digested for each. `advocate` is whose friend it is,
    where it is a friend's.
    """
    return [*_of_email(evidence.email, advocate), *_of_person(evidence), *_of_browser(evidence)]


_DEVICE = re.compile(r"[0-9a-f]{32}", re.ASCII)


def device(said: str | None) -> str | None:
    """What a browser of ours would say of itself: 128 bits that it drew once. Anything else that somebody sends is
    nothing, or a word that everybody sends would make everybody one.
    """
    found = (said or "").strip()
    return found if _DEVICE.fullmatch(found) and len(set(found)) > 4 else None


def mailbox(email: str) -> str | None:
    """The mailbox of an address: ``a.nna+shop@Googlemail.com`` is ``anna@gmail.com``. None for what is no address."""
    key = email_key(email[:LONGEST])
    if key is None:
        return None
    name, _, domain = key.rpartition("@")
    domain = registered(domain)
    name = name.partition("+")[0] or name
    if domain in _DOTLESS:
        name, domain = name.replace(".", "") or name, _DOTLESS[domain]
    return f"{name}@{domain}"


def registered(domain: str) -> str:
    """``mail.shop.example.co.uk`` as ``example.co.uk``: whoever owns a domain has all the names below it."""
    parts = domain.strip(".").lower().split(".")
    keep = 3 if len(parts) > 2 and len(parts[-1]) == 2 and parts[-2] in _TWO_LEVELS else 2
    return ".".join(parts[-keep:])


def network(ip: str) -> str | None:
    """The network of an address: its /24, or for IPv6 its /48, which is what one household or office is given."""
    address = _ip(ip)
    if address is None:
        return None
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))


def host(address: str | None) -> str | None:
    """The host of an address on the web, without ``www.``; None for what is none."""
    if not address:
        return None
    try:
        found = urlsplit(address[:LONGEST].strip()).hostname
    except ValueError:
        return None
    return found.removeprefix("www.") if found else None


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip()[:64])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    found = mapped or address
    return None if any(found in inside for inside in _INSIDE) else found


def _of_email(email: str | None, advocate: int | None) -> Iterator[tuple[Kind, str]]:
    key = email_key(email[:LONGEST]) if email else None
    box = mailbox(email) if email else None
    if key is None or box is None:
        return
    yield Kind.EMAIL, key
    yield Kind.MAILBOX, box
    words = [word for word in _NOT_LETTERS.split(box.rpartition("@")[0]) if word]
    alike = _undoubled("".join(sorted(words)))
    if len(alike) >= _SHORTEST_ALIKE:
        yield Kind.ALIKE, alike
        if advocate is not None:
            yield Kind.SERIES, f"{advocate}:{alike}"


def _of_person(evidence: Evidence) -> Iterator[tuple[Kind, str]]:
    digits = re.sub(r"\D", "", fold_digits((evidence.phone or "")[:LONGEST]))
    if len(digits) >= _SHORTEST_PHONE and len(set(digits)) > 1:
        yield Kind.PHONE, digits[-_PHONE_DIGITS:]
    name = sorted(_words(evidence.name))
    if len(name) > 1 and len("".join(name)) >= _SHORTEST_NAME:
        yield Kind.NAME, " ".join(name)
        yield Kind.NAME_ALIKE, " ".join(_sounded(word) for word in name)
    address = sorted(filter(None, (_STREETS.get(word, word) for word in _words(evidence.address))))
    # A place that has no number is a town, and thousands live there.
    if len(address) > 1 and any(word[0].isdigit() for word in address):
        yield Kind.ADDRESS, " ".join(address)


def _of_browser(evidence: Evidence) -> Iterator[tuple[Kind, str]]:
    if evidence.device:
        yield Kind.DEVICE, evidence.device[:LONGEST]
    address = _ip(evidence.ip) if evidence.ip else None
    if evidence.ip is None or address is None:
        return
    if (net := network(evidence.ip)) is not None:
        yield Kind.NETWORK, net
    if evidence.user_agent:
        yield Kind.BROWSER, f"{address} {evidence.user_agent[:LONGEST]}"


def _words(text: str | None) -> Sequence[str]:
    return _WORD.findall(fold_name(text)) if text else ()


def _undoubled(text: str) -> str:
    return re.sub(r"(.)\1+", r"\1", text)


def _sounded(word: str) -> str:
    """A word without what people spell differently: vowels after the first letter, and doubled letters.

    Only in Latin letters, where vowels are written; ``Jansen`` and ``Janssen``, ``Meier`` and ``Meyer`` are one.
    """
    if not word.isascii():
        return word
    sounds = word.translate(_SOUNDS)
    return _undoubled(sounds[0] + re.sub(r"[aeiouyh]", "", sounds[1:]))
