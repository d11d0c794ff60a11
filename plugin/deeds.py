"""Deeds: whatever a person can change here, the least role that may, and how the audit log says it. One line for each.

`session.merchant_only` asks this table before a view is run, so no view has to. A deed that is missing here is the
owner's alone, until somebody has thought about it; a test asks for its line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.staff import Role

OWNER, MANAGER, SUPPORT, READ_ONLY = Role


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a page's button does. `said`: what the log says that somebody did."""

    least: Role
    said: str


DEEDS: Mapping[str, Deed] = {
    "admin.replay_delivery": Deed(SUPPORT, "Replayed a parked delivery"),
    "admin.replay_effect": Deed(SUPPORT, "Replayed a parked effect"),
    "admin.start_pixel": Deed(MANAGER, "Started the pixel"),
    "admin.take_back": Deed(SUPPORT, "Took a reward back"),
    "admin.offer_reward": Deed(MANAGER, "Offered or changed a reward"),
    "admin.withdraw_reward": Deed(MANAGER, "Withdrew a reward"),
    "batches.read_batch": Deed(MANAGER, "Prepared a batch of points"),
    "batches.book": Deed(MANAGER, "Approved a batch of points"),
    "batches.forget": Deed(MANAGER, "Dropped a batch that was not booked"),
    "batches.undo": Deed(MANAGER, "Undid a batch of points"),
    "contests.announce": Deed(MANAGER, "Announced a contest"),
    "drafts.deal": Deed(MANAGER, "Dealt with a draft of the terms"),
    "giving.give": Deed(MANAGER, "Gave a reward to everybody of a stage"),
    "giving.hand_over": Deed(SUPPORT, "Handed a reward over"),
    "giving.refuse": Deed(SUPPORT, "Refused to hand a reward over"),
    "imports.read_file": Deed(MANAGER, "Read a file of balances"),
    "imports.book": Deed(MANAGER, "Booked an import"),
    "imports.forget": Deed(MANAGER, "Dropped an import that was not booked"),
    "imports.undo": Deed(MANAGER, "Undid an import"),
    "keys.make": Deed(OWNER, "Made an API key"),
    "keys.revoke": Deed(OWNER, "Revoked an API key"),
    "keys.put_hook": Deed(OWNER, "Changed where rewards to hand over are told"),
    "keys.remove_hook": Deed(OWNER, "Stopped telling of rewards to hand over"),
    "lifecycle.state_rules": Deed(MANAGER, "Changed the rules of the stages"),
    "metrics.count": Deed(SUPPORT, "Had the metrics counted anew"),
    "metrics.say_benchmark": Deed(MANAGER, "Changed a benchmark"),
    "metrics.read_benchmarks": Deed(MANAGER, "Read benchmarks from a file"),
    "metrics.say_spend": Deed(MANAGER, "Changed what marketing cost"),
    "metrics.read_spend": Deed(MANAGER, "Read what marketing cost from a file"),
    "program.publish_rules": Deed(MANAGER, "Published how points are earned"),
    "program.add_promotion": Deed(MANAGER, "Added a promotion"),
    "program.add_action": Deed(MANAGER, "Added an action that earns points"),
    "program.remove": Deed(MANAGER, "Removed a promotion or an action"),
    "referral.change": Deed(MANAGER, "Changed the referral offer"),
    "review.decide": Deed(SUPPORT, "Decided about a referral"),
    "review.decline_ring": Deed(SUPPORT, "Declined a ring of referrals"),
    "review.block": Deed(SUPPORT, "Blocked or unblocked an advocate"),
    "review.change_weights": Deed(MANAGER, "Changed the weights of referral signals"),
    "review.say_cac": Deed(MANAGER, "Changed what a new customer costs"),
    "segments.ask": Deed(MANAGER, "Changed whether the store has the stages"),
    "segments.draft": Deed(MANAGER, "Made or changed a segment"),
    "segments.act": Deed(MANAGER, "Changed a segment"),
    "staff.change": Deed(OWNER, "Changed somebody's role"),
    "staff.invite": Deed(OWNER, "Invited somebody"),
    "staff.newcomers": Deed(OWNER, "Changed the role of newcomers"),
    "staff.remove": Deed(OWNER, "Removed somebody"),
    "standing.set_tier": Deed(SUPPORT, "Set a customer's tier by hand"),
    "standing.state_expiry": Deed(MANAGER, "Changed when points expire"),
    "standing.state_tiers": Deed(MANAGER, "Changed the tiers"),
    "surveys.change": Deed(MANAGER, "Changed the surveys"),
    "surveys.looked_after": Deed(SUPPORT, "Looked after a bad answer"),
    "value.change_value": Deed(MANAGER, "Changed how values are reckoned"),
    "woocommerce.disconnect": Deed(OWNER, "Disconnected the store"),
    "woocommerce.look": Deed(MANAGER, "Looked at the store's webhooks"),
    # What everybody may do: with themselves.
    "you.rename": Deed(READ_ONLY, "Changed their own name"),
    "you.add_passkey": Deed(READ_ONLY, "Added a passkey"),
    "you.remove_passkey": Deed(READ_ONLY, "Removed a passkey"),
    "you.end_session": Deed(READ_ONLY, "Ended one of their sessions"),
    "you.end_others": Deed(READ_ONLY, "Ended their other sessions"),
    "you.sign_out": Deed(READ_ONLY, "Signed out"),
}
"""By endpoint: all that merchants' pages post."""

PAGES: Mapping[str, Role] = {"admin.privacy_export": OWNER}
"""Pages that only some may read; all others are everybody's."""

UNASKED: Mapping[str, str] = {
    "signed_in": "Signed in",
    "joined": "Accepted an invitation",
    "passkey_copied": "Was refused: a passkey that may have been copied",
    "link_printed": "Had a sign-in link printed on the command line",
}
"""What the log says beside: nobody pressed a button of the pages for it."""


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


def said(what: str) -> str:
    """How the log says a code. A deed of an older release is said as it was written."""
    return DEEDS[what].said if what in DEEDS else UNASKED.get(what, what)
