"""Deeds: whatever a person can change here, the least role that may, and how the audit log says it. One line for each.

`session.merchant_only` asks this table before a view is run, so no view has to. A deed that is missing here is the
owner's alone, until somebody has thought about it; a test asks for its line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Flask, g
from jinja2.ext import Extension

from commerce.sayings import say
from engine.staff import Role
from plugin.sentences import told

OWNER, MANAGER, SUPPORT, READ_ONLY = Role


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a page's button does. `said`: what the log says that somebody did."""

    least: Role
    said: str


DEEDS: Mapping[str, Deed] = {
    "admin.replay_delivery": Deed(SUPPORT, say("Replayed a parked delivery")),
    "admin.replay_effect": Deed(SUPPORT, say("Replayed a parked effect")),
    "admin.start_pixel": Deed(MANAGER, say("Started the pixel")),
    "admin.adjust": Deed(SUPPORT, say("Gave or took a customer's points by hand")),
    "admin.carry_out": Deed(OWNER, say("Erased a customer who asked for it")),
    "admin.erase": Deed(OWNER, say("Erased a customer")),
    "admin.take_back": Deed(SUPPORT, say("Took a reward back")),
    "admin.offer_reward": Deed(MANAGER, say("Offered or changed a reward")),
    "admin.withdraw_reward": Deed(MANAGER, say("Withdrew a reward")),
    "bulk.many": Deed(MANAGER, say("Prepared something for many customers")),
    "batches.read_batch": Deed(MANAGER, say("Prepared a batch of points")),
    "batches.book": Deed(MANAGER, say("Approved a batch of points")),
    "batches.forget": Deed(MANAGER, say("Dropped a batch that was not booked")),
    "batches.undo": Deed(MANAGER, say("Undid a batch of points")),
    "campaigns.change": Deed(MANAGER, say("Changed a campaign")),
    "collections.deal": Deed(MANAGER, say("Read a collection, or changed its rules")),
    "contests.announce": Deed(MANAGER, say("Announced a contest")),
    "drafts.deal": Deed(MANAGER, say("Dealt with a draft of the terms")),
    "elsewhere.allow": Deed(MANAGER, say("Changed which other sites may show the program")),
    "elsewhere.close": Deed(MANAGER, say("Closed the shop's page on our address")),
    "elsewhere.open_again": Deed(MANAGER, say("Opened the shop's page on our address")),
    "elsewhere.move": Deed(OWNER, say("Gave the shop's page on our address a new address")),
    "first_run.decide": Deed(MANAGER, say("Tried or published the first program")),
    "giving.give": Deed(MANAGER, say("Gave a reward to everybody of a stage")),
    "giving.hand_over": Deed(SUPPORT, say("Handed a reward over")),
    "giving.refuse": Deed(SUPPORT, say("Refused to hand a reward over")),
    "imports.read_file": Deed(MANAGER, say("Read a file of balances")),
    "imports.book": Deed(MANAGER, say("Booked an import")),
    "imports.forget": Deed(MANAGER, say("Dropped an import that was not booked")),
    "imports.undo": Deed(MANAGER, say("Undid an import")),
    "keys.make": Deed(OWNER, say("Made an API key")),
    "keys.revoke": Deed(OWNER, say("Revoked an API key")),
    "keys.put_hook": Deed(OWNER, say("Changed where rewards to hand over are told")),
    "keys.remove_hook": Deed(OWNER, say("Stopped telling of rewards to hand over")),
    "lifecycle.state_rules": Deed(MANAGER, say("Changed the rules of the stages")),
    "look.change": Deed(MANAGER, say("Changed how the shopper's pages look")),
    "mails.change": Deed(MANAGER, say("Changed the e-mails of the program")),
    "metrics.count": Deed(SUPPORT, say("Had the metrics counted anew")),
    "metrics.say_benchmark": Deed(MANAGER, say("Changed a benchmark")),
    "metrics.read_benchmarks": Deed(MANAGER, say("Read benchmarks from a file")),
    "metrics.say_spend": Deed(MANAGER, say("Changed what marketing cost")),
    "metrics.read_spend": Deed(MANAGER, say("Read what marketing cost from a file")),
    "program.publish_rules": Deed(MANAGER, say("Published how points are earned")),
    "program.add_promotion": Deed(MANAGER, say("Added a promotion")),
    "program.add_action": Deed(MANAGER, say("Added an action that earns points")),
    "program.remove": Deed(MANAGER, say("Removed a promotion or an action")),
    "referral.change": Deed(MANAGER, say("Changed the referral offer")),
    "review.decide": Deed(SUPPORT, say("Decided about a referral")),
    "review.decline_ring": Deed(SUPPORT, say("Declined a ring of referrals")),
    "review.block": Deed(SUPPORT, say("Blocked or unblocked an advocate")),
    "review.change_weights": Deed(MANAGER, say("Changed the weights of referral signals")),
    "review.say_cac": Deed(MANAGER, say("Changed what a new customer costs")),
    "segments.ask": Deed(MANAGER, say("Changed whether the store has the stages")),
    "segments.draft": Deed(MANAGER, say("Made or changed a segment")),
    "segments.act": Deed(MANAGER, say("Changed a segment")),
    "staff.change": Deed(OWNER, say("Changed somebody's role")),
    "staff.invite": Deed(OWNER, say("Invited somebody")),
    "staff.newcomers": Deed(OWNER, say("Changed the role of newcomers")),
    "staff.remove": Deed(OWNER, say("Removed somebody")),
    "standing.set_tier": Deed(SUPPORT, say("Set a customer's tier by hand")),
    "standing.state_expiry": Deed(MANAGER, say("Changed when points expire")),
    "standing.state_tiers": Deed(MANAGER, say("Changed the tiers")),
    "surveys.change": Deed(MANAGER, say("Changed the surveys")),
    "surveys.looked_after": Deed(SUPPORT, say("Looked after a bad answer")),
    "value.change_value": Deed(MANAGER, say("Changed how values are reckoned")),
    "woocommerce.disconnect": Deed(OWNER, say("Disconnected the store")),
    "woocommerce.look": Deed(MANAGER, say("Looked at the store's webhooks")),
    # What everybody may do: with themselves.
    "you.rename": Deed(READ_ONLY, say("Changed their own name")),
    "you.add_passkey": Deed(READ_ONLY, say("Added a passkey")),
    "you.remove_passkey": Deed(READ_ONLY, say("Removed a passkey")),
    "you.end_session": Deed(READ_ONLY, say("Ended one of their sessions")),
    "you.end_others": Deed(READ_ONLY, say("Ended their other sessions")),
    "you.sign_out": Deed(READ_ONLY, say("Signed out")),
}
"""By endpoint: all that merchants' pages post."""

PAGES: Mapping[str, Role] = {
    "admin.privacy_export": OWNER, "admin.customer_file": OWNER, "admin.before_erasing": OWNER,
    "general.pack_file": OWNER,
}  # fmt: skip
"""Pages that only some may read; all others are everybody's."""

UNASKED: Mapping[str, str] = {
    "signed_in": say("Signed in"),
    "joined": say("Accepted an invitation"),
    "passkey_copied": say("Was refused: a passkey that may have been copied"),
    "link_printed": say("Had a sign-in link printed on the command line"),
    "pack_taken": say("Downloaded the file of everything"),
}
"""What the log says beside: nobody pressed a button of the pages for it."""

ROLES: Mapping[Role, str] = {
    OWNER: say("Owner"), MANAGER: say("Manager"), SUPPORT: say("Support"), READ_ONLY: say("Read-only"),
}  # fmt: skip
MAY: Mapping[Role, str] = {
    OWNER: say("everything, also people, keys, data of customers and the way out"),
    MANAGER: say("the program and all settings"),
    SUPPORT: say("help customers: points, rewards, referrals, replays"),
    READ_ONLY: say("see everything, and change nothing"),
}


def role_name(role: str) -> str:
    """What a role is called."""
    return told(ROLES[Role(role)])


def least(endpoint: str, method: str) -> Role:
    """The least role that may ask this."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return PAGES.get(endpoint, READ_ONLY)
    return DEEDS[endpoint].least if endpoint in DEEDS else OWNER


def may(role: Role, endpoint: str) -> bool:
    """Whether somebody of this role may do what `endpoint` does, or read it where it is a page."""
    if endpoint in DEEDS:
        return role.covers(DEEDS[endpoint].least)
    return role.covers(PAGES.get(endpoint, READ_ONLY))


# The address of a form or a link names its endpoint in the page's source.
_TO = r"""="\{\{ (?:link|url_for)\('(?P<to>[a-z_]+\.[a-z_]+)'"""
_ELEMENTS = (
    re.compile(rf"<form\b[^>]*?\baction{_TO}.*?</form>", re.DOTALL),
    re.compile(rf"<a\b[^>]*?\bhref{_TO}.*?</a>", re.DOTALL),
)


class _Hiding(Extension):
    """Forms that post what the reader may not do, and links to what they may not read, are no part of their page: no
    template has to think of it.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        del name, filename

        def guarded(found: re.Match[str]) -> str:
            known = found["to"] in DEEDS or found["to"] in PAGES
            return f"{{% if may('{found['to']}') %}}{found[0]}{{% endif %}}" if known else found[0]

        for element in _ELEMENTS:
            source = element.sub(guarded, source)
        return source


def hide_what_may_not_be(app: Flask) -> None:
    """Let the templates of `app` ask `may("keys.make")`, and leave out the forms that their reader may not send."""
    app.jinja_env.add_extension(_Hiding)
    app.jinja_env.globals.update(may=_reader_may, role_name=role_name)


def _reader_may(endpoint: str) -> bool:
    merchant = g.get("merchant")
    return merchant is None or may(merchant.person.role, endpoint)


def said(what: str) -> str:
    """How the log says a code. A deed of an older release is said as it was written."""
    return DEEDS[what].said if what in DEEDS else UNASKED.get(what, what)
