"""The merchant's menu: a few places, and the pages of each. One line here puts a page into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    Place("Home", (Page("admin.home", "Home"),)),
    Place(
        "Customers",
        (
            Page("admin.customer_list", "Customers", ("admin.customer",)),
            Page("surveys.survey", "Surveys", ("surveys.change",)),
            Page(
                "segments.segment_list",
                "Segments",
                ("segments.one", "segments.new", "segments.edit", "segments.draft", "segments.ask"),
            ),
        ),
    ),
    Place(
        "Lifecycle",
        (
            Page("lifecycle.pipeline", "Pipeline"),
            Page("metrics.report", "Metrics", ("metrics.say_benchmark", "metrics.read_benchmarks")),
            Page("metrics.cohorts", "Cohorts"),
            Page("value.value", "Value", ("value.change_value", "value.valuable")),
            Page("metrics.channels", "Channels", ("metrics.say_spend", "metrics.read_spend")),
            Page("metrics.journey", "Journey"),
            Page("lifecycle.rules", "Rules", ("lifecycle.state_rules",)),
        ),
    ),
    Place(
        "Loyalty",
        (
            Page("program.earning", "Earning", ("program.publish_rules",)),
            Page("collections.collection_list", "Collections", ("collections.deal",)),
            Page("admin.reward_list", "Rewards"),
            Page("standing.tiers", "Tiers", ("standing.state_tiers",)),
            Page("standing.expiry", "Expiry", ("standing.state_expiry",)),
            Page("drafts.draft_list", "Drafts", ("drafts.deal",)),
            Page("contests.contest_list", "Contests"),
            Page("finance.statements", "Statements"),
            Page("batches.batch_list", "Batches", ("batches.one_batch", "batches.read_batch")),
            Page("imports.import_list", "Import", ("imports.one_import", "imports.read_file")),
        ),
    ),
    Place(
        "Referral",
        (
            Page("referral.terms", "Offer", ("referral.change",)),
            Page("review.review_list", "Review", ("review.ring",)),
            Page("review.weights", "Weights", ("review.change_weights",)),
            Page("review.figures", "Figures", ("review.say_cac",)),
        ),
    ),
    Place("Activity", (Page("admin.activity_list", "Activity"),)),
    Place(
        "Settings",
        (
            Page("admin.extension_list", "On your shop"),
            Page("woocommerce.store", "Your store", needs="companion"),
            Page("keys.key_list", "API", ("keys.make", "keys.put_hook")),
            Page("admin.privacy", "Privacy"),
        ),
    ),
)


def pages(place: Place, platform: Platform) -> Sequence[Page]:
    """The pages of `place` that a store of this platform has."""
    return tuple(page for page in place.pages if not page.needs or getattr(platform, page.needs))
