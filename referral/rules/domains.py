"""Mail that is thrown away, and pages on which codes are traded.

Both lists are short, written for this file, and known to be incomplete: they catch what is common, a rule catches what
calls itself by its name, and each shop adds its own. A long list of such mail services, in the public domain (CC0 1.0),
is github.com/disposable-email-domains/disposable-email-domains: a shop may paste from it what it misses here.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from referral.rules.traces import host, registered

DISPOSABLE = frozenset(
    (
        "0-mail.com", "10minutemail.com", "20minutemail.com", "armyspy.com", "burnermail.io", "cuvox.de",
        "dayrep.com", "discard.email", "dispostable.com", "dropmail.me", "einrot.com", "emailondeck.com",
        "fakeinbox.com", "fleckens.hu", "getairmail.com", "getnada.com", "grr.la", "guerrillamail.com",
        "guerrillamailblock.com", "gustr.com", "harakirimail.com", "incognitomail.org", "inboxkitten.com",
        "jetable.org", "jourrapide.com", "mailcatch.com", "maildrop.cc", "mailexpire.com", "mailinator.com",
        "mailinator2.com", "mailnesia.com", "mailnull.com", "mailpoof.com", "mailsac.com", "mintemail.com",
        "moakt.com", "mohmal.com", "mytemp.email", "mytrashmail.com", "rhyta.com", "sharklasers.com", "spam4.me",
        "spambog.com", "spamgourmet.com", "superrito.com", "teleworm.us", "temp-mail.io", "temp-mail.org",
        "tempail.com", "tempmail.net", "tempmailo.com", "tempr.email", "throwawaymail.com", "trashmail.com",
        "trashmail.de", "trbvm.com", "wegwerfmail.de", "yopmail.com", "yopmail.fr", "yopmail.net",
    )
)  # fmt: skip
COUPON_SITES = frozenset(
    (
        "coupons.com", "couponfollow.com", "dealabs.com", "dealspotr.com", "groupon.com", "hotukdeals.com",
        "joinhoney.com", "knoji.com", "mydealz.de", "pepper.com", "refer.codes", "referralcodes.com",
        "retailmenot.com", "savings.com", "simplycodes.com", "slickdeals.net", "vouchercodes.co.uk", "wethrift.com",
    )
)  # fmt: skip
_SAYS_DISPOSABLE = re.compile(
    r"temp-?mail|\d+-?minute-?mail|minutemail|trash-?mail|throw-?away|disposable|guerrillamail|mailinator|yopmail"
)
_SAYS_COUPONS = re.compile(r"coupon|voucher|promo-?codes?|referral-?codes?|discount-?codes?|gutschein")


def is_disposable(email: str, also: Collection[str] = ()) -> bool:
    """Whether mail to this address is read by nobody tomorrow; `also` are domains that the shop added."""
    domain = registered(email.rpartition("@")[2].strip())
    return domain in DISPOSABLE or domain in also or _SAYS_DISPOSABLE.search(domain) is not None


def is_coupon_site(referrer: str | None, also: Collection[str] = ()) -> bool:
    """Whether somebody came from a page where codes are traded; `also` are sites that the shop added."""
    found = host(referrer)
    if found is None:
        return False
    site = registered(found)
    return site in COUPON_SITES or site in also or _SAYS_COUPONS.search(site) is not None
