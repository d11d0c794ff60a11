"""Trouble: why a shop's store refuses us, and what its merchant can do about it, for the banner above their pages.

The store's refusals come in the connector's words (`shops.closed_reason`); each has an advice here, and a test compares
the two. Nothing is lost while the banner stands: deliveries come in as ever, and what the store should hear waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from commerce.sayings import Saying, run_on, say
from connectors.shopify import missing
from connectors.woocommerce import rest
from engine.shops import Shop

WAITS = say("Nothing is lost: what your store should hear from us waits, and goes out as soon as it answers.")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One banner: what is the matter, what to do, and whether agreeing anew is the way."""

    title: str
    advice: str
    agree: bool = False


_REOPEN = Trouble(
    say("Your store does not let us in any more."),
    say("Close this page and open Perennial again from your store's admin: that renews its access."),
    agree=True,
)
_REASONS: Mapping[str, Trouble] = {
    say("the store refused our access token"): _REOPEN,
    say("the platform renews this token no more; a merchant has to open the app"): _REOPEN,
    say("the shop has no token; a merchant has to open the app"): _REOPEN,
    say("the shop's token has ended; a merchant has to open the app"): _REOPEN,
    say("the shop is frozen until its bill is paid"): Trouble(
        say("Your store is frozen."),
        say("The platform waits for a payment. Please look at Settings, then Billing, in your store's admin."),
    ),
    say("the store forbids us to ask"): Trouble(
        say("The platform does not let our servers in."),
        say(
            "It takes an app's questions only from addresses on a list, and the address that we ask from is "
            "not on it. You cannot change that list: it is kept by whoever runs Perennial for you. If this "
            "banner stays for more than an hour, tell them that the platform answers 403."
        ),
    ),
    say("the shop is not there"): Trouble(
        say("The platform does not find your store."),
        say("Was its address changed, or was it closed? Open Perennial from the admin of the store as it is now."),
    ),
    say("the shop is locked"): Trouble(
        say("Your store is locked."),
        say(
            "The platform locked it, perhaps because too much was asked of it. Please look whether its admin "
            "tells a reason; if it says nothing, this passes by itself."
        ),
    ),
    say("the shop is not active"): Trouble(
        say("Your store is paused or closed."),
        say("Choose a plan in your store's admin, and we go on where we stopped."),
    ),
    say("the platform does not know our client id with our secret"): Trouble(
        say("The platform does not recognise Perennial."),
        say("Its secret was changed on one side only: whoever runs Perennial for you has to set it anew."),
    ),
    say("the store is not of the app's organisation, or the app is not installed there"): Trouble(
        say("Perennial is not installed in this store."),
        say("It works for stores of its own organisation, once it is installed there. Install it, and open it again."),
    ),
}

NO_KEY = say("nothing is kept with which the store could be asked; connect it again")

_CONNECT = Trouble(
    say("Your store does not take our key any more."),
    say(
        "It was revoked or changed there, or the account that it belongs to was deleted. Please connect your "
        "store again: it makes a new key."
    ),
    agree=True,
)
_ALONE = say("You need not do anything here afterwards: we go on asking, and this banner goes away by itself.")


def _alone(said: Saying) -> Saying:
    return run_on([said, _ALONE])


# Of stores that their merchants host, by how the reason begins; what follows may name a place or a number.
_HOSTED: tuple[tuple[str, Trouble], ...] = (
    (rest.CLOSED_KEY, _CONNECT),
    (NO_KEY, _CONNECT),
    (
        rest.CLOSED_READ_ONLY,
        Trouble(
            say("Our key may only read in your store."),
            _alone(
                say(
                    "Rewards and tags wait. In WordPress open WooCommerce, Settings, Advanced, REST API, and "
                    "set Perennial's key to Read/Write; or connect your store again."
                )
            ),
            agree=True,
        ),
    ),
    (
        rest.CLOSED_RIGHTS,
        Trouble(
            say("The account that connected your store lost its rights there."),
            _alone(say("Make it an administrator or shop manager again, or connect your store again as one.")),
            agree=True,
        ),
    ),
    (
        rest.CLOSED_PLUGIN,
        Trouble(
            say("A plugin of your store keeps us out of its REST API."),
            _alone(
                say(
                    "Look into your security plugins for a setting that limits the REST API to people who are "
                    "logged in, and let WooCommerce's keys (/wp-json/wc/) pass. If your host hands nobody's "
                    "log-in header on, it has to."
                )
            ),
        ),
    ),
    (
        rest.CLOSED_FIREWALL,
        Trouble(
            say("A firewall in front of your store turns us away."),
            _alone(
                say(
                    "Please let Perennial's server pass to /wp-json/ in it: in Cloudflare under Security, "
                    "WAF; in Wordfence under Firewall, Allowlisted; or ask your host."
                )
            ),
        ),
    ),
    (
        rest.CLOSED_NO_API,
        Trouble(
            say("Your store has no WooCommerce at its address."),
            _alone(
                say(
                    "Is WooCommerce switched on? In WordPress open Settings, Permalinks, and choose anything "
                    "but Plain. Is the address still right?"
                )
            ),
        ),
    ),
    (
        rest.CLOSED_SWITCHED_OFF,
        Trouble(
            say("WooCommerce is switched off in your store."),
            _alone(say("In WordPress open Plugins, and activate WooCommerce.")),
        ),
    ),
    (
        rest.CLOSED_CLOCK,
        Trouble(
            say("Your store's clock is wrong."),
            _alone(
                say(
                    "It is more than a quarter of an hour off, so it refuses what we sign. Ask your host to "
                    "set the server's clock."
                )
            ),
        ),
    ),
    (
        rest.CLOSED_TWICE,
        Trouble(
            say("Something in front of your store asks everything twice."),
            _alone(
                say(
                    "Your store takes each of our questions once, and says that it had them before. Look for "
                    "a cache, a mirror or a security service in front of it, and let /wp-json/ pass through "
                    "unchanged."
                )
            ),
        ),
    ),
    (
        rest.CLOSED_HOME,
        Trouble(
            say("Your store has moved."),
            say(
                "It calls another address its own now, and what it sends comes from there. Please open Your "
                "store, and say that it has moved; or set the old address again in WordPress under Settings, "
                "General."
            ),
            agree=True,
        ),
    ),
    (
        say("the store moved to "),
        Trouble(
            say("Your store has moved."),
            say(
                "Its old address sends us to another one, and our key does not go to an address that you have "
                "not named. Please open Your store, and say that it has moved."
            ),
            agree=True,
        ),
    ),
    (
        say("the store sends us "),
        Trouble(
            say("Your store sends us in a circle."),
            _alone(
                say(
                    "Its address and its HTTPS setting contradict each other. Look at both addresses in "
                    "WordPress under Settings, General, and at redirects of your host."
                )
            ),
        ),
    ),
    (
        say("the store asks us to slow down"),
        Trouble(
            say("Your store, or its host, asks us to slow down."),
            _alone(
                say(
                    "Too much is asked of it at the moment. This passes; if it stays for a day, ask your host "
                    "to allow Perennial's server more requests."
                )
            ),
        ),
    ),
    (
        say("the store is closed for maintenance"),
        Trouble(
            say("Your store is closed for maintenance, or too busy."),
            _alone(
                say(
                    "If you are updating it, finish that: WordPress leaves a file .maintenance behind when an "
                    "update breaks off."
                )
            ),
        ),
    ),
    (
        say("the store failed ("),
        Trouble(
            say("Your store fails when we ask it."),
            _alone(
                say(
                    "Something in it breaks: look at WooCommerce, Status, Logs, or ask your host for the "
                    "server's error log."
                )
            ),
        ),
    ),
    (
        say("something in front of the store"),
        Trouble(
            say("Something in front of your store answers in its place."),
            _alone(
                say("A proxy or a security service sends a page instead of the store's answer. Please ask your host.")
            ),
        ),
    ),
    (
        say("the store prints PHP messages"),
        Trouble(
            say("Your store writes PHP messages into its answers."),
            _alone(say("Set WP_DEBUG_DISPLAY to false in its wp-config.php, or mend the plugin that they name.")),
        ),
    ),
    (
        say("the store answered with a page"),
        Trouble(
            say("Your store answers with a page for people."),
            _alone(say("A firewall, a log-in plugin or a maintenance mode is on: let /wp-json/ pass in it.")),
        ),
    ),
    (
        say("the store's answer"),
        Trouble(
            say("Your store's answers break off."),
            _alone(
                say(
                    "They come empty, half or garbled. Most often the host's memory or time for PHP is too "
                    "small, or a plugin breaks off. Ask your host for the server's error log."
                )
            ),
        ),
    ),
    (
        say("the store did not answer in time"),
        Trouble(
            say("Your store does not answer in time."),
            _alone(say("It may be overloaded, or its host keeps our questions waiting.")),
        ),
    ),
    (
        say("the store's certificate"),
        Trouble(
            say("Your store's certificate is not valid."),
            _alone(
                say(
                    "It has ended, or is for another name. Ask your host to renew it; until then we do not "
                    "send our key there."
                )
            ),
        ),
    ),
    (
        say("the store's address leads to a machine"),
        Trouble(
            say("Your store is not on the public internet."),
            say(
                "Its address leads into a private network, where we do not go. Whoever runs Perennial can "
                "allow that for development."
            ),
        ),
    ),
    (
        say("the store could not be reached"),
        Trouble(
            say("Your store could not be reached."),
            _alone(say("Is its domain still yours, and is the server on? Open it in a browser.")),
        ),
    ),
)

# What stops without a right, for those that stop something a merchant would miss.
_STOPS = {
    "read_all_orders": say("orders older than 60 days are not counted"),
    "read_customers": say("customers are not recognised"),
    "read_orders": say("orders bring no points"),
    "write_app_proxy": say("customers cannot open their page of points in your store"),
    "write_customers": say("tags and segments are not kept up to date"),
    "write_discounts": say("rewards bring no discount codes"),
}


def advice(reason: str) -> Trouble:
    """What to tell about a refusal, known or not."""
    known = _REASONS.get(reason) or next((trouble for start, trouble in _HOSTED if reason.startswith(start)), None)
    return known or Trouble(
        say("Your store does not answer us."), say("It said: %(reason)s. We go on asking.", reason=reason)
    )


def troubles(shop: Shop, now: datetime) -> Sequence[Trouble]:
    """What is the matter with this shop just now, the gravest first."""
    found = []
    if shop.closed_until is not None and shop.closed_until > now:
        found.append(advice(shop.closed_reason or "nothing"))
    elif shop.unwell_reason is not None:
        found.append(advice(shop.unwell_reason))
    if shop.scopes is not None and (lacking := missing(shop.scopes)):
        found.append(_lacking(lacking))
    return found


def _lacking(scopes: Sequence[str]) -> Trouble:
    stops: list[str] = [_STOPS[scope] for scope in scopes if scope in _STOPS]
    agree = say(
        "Close this page and open Perennial again from your store's admin: it asks you to agree to %(rights)s.",
        rights=tuple(scopes),
    )
    meanwhile = [say("Meanwhile %(stops)s.", stops=reduce(_semicolon, stops))] if stops else []
    return Trouble(say("Perennial lacks a right in your store."), run_on([*meanwhile, agree]), agree=True)


def _semicolon(one: str, other: str) -> str:
    return say("%(one)s; %(other)s", one=one, other=other)
