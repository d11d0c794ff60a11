"""By which way somebody came to the shop: from a search, a paid advertisement, a letter, a friend's invitation.

One rule for orders and for visits, in whatever words a platform tells of them: the address that was opened first, the
site that led to it, and the marks that campaigns put into addresses. What is explicit beats what is guessed: the
merchant's till, then a friend's code, then the mark of a paid click, then ``utm_medium``, then ``utm_source``, then the
site. The words for ``utm_medium`` are those of the default channel groups that analytics tools share, so that a
merchant finds the same orders under the same name elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from urllib.parse import parse_qsl, urlsplit

from commerce.orders import Channel
from commerce.sayings import say


class Arrival(StrEnum):
    """A way by which people come."""

    PAID_SEARCH = "paid_search"
    PAID_SOCIAL = "paid_social"
    PAID_OTHER = "paid_other"
    AFFILIATE = "affiliate"
    EMAIL = "email"
    MESSAGE = "message"
    INVITATION = "invitation"
    SEARCH = "search"
    SOCIAL = "social"
    ASSISTANT = "assistant"
    SITE = "site"
    DIRECT = "direct"
    TILL = "till"
    STAFF = "staff"


NAMES: Mapping[Arrival, str] = {
    Arrival.PAID_SEARCH: say("Paid search"),
    Arrival.PAID_SOCIAL: say("Paid social"),
    Arrival.PAID_OTHER: say("Other advertising"),
    Arrival.AFFILIATE: "Affiliates",
    Arrival.EMAIL: "E-mail",
    Arrival.MESSAGE: say("Text messages"),
    Arrival.INVITATION: "A friend's invitation",
    Arrival.SEARCH: "Search",
    Arrival.SOCIAL: say("Social networks"),
    Arrival.ASSISTANT: "Assistants",
    Arrival.SITE: say("Other sites"),
    Arrival.DIRECT: "Direct",
    Arrival.TILL: say("The till"),
    Arrival.STAFF: say("Written by staff"),
}

# Nobody's address is longer and means something; what follows is not read.
LONGEST = 2000

_SOCIAL, _SEARCH, _ASSISTANT, _EMAIL = Arrival.SOCIAL, Arrival.SEARCH, Arrival.ASSISTANT, Arrival.EMAIL
# By the name before the suffix: google.de and google.co.uk are one. Whole hosts where the name alone says too little.
_SITES: Mapping[str, Arrival] = {
    **dict.fromkeys(
        ("google", "bing", "duckduckgo", "yahoo", "yandex", "baidu", "ecosia", "qwant", "startpage", "naver", "seznam",
         "brave", "kagi", "sogou", "aol", "ask", "daum"), _SEARCH),
    **dict.fromkeys(
        ("facebook", "instagram", "tiktok", "pinterest", "twitter", "youtube", "reddit", "linkedin", "snapchat",
         "tumblr", "vk", "threads", "quora", "whatsapp", "telegram", "weibo", "bsky", "mastodon", "discord", "twitch",
         "xing", "lnkd", "pin"), _SOCIAL),
    **dict.fromkeys(("chatgpt", "perplexity", "claude", "copilot", "deepseek"), _ASSISTANT),
}  # fmt: skip
_HOSTS: Mapping[str, Arrival] = {
    **dict.fromkeys(("t.co", "x.com", "fb.me", "youtu.be", "t.me", "wa.me", "fb.com"), _SOCIAL),
    **dict.fromkeys(("gemini.google.com", "copilot.microsoft.com", "chat.openai.com"), _ASSISTANT),
    **dict.fromkeys(
        ("mail.google.com", "outlook.live.com", "outlook.office.com", "mail.yahoo.com", "mail.yandex.ru",
         "com.google.android.gm", "webmail.aol.com"), _EMAIL),
}  # fmt: skip
# What stands before a country's letters and is nobody's name.
_SUFFIXES = frozenset({"co", "com", "org", "net", "ac", "gov"})
# Short names under which campaigns speak of the same places.
_SOURCES: Mapping[str, Arrival] = {
    **dict.fromkeys(("fb", "ig", "meta", "insta", "x", "yt"), _SOCIAL),
    **dict.fromkeys(("klaviyo", "mailchimp", "newsletter", "mail", "e-mail", "email", "omnisend", "brevo"), _EMAIL),
    **dict.fromkeys(("sms", "attentive", "postscript"), Arrival.MESSAGE),
    **dict.fromkeys(("adwords", "googleads", "google_ads", "google-ads", "bingads"), Arrival.PAID_SEARCH),
    **dict.fromkeys(("facebook_ads", "facebookads", "fb_ads", "meta_ads", "instagram_ads"), Arrival.PAID_SOCIAL),
}
_PAID = frozenset({"cpc", "ppc", "cpa", "cpv", "paid", "paidsearch", "paid_search", "paid-search", "sem", "retargeting",
                   "paidsocial", "paid_social", "paid-social", "remarketing", "paidmedia", "cps"})  # fmt: skip
_MEDIA: Mapping[str, Arrival] = {
    **dict.fromkeys(("email", "e-mail", "mail", "newsletter", "e_mail"), _EMAIL),
    **dict.fromkeys(("sms", "mms", "whatsapp", "push", "messenger", "text"), Arrival.MESSAGE),
    **dict.fromkeys(("affiliate", "affiliates", "partner"), Arrival.AFFILIATE),
    **dict.fromkeys(("social", "social-network", "social-media", "social_media", "sm", "organic_social"), _SOCIAL),
    **dict.fromkeys(("display", "banner", "cpm", "interstitial", "expandable", "video"), Arrival.PAID_OTHER),
    "organic": _SEARCH,
    "referral": Arrival.SITE,
}
# Marks that advertising networks put behind an address when an advertisement is clicked.
_CLICKS: Mapping[str, Arrival] = {
    **dict.fromkeys(("gclid", "gbraid", "wbraid", "msclkid", "gad_source"), Arrival.PAID_SEARCH),
    **dict.fromkeys(("ttclid", "twclid", "li_fat_id", "epik", "sccid"), Arrival.PAID_SOCIAL),
    "dclid": Arrival.PAID_OTHER,
    "irclickid": Arrival.AFFILIATE,
}
# Facebook marks every click on it, paid or not.
_FACEBOOK = "fbclid"
_ENGINES = frozenset({Arrival.SEARCH, Arrival.PAID_SEARCH})
_NETWORKS = frozenset({Arrival.SOCIAL, Arrival.PAID_SOCIAL})


def arrival(
    landing: str | None,
    site: str | None,
    *,
    medium: str = "",
    source: str = "",
    invited: bool = False,
    channel: Channel = Channel.ONLINE,
    own: str = "",
) -> Arrival | None:
    """The way by which somebody came; None where nothing is known of it.

    `landing` is the address that they opened first, or its path and query; `site` the address of the page that led
    there; `own` the shop's own host, whose pages lead nobody in. `medium` and `source` are what a platform has read
    from the address already. Never raises, whatever it is given.
    """
    if channel != Channel.ONLINE:
        return Arrival.TILL if channel == Channel.POS else Arrival.STAFF
    if invited:
        return Arrival.INVITATION
    marks = _marks(landing) if landing and "?" in landing else {}
    found = _campaign(marks, (medium or marks.get("utm_medium", "")), (source or marks.get("utm_source", "")))
    if found is not None:
        return found
    if site and (host := host_of(site)):
        return Arrival.DIRECT if host in (own, host_of(landing or "")) else of_host(host)
    return Arrival.DIRECT if landing else None


def host_of(address: str) -> str:
    """The host of an address, without ``www.``; nothing for what is no address."""
    try:
        host = urlsplit(address[:LONGEST]).hostname or ""
    except ValueError:
        return ""
    return host.rstrip(".").removeprefix("www.")


@lru_cache(maxsize=4096)
def of_host(host: str) -> Arrival:
    """What leads from this host: a search engine, a social network, or just another site."""
    for known in (host, host.partition(".")[2]):
        if known in _HOSTS:
            return _HOSTS[known]
    names = host.split(".")
    place = -3 if len(names) > 2 and names[-2] in _SUFFIXES else -2
    return _SITES.get(names[place], Arrival.SITE) if len(names) > 1 else Arrival.SITE


def _campaign(marks: Mapping[str, str], medium: str, source: str) -> Arrival | None:
    medium, source = medium.strip().lower(), source.strip().lower()
    place = _SOURCES.get(source) or (of_host(source if "." in source else f"{source}.x") if source else None)
    if medium in _PAID:
        if place in _NETWORKS or "social" in medium:
            return Arrival.PAID_SOCIAL
        searched = place in _ENGINES or "search" in medium or any(_CLICKS.get(m) in _ENGINES for m in marks)
        return Arrival.PAID_SEARCH if searched else Arrival.PAID_OTHER
    if clicked := next((_CLICKS[mark] for mark in _CLICKS if mark in marks), None):
        return clicked
    if medium in _MEDIA and not (medium == "referral" and place is not None and place is not Arrival.SITE):
        return _MEDIA[medium]
    if source in ("(direct)", "direct"):
        return Arrival.DIRECT
    if place is not None:
        return place
    return Arrival.SOCIAL if _FACEBOOK in marks else None


def _marks(landing: str) -> dict[str, str]:
    """What stands in an address behind the question mark; of each name the first."""
    try:
        pairs = parse_qsl(landing[:LONGEST].partition("?")[2].partition("#")[0], max_num_fields=100)
    except ValueError:
        return {}
    return {name.lower(): value for name, value in reversed(pairs)}
