"""Honest friends, and a ring of two hundred accounts among them, drawn from a seed.

Honest people invite strangers, but also their families (one address, one connection, often
one browser, now and then one telephone), colleagues (an office behind one address of the internet, with the office's
three kinds of browser), and students of a hall of residence. The ring has five hands, each with a tactic of its own and
forty accounts: aliases of one mailbox, throw-away mail, a shelf of devices behind rented connections, numbered
addresses from a private window, and clean accounts of everything whose goods go to a few drops and come back.
"""

from __future__ import annotations

import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

DAYS = 60
RING = 200
HANDS = 5

GIVEN = (
    "Anna", "Bo", "Chiara", "Dai", "Emeka", "Farah", "Goran", "Hana", "Ines", "Jon", "Karim", "Lea", "Mona", "Nils",
    "Olga", "Pavel", "Rosa", "Sami", "Tara", "Uwe", "Vera", "Wim", "Ximena", "Yara", "Zoe", "Amir", "Bela", "Carla",
    "Dora", "Elif", "Finn", "Greta", "Hugo", "Ida", "Jamal", "Kira", "Luca", "Maja", "Noor", "Otto", "Petra", "Rania",
    "Sven", "Tom",
)  # fmt: skip
FAMILY = (
    "Vos", "Jansen", "Rossi", "Weber", "Novak", "Silva", "Haddad", "Kim", "Nguyen", "Okafor", "Larsen", "Moreau",
    "Garcia", "Popescu", "Kowalski", "Tanaka", "Ahmadi", "Schmidt", "Bakker", "Costa", "Dubois", "Eriksen", "Fischer",
    "Green", "Horvat", "Ivanov", "Jonker", "Keller", "Lopez", "Meyer", "Nowak", "Olsen", "Peters", "Quist",
)  # fmt: skip
STREETS = (
    "Oak", "Mill", "Church", "Garden", "River", "Station", "Market", "School", "Castle", "Bridge", "Linden",
    "Harbour", "Forest", "Meadow", "Tower",
)  # fmt: skip
PROVIDERS = (
    "gmail.com", "outlook.com", "yahoo.com", "icloud.com", "gmx.net", "web.de", "proton.me", "hotmail.com",
)  # fmt: skip
THROWN_AWAY = (
    "mailinator.com", "yopmail.com", "temp-mail.org", "sharklasers.com", "qwertymail.example", "vanish.example",
)  # fmt: skip
BROWSERS = tuple(
    f"Mozilla/5.0 ({system}) {engine}/{version}"
    for system in (
        "Windows NT 10.0",
        "Macintosh",
        "iPhone; CPU iPhone OS 18_1",
        "Linux; Android 15",
        "X11; Linux x86_64",
    )
    for engine in ("Chrome", "Safari", "Firefox")
    for version in range(120, 140)
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the town, as shops and pages see them."""

    name: str
    email: str
    phone: str
    address: str
    device: str
    ip: str
    browser: str


@dataclass(frozen=True, slots=True)
class Friend:
    """One invitation that was followed: who, by which advocate, when, from where, and what became of the order."""

    who: Person
    advocate: int
    day: float
    tactic: str
    """How the ring went about it; or, of the honest, who the friend is to the advocate."""
    ring: bool
    referrer: str | None = None
    returns: bool = False
    back: bool = True


@dataclass(frozen=True, slots=True)
class Town:
    advocates: Sequence[Person]
    friends: Sequence[Friend]


class Draw:
    """People, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._numbers = 0

    def person(self, **known: str) -> Person:
        given, family = self.random.choice(GIVEN), known.pop("family", None) or self.random.choice(FAMILY)
        drawn = Person(
            name=f"{given} {family}", email=self._email(given, family), phone=self.phone(), address=self.address(),
            device=self.token(), ip=self.ip(), browser=self.random.choice(BROWSERS),
        )  # fmt: skip
        return replace(drawn, **known)

    def _email(self, given: str, family: str) -> str:
        self._numbers += 1
        names = (
            f"{given}.{family}", f"{given[0]}{family}", f"{family}.{given}", f"{given}{family}", f"{given}_{family[0]}",
            f"{given}.{self.random.choice(STREETS)}",
        )  # fmt: skip
        number = self.random.choice(("", str(self.random.randint(60, 99)), str(self.random.randint(1, 999))))
        plus = "+shop" if self.random.random() < 0.03 else ""
        domain = self.random.choice(PROVIDERS) if self.random.random() > 0.004 else self.random.choice(THROWN_AWAY)
        name = self.random.choice(names).lower()
        # The number of the person would give twins away that a town has: it stands in one address of three.
        tail = f"{self._numbers}" if number else ""
        return f"{name}{number}{tail}{plus}@{domain}"

    def phone(self) -> str:
        return f"+49 {self.random.randint(150, 179)} {self.random.randint(1_000_000, 9_999_999)}"

    def address(self) -> str:
        return (
            f"{self.random.choice(STREETS)} Street {self.random.randint(1, 240)}, {self.random.randint(10000, 99999)}"
        )

    def ip(self) -> str:
        return ".".join(str(self.random.randint(1, 254)) for _ in range(4))

    def token(self) -> str:
        return "".join(self.random.choices(string.ascii_letters, k=22))


def town(seed: int, honest: int = 2000, ring: int = RING) -> Town:
    """A town with so many honest friends and a ring of so many accounts."""
    draw = Draw(seed)
    offices = [(draw.ip(), draw.random.sample(BROWSERS, 3)) for _ in range(max(1, honest // 200))]
    halls = [(draw.address(), draw.ip()[:-4] or "10.0.0") for _ in range(max(1, honest // 1000))]
    advocates, friends = list[Person](), list[Friend]()
    while len(friends) < honest:
        advocates.append(draw.person())
        # Most invite one or two, a few invite dozens.
        many = min(40, 1 + int(draw.random.paretovariate(1.2)))
        friends += [
            _honest(draw, advocates[-1], len(advocates) - 1, draw.random.choice(offices), draw.random.choice(halls))
            for _ in range(min(many, honest - len(friends)))
        ]
    for hand, tactic in enumerate((_aliases, _thrown_away, _shelf, _numbered, _drops)):
        advocates.append(draw.person())
        count = ring * (hand + 1) // HANDS - ring * hand // HANDS
        friends += list(tactic(draw, advocates[-1], len(advocates) - 1, count))
    return Town(advocates, sorted(friends, key=lambda friend: friend.day))


def _honest(
    draw: Draw, advocate: Person, place: int, office: tuple[str, Sequence[str]], hall: tuple[str, str]
) -> Friend:
    chance = draw.random.random
    who, kind = draw.person(), "stranger"
    drawn = chance()
    if drawn < 0.15:
        who, kind = _relative(draw, advocate), "family"
    elif drawn < 0.35:
        who, kind = replace(who, ip=office[0], browser=draw.random.choice(office[1])), "colleague"
    elif drawn < 0.4:
        room = f"{hall[0]}, room {draw.random.randint(1, 300)}" if chance() < 0.5 else hall[0]
        who, kind = replace(who, address=room, ip=f"{hall[1]}.{draw.random.randint(1, 254)}"), "student"
    referrer = draw.random.choice((None, "https://www.instagram.com/", "https://t.co/x", "https://mail.example/"))
    return Friend(who, place, draw.random.uniform(0, DAYS), kind, False, referrer, chance() < 0.05, chance() < 0.4)


def _relative(draw: Draw, advocate: Person) -> Person:
    chance = draw.random.random
    shared = {"address": advocate.address, "ip": advocate.ip}
    if chance() < 0.5:
        shared["browser"] = advocate.browser
    if chance() < 0.15:
        shared["device"] = advocate.device
    if chance() < 0.1:
        shared["phone"] = advocate.phone
    return draw.person(family=advocate.name.rpartition(" ")[2], **shared)


def _aliases(draw: Draw, hand: Person, place: int, many: int) -> Iterator[Friend]:
    """One mailbox under many names, in one browser whose cookies are cleared each time."""
    name = "".join(draw.random.choices(string.ascii_lowercase, k=9))
    for number in range(many):
        cut = draw.random.randint(1, 8)
        dotted = f"{name[:cut]}.{name[cut:]}" if number % 2 else name
        email = f"{dotted}+{draw.random.choice(STREETS).lower()}{number}@gmail.com"
        who = draw.person(email=email, ip=hand.ip, browser=hand.browser)
        yield Friend(who, place, draw.random.uniform(5, 25), "aliases", True, back=False)


def _thrown_away(draw: Draw, hand: Person, place: int, many: int) -> Iterator[Friend]:
    """Throw-away mail, a third of it of services that no list knows, from two machines of the hand's."""
    machines = [(draw.token(), draw.random.choice(BROWSERS)) for _ in range(2)]
    for _ in range(many):
        device, browser = draw.random.choice(machines)
        email = f"{draw.token().lower()[:10]}@{draw.random.choice(THROWN_AWAY)}"
        who = draw.person(email=email, device=device, browser=browser, ip=hand.ip)
        yield Friend(who, place, draw.random.uniform(10, 20), "thrown_away", True, back=False)


def _shelf(draw: Draw, _hand: Person, place: int, many: int) -> Iterator[Friend]:
    """A shelf of five telephones behind rented connections: every account has another address of the internet."""
    shelf = [draw.token() for _ in range(5)]
    for number in range(many):
        who = draw.person(device=shelf[number % len(shelf)])
        yield Friend(who, place, draw.random.uniform(0, 45), "shelf", True, back=False)


def _numbered(draw: Draw, hand: Person, place: int, many: int) -> Iterator[Friend]:
    """Numbered addresses from private windows of one connection, each time another browser by its own account."""
    given, family = draw.random.choice(GIVEN), draw.random.choice(FAMILY)
    start = draw.random.randint(100, 900)
    for number in range(many):
        email = f"{given}.{family}{start + number}@{draw.random.choice(PROVIDERS)}".lower()
        who = draw.person(email=email, ip=hand.ip)
        yield Friend(who, place, draw.random.uniform(20, 22), "numbered", True, back=False)


def _drops(draw: Draw, _hand: Person, place: int, many: int) -> Iterator[Friend]:
    """Clean accounts from clean machines; but the goods have to go somewhere, and they are sent back for the money."""
    drops = [draw.address() for _ in range(3)]
    for _ in range(many):
        who = draw.person(address=draw.random.choice(drops))
        yield Friend(who, place, draw.random.uniform(0, DAYS), "drops", True, returns=True, back=False)
