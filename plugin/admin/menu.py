"""The merchant's menu: a few places, and the pages of each. One line here puts a page into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from commerce.sayings import say
from plugin.platforms import Platform


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the menu: the endpoint that it leads to, and the other endpoints that show the same page."""

    endpoint: str
    name: str
    also: tuple[str, ...] = ()
    needs: str = ""
    """What the platform has to have for it, as `Platform` names it."""

    def shows(self, endpoint: str | None) -> bool:
        return endpoint == self.endpoint or endpoint in self.also


@dataclass(frozen=True, slots=True)
class Place:
    """One of the few names at the top; it leads to the first of its pages."""

    name: str
    pages: tuple[Page, ...]

    def shows(self, endpoint: str | None) -> bool:
        return any(page.shows(endpoint) for page in self.pages)


PLACES = (
    Place(say("Home"), (Page("admin.home", say("Home"), ("first_run.welcome", "first_run.decide")),)),
    Place(
        say("Customers"),
        (
            Page(
                "admin.customer_list",
                say("Customers"),
                ("admin.customer", "admin.adjust", "admin.before_erasing", "bulk.many"),
            ),
            Page("surveys.survey", say("Surveys"), ("surveys.change",)),
            Page(
                "segments.segment_list",
                say("Segments"),
                ("segments.one", "segments.new", "segments.edit", "segments.draft", "segments.ask"),
            ),
        ),
    ),
    Place(
        say("Lifecycle"),
        (
            Page("lifecycle.pipeline", say("Pipeline")),
            Page("metrics.report", say("Metrics"), ("metrics.say_benchmark", "metrics.read_benchmarks")),
            Page("metrics.cohorts", say("Cohorts")),
            Page("value.value", say("Value"), ("value.change_value", "value.valuable")),
            Page("metrics.channels", say("Channels"), ("metrics.say_spend", "metrics.read_spend")),
            Page("metrics.journey", say("Journey")),
            Page("lifecycle.rules", say("Rules"), ("lifecycle.state_rules",)),
        ),
    ),
    Place(
        say("Loyalty"),
        (
            Page("program.earning", say("Earning"), ("program.publish_rules",)),
            Page("collections.collection_list", say("Collections"), ("collections.deal",)),
            Page("admin.reward_list", say("Rewards")),
            Page("standing.tiers", say("Tiers"), ("standing.state_tiers",)),
            Page("standing.expiry", say("Expiry"), ("standing.state_expiry",)),
            Page("drafts.draft_list", say("Drafts"), ("drafts.deal",)),
            Page("contests.contest_list", say("Contests")),
            Page("finance.statements", say("Statements")),
            Page("batches.batch_list", say("Batches"), ("batches.one_batch", "batches.read_batch")),
            Page("imports.import_list", say("Import"), ("imports.one_import", "imports.read_file")),
        ),
    ),
    Place(
        say("Referral"),
        (
            Page("referral.terms", say("Offer"), ("referral.change",)),
            Page("review.review_list", say("Review"), ("review.ring",)),
            Page("review.weights", say("Weights"), ("review.change_weights",)),
            Page("review.figures", say("Figures"), ("review.say_cac",)),
        ),
    ),
    Place(
        say("Campaigns"),
        (Page("campaigns.play_list", say("Campaigns"), ("campaigns.new", "campaigns.one", "campaigns.change")),),
    ),
    Place(say("Activity"), (Page("admin.activity_list", say("Activity")), Page("audit.log", say("Audit log")))),
    Place(
        say("Settings"),
        (
            Page("general.settings", say("General")),
            Page("admin.extension_list", say("On your shop")),
            Page("look.look", say("Shoppers' pages"), ("look.change",)),
            Page("mails.mailings_page", say("E-mails"), ("mails.change",)),
            Page("woocommerce.store", say("Your store"), needs="companion"),
            Page(
                "elsewhere.sites",
                say("Other sites"),
                ("elsewhere.allow", "elsewhere.close", "elsewhere.open_again", "elsewhere.move"),
            ),
            Page("keys.key_list", say("API"), ("keys.make", "keys.put_hook")),
            Page("staff.people", say("People"), ("staff.invite", "staff.change", "staff.remove")),
            Page("you.you", say("You"), ("you.rename", "you.new_passkey", "you.add_passkey")),
            Page("admin.privacy", say("Privacy")),
        ),
    ),
)


def pages(place: Place, platform: Platform) -> Sequence[Page]:
    """The pages of `place` that a store of this platform has."""
    return tuple(page for page in place.pages if not page.needs or getattr(platform, page.needs))
