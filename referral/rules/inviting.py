"""What an advocate hands out: a code that can be read aloud, and words to go with it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote, urlencode

LONGEST_NAME = 10
# Without a name in letters that a Latin keyboard has.
NAMELESS = "HELLO"

# A letter and a digit in turns, so that no word of any language comes out; none that is mistaken for another.
LETTERS = "CDFHJKMNPQRTVWXY"
DIGITS = "34679"

# How other alphabets sound in this one, letter by letter; "_" is no sound.
_ALPHABETS = (
    (
        "абвгдежзийклмнопрстуфхцчшщъыьэюяєіїґў",
        "A B V G D E ZH Z I Y K L M N O P R S T U F KH TS CH SH SHCH _ Y _ E YU YA YE I YI G U",
    ),
    ("αβγδεζηθικλμνξοπρσςτυφχψω", "A V G D E Z I TH I K L M N X O P R S S T Y F CH PS O"),
    (
        "ابپتثجچحخدذرزژسشصضطظعغفقکكگلمنوهةیيىئؤأإآء",
        "A B P T S J CH H KH D Z R Z ZH S SH S Z T Z A GH F GH K K G L M N V H H I I I Y V A E A _",
    ),
    ("ßæœøđðþłı", "SS AE OE O D D TH L I"),
)
_SOUNDS: Mapping[str, str] = {
    letter: sound.strip("_")
    for letters, sounds in _ALPHABETS
    for letter, sound in zip(letters, sounds.split(), strict=True)
}


def latin(first_name: str | None) -> str:
    """The first word of a name in the letters A to Z, at most `LONGEST_NAME` of them; `NAMELESS` where none is left."""
    words = (first_name or "")[:100].split()
    sounds = list[str]()
    for letter in (words[0] if words else "").lower():
        sound = _SOUNDS.get(letter)
        if sound is None:
            plain = unicodedata.normalize("NFKD", letter)
            sound = "".join(_SOUNDS.get(part, part) for part in plain if unicodedata.category(part) != "Mn")
        sounds.append(sound.upper())
    kept = "".join(letter for letter in "".join(sounds) if "A" <= letter <= "Z")[:LONGEST_NAME]
    return kept if len(kept) > 1 else NAMELESS


class Channel(StrEnum):
    """Where an invitation is passed on."""

    COPY = "copy"
    WHATSAPP = "whatsapp"
    TELEGRAM = "telegram"
    EMAIL = "email"
    SMS = "sms"
    X = "x"
    FACEBOOK = "facebook"


CHANNELS = {
    Channel.COPY: "Copy",
    Channel.WHATSAPP: "WhatsApp",
    Channel.TELEGRAM: "Telegram",
    Channel.EMAIL: "E-mail",
    Channel.SMS: "SMS",
    Channel.X: "X",
    Channel.FACEBOOK: "Facebook",
}
# What an advocate says. {offer} is the shop's own word for the friend's offer, {shop} its name.
TEXTS: Mapping[str, str] = {
    "en": "I like {shop}. With my link you get this: {offer}.",
    "de": "Ich mag {shop}. Mit meinem Link bekommst du: {offer}.",
    "fr": "J'aime bien {shop}. Avec mon lien, tu reçois : {offer}.",
    "es": "Me gusta {shop}. Con mi enlace recibes: {offer}.",
    "it": "Mi piace {shop}. Con il mio link ricevi: {offer}.",
    "nl": "Ik vind {shop} leuk. Met mijn link krijg je: {offer}.",
    "pt": "Gosto da {shop}. Com o meu link recebes: {offer}.",
    "fa": "من {shop} را دوست دارم. با پیوند من این را می‌گیری: {offer}.",
    "ar": "يعجبني {shop}. عبر رابطي تحصل على: {offer}.",
    "ro": "Îmi place {shop}. Cu linkul meu primești: {offer}.",
    "tr": "{shop} hoşuma gidiyor. Bağlantımla şunu alırsın: {offer}.",
}
RIGHT_TO_LEFT = frozenset({"fa", "ar"})


@dataclass(frozen=True, slots=True)
class Share:
    """A way to pass an invitation on: a plain link that opens the channel with the text in it; none for `COPY`."""

    channel: Channel
    title: str
    href: str
    text: str


def shares(link: str, shop: str, offer: str, language: str = "en") -> list[Share]:
    """All ways to share `link`, each of which says in the link by which it came."""
    return [share(channel, link, shop, offer, language) for channel in Channel]


def share(channel: Channel, link: str, shop: str, offer: str, language: str = "en") -> Share:
    """One way to share `link`. Where it leads is made here, of no word that a request says."""
    said = TEXTS.get(language, TEXTS["en"]).format(shop=plain(shop), offer=plain(offer))
    address = f"{link}{'&' if '?' in link else '?'}via={channel}"
    return Share(channel, CHANNELS[channel], _opens(channel, said, address), f"{said} {address}")


def _opens(channel: Channel, said: str, link: str) -> str:
    whole = f"{said} {link}"
    return {
        Channel.COPY: "",
        Channel.WHATSAPP: f"https://wa.me/?{_query(text=whole)}",
        Channel.TELEGRAM: f"https://t.me/share/url?{_query(url=link, text=said)}",
        Channel.EMAIL: f"mailto:?{_query(subject=said[:78], body=whole)}",
        Channel.SMS: f"sms:?{_query(body=whole)}",
        Channel.X: f"https://x.com/intent/post?{_query(text=said, url=link)}",
        Channel.FACEBOOK: f"https://www.facebook.com/sharer/sharer.php?{_query(u=link)}",
    }[channel]


def _query(**fields: str) -> str:
    # Mail programs and telephones take a plus for a plus.
    return urlencode(fields, quote_via=quote)


def plain(text: str) -> str:
    """A name as part of a sentence: without what turns the direction of writing, and without line breaks."""
    kept = (
        letter
        for letter in text
        if unicodedata.category(letter) not in ("Cc", "Cs", "Zl", "Zp") and letter not in TURNS
    )
    return " ".join("".join(kept).split())


# Overrides, embeddings and isolates: a name that holds one rewrites how the text after it reads.
TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
