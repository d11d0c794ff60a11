"""Who is the same person: keys to match people by, when a store knows them now as a guest and now by an account.

E-mail first, then phone, then the platform's id. Everything here is for matching only: what people wrote is kept and
shown as they wrote it. A store may know one person as many guests and one customer; `same_people` finds them, whatever
order they come in, and joins nobody on a doubt.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from commerce.phones import e164, fold_digits

_LONGEST_EMAIL = 320
_LONGEST_NAME = 255

# Letters that one Persian word is written with, on Persian and on Arabic keyboards. Hamzas and madda are marks after
# decomposition, and go with the marks.
_LETTERS = str.maketrans(
    {
        "ي": "ی",
        "ى": "ی",
        "ې": "ی",
        "ے": "ی",
        "ك": "ک",
        "ڪ": "ک",
        "ة": "ه",
        "ہ": "ه",
        "ە": "ه",
        "ھ": "ه",
        "ۃ": "ه",
        "ٱ": "ا",
        "ـ": None,  # tatweel only stretches a line
        "ء": None,
    }
)
# The marks of Latin, Greek, Cyrillic and Arabic, which people leave out. Those of other scripts (Devanagari's vowels)
# are letters of the word.
_MARKS = ((0x0300, 0x036F), (0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06ED), (0x08D3, 0x08FF))


def fold_name(text: str) -> str:
    """`text` as names are compared: without case, marks, invisible letters and doubled blanks; Arabic yeh, kaf and heh
    as Persian; digits as 0 to 9. Never for display.
    """
    plain = unicodedata.normalize("NFKD", fold_digits(text[:_LONGEST_NAME])).casefold()
    plain = unicodedata.normalize("NFKD", plain).translate(_LETTERS)
    kept = "".join(letter for letter in plain if unicodedata.category(letter) != "Cf" and not _is_mark(letter))
    return " ".join(unicodedata.normalize("NFC", kept).split())


def _is_mark(letter: str) -> bool:
    code = ord(letter)
    return any(first <= code <= last for first, last in _MARKS)


def email_key(email: str | None) -> str | None:
    """`email` as addresses are compared: trimmed, in small letters, without invisible letters. None for what is no
    address, and for addresses that reach nobody (``.invalid``, with which stores stand in for erased people).
    """
    if not email or len(email) > _LONGEST_EMAIL:
        return None
    folded = unicodedata.normalize("NFKC", fold_digits(email)).strip().lower()
    folded = "".join(letter for letter in folded if unicodedata.category(letter) not in ("Cf", "Cc", "Cs"))
    name, at, domain = folded.rpartition("@")
    if not at or not name or "@" in name or any(letter.isspace() for letter in folded):
        return None
    if "." not in domain.strip(".") or domain.startswith(".") or domain.rstrip(".").endswith(".invalid"):
        return None
    return folded


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of who somebody is; each part is a key already, or None."""

    email: str | None = None
    phone: str | None = None
    platform_id: str | None = None

    @classmethod
    def of(
        cls, email: str | None, phone: str | None, *, country: str | None, platform_id: str | None = None
    ) -> Identity:
        """From what people wrote; `country` is where the phone was written down."""
        return cls(email_key(email), e164(phone, country) if phone else None, platform_id)

    @property
    def key(self) -> str | None:
        """The strongest thing known, said so that no two kinds can be taken for one another."""
        if self.email is not None:
            return f"email:{self.email}"
        if self.phone is not None:
            return f"phone:{self.phone}"
        return None if self.platform_id is None else f"id:{self.platform_id}"


GUEST = "guest:"


def is_guest(external_id: str) -> bool:
    """Whether this is somebody without an account, by the id that `guest_id` gave."""
    return external_id.startswith(GUEST)


def guest_id(identity: Identity) -> str | None:
    """An external id for somebody without an account: the same whenever the same e-mail (else phone) buys, and no
    e-mail to read. None for somebody of whom nothing is known.
    """
    contact = Identity(identity.email, identity.phone).key
    return None if contact is None else GUEST + blake2b(contact.encode(), digest_size=16, person=b"guest").hexdigest()


def same_people(people: Sequence[Identity]) -> list[int]:
    """For each of `people`, the place of the first who is the same person.

    The same e-mail, or the same id of the platform, is the same person. A phone joins somebody without an e-mail to
    the one person who has it; where people of different e-mails share a phone (a family, a shop's counter), it says
    nothing.
    """
    groups = _Groups(len(people))
    for part in ("email", "platform_id"):
        groups.join_alike([getattr(person, part) for person in people])
    with_email = {groups.first(place) for place, person in enumerate(people) if person.email is not None}
    by_phone: defaultdict[str, set[int]] = defaultdict(set)
    for place, person in enumerate(people):
        if person.phone is not None:
            by_phone[person.phone].add(groups.first(place))
    # Decided for all before any is joined: the answer must not hang on the order of the phones.
    joined = []
    for sharing in by_phone.values():
        known, nameless = sharing & with_email, sharing - with_email
        joined.append(nameless | known if len(known) == 1 else nameless)
    for together in _without_bridges(joined, with_email):
        groups.join(together)
    return [groups.first(place) for place in range(len(people))]


def _without_bridges(joined: Sequence[set[int]], with_email: set[int]) -> list[set[int]]:
    """Sets of groups to join, each connected whole; somebody with two phones would bridge two people of different
    e-mails, and is then joined to neither.
    """
    wholes: list[set[int]] = []
    for together in joined:
        apart = [whole for whole in wholes if not whole & together]
        touching = [whole for whole in wholes if whole & together]
        wholes = [*apart, together.union(*touching)]
    return [whole if len(whole & with_email) <= 1 else whole - with_email for whole in wholes]


class _Groups:
    """Places joined into groups; a group is known by its first place."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def first(self, place: int) -> int:
        while self._above[place] != place:
            self._above[place] = place = self._above[self._above[place]]
        return place

    def join(self, places: set[int]) -> None:
        firsts = sorted(self.first(place) for place in places)
        for other in firsts[1:]:
            self._above[other] = firsts[0]

    def join_alike(self, keys: Sequence[str | None]) -> None:
        alike: defaultdict[str, set[int]] = defaultdict(set)
        for place, key in enumerate(keys):
            if key is not None:
                alike[key].add(place)
        for places in alike.values():
            self.join(places)
