"""The e-mails that the program sends by itself, as they are written: a few sentences, one link, and the way out.

Each is a table of one column with its styles beside it, because mail programs know little more; it asks for nothing
from elsewhere, so nobody learns when it is opened. The same stands beside it as plain text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, Template

from campaigns import mailings
from campaigns.mailings import Due, Kind, Mailings
from commerce.letters import LONGEST_NAME, LONGEST_SUBJECT, BadLetter, Letter
from commerce.lines import line_of
from engine import companions, elsewhere, mail, shops
from engine.shops import Seal, Shop
from engine.work import UnitOfWork
from plugin.calendars import date_text, zone
from plugin.languages import current, written_in
from plugin.letters import name_of
from plugin.platforms import PLATFORMS
from plugin.sentences import _, ngettext

# So many may wait for the mail server: what somebody waits for, such as a link to sign in, stays quick, and whoever
# is erased or unsubscribes meanwhile is not written to.
MOST_WAITING = 300
LONGEST_FIRST_NAME = 40
# What stands between these two has a direction of its own, whichever its first letter has.
_APART, _ENDED = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Said:
    """What one e-mail says: its subject, its heading, its sentences, and what stands on the button."""

    subject: str
    sentences: Sequence[str]
    button: str


def write_due(work: UnitOfWork, seal: Seal, app_url: str) -> int:
    """Write to those for whom something waits, and put it where mails wait to be sent; answers to how many. Both are
    one unit of work: whatever is killed, each of them is put once.
    """
    room = MOST_WAITING - mail.waiting_for_customers(work)
    due = mailings.choose(work, room) if room > 0 else []
    if not due:
        return 0
    shop, chosen = shops.current(work), mailings.Stated.of(work).mailings
    page = page_of(work, shop, chosen, app_url)
    written, unfit = defaultdict[Kind, list[tuple[Due, Letter]]](list), list[Due]()
    for each in due:
        way_out = app_url + mailings.path_of(work, each.customer_id)
        try:
            written[each.kind].append((each, letter(each, chosen, shop, way_out, page)))
        except BadLetter:
            unfit.append(each)
    ends_at, told = mailings.evening(work.now, mailings.zone_of(work)), list[tuple[Due, int | None]]()
    for kind, letters in written.items():
        numbers = mail.put_to_customers(
            work, seal, kind, [(said, each.customer_id) for each, said in letters], ends_at=ends_at
        )
        told += [(each, number) for (each, _said), number in zip(letters, numbers, strict=True)]
    mailings.told(work, [*told, *((each, None) for each in unfit)])
    return len(told)


def letter(due: Due, chosen: Mailings, shop: Shop, way_out: str, page: str) -> Letter:
    """One e-mail, in the customer's language or else the shop's. `way_out` is the whole address of the page that ends
    these e-mails, `page` that of their points. Refuses with `BadLetter` where the customer's address is none.
    """
    words = chosen.of(due.kind)
    with written_in(due.language or chosen.language) as language:
        said = say(due, shop)
        heading = line_of(words.subject) or said.subject
        paragraphs = [*_greeting(due), *said.sentences, *([line_of(words.line)] if words.line else [])]
        name = name_of(shop)
        way_out = f"{way_out}?lang={language.code}&kind={due.kind}"
        why = _("You get this e-mail because you take part in the points program of %(shop)s.", shop=_own(name))
        leave = _("Unsubscribe")
        html = _template().render(
            language=language, subject=line_of(heading), heading=heading, shop=name, paragraphs=paragraphs, link=page,
            button=said.button, why=why, leave=leave, way_out=way_out,
        )  # fmt: skip
        text = "\n\n".join([*paragraphs, f"{said.button}:\n{page}", "--", why, f"{leave}:\n{way_out}"]) + "\n"
    headers = {
        "List-Unsubscribe": f"<{way_out}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
    }  # fmt: skip
    return Letter(due.email, line_of(heading)[:LONGEST_SUBJECT], text, html, headers, line_of(name)[:LONGEST_NAME])


def page_of(work: UnitOfWork, shop: Shop, chosen: Mailings, app_url: str) -> str:
    """Where customers of the shop see their points: where the merchant says; where the platform has our pages; where
    the store's companion has its own; behind the shop's door with us. Where that is closed, the shop's first page.
    """
    if chosen.page:
        return chosen.page
    if points_page := PLATFORMS[shop.platform].points_page:
        return f"https://{shop.domain}{points_page}"
    if page := companions.page(work):
        return page
    known = elsewhere.of_shop(work)
    return f"{app_url}/s/{known.door}/" if known.open else f"https://{shop.domain}"


def say(due: Due, shop: Shop) -> Said:
    """What an e-mail says, in the language of now."""
    match due.kind:
        case Kind.EXPIRING:
            return _expiring(due, shop)
        case Kind.REWARD:
            return _reward(due, shop)
        case Kind.TIER:
            return _tier(due, shop)
        case Kind.BIRTHDAY:
            return _birthday(due, shop)
        case Kind.FRIEND:
            return _friend(due, shop)
        case Kind.WELCOME:
            return _welcome(due, shop)
    return _points(due, shop)


def _expiring(due: Due, shop: Shop) -> Said:
    there = zone(shop.timezone)
    day = _last_day(due.account.expiring[0][0], there)
    points = sum(many for at, many in due.account.expiring if _last_day(at, there) == day)
    said = [
        ngettext("%(num)s point of yours at %(shop)s can be spent until %(day)s. After that it expires.",
                 "%(num)s points of yours at %(shop)s can be spent until %(day)s. After that they expire.", points,
                 shop=_own(name_of(shop)), day=day),
        *_enough_for(due),
    ]  # fmt: skip
    subject = ngettext("%(num)s point can be spent until %(day)s", "%(num)s points can be spent until %(day)s", points,
                       day=day)  # fmt: skip
    return Said(subject, said, _("Spend your points"))


def _reward(due: Due, shop: Shop) -> Said:
    reward = due.account.rewards[0].title
    said = [
        ngettext("You have %(num)s point to spend at %(shop)s.", "You have %(num)s points to spend at %(shop)s.",
                 due.account.spendable, shop=_own(name_of(shop))),
        _("That is enough for: %(reward)s.", reward=_own(reward)),
    ]  # fmt: skip
    return Said(_("Your points are enough for: %(reward)s", reward=_own(reward)), said, _("Choose your reward"))


def _tier(due: Due, shop: Shop) -> Said:
    name, before = _own(due.account.tier_name), _own(str(due.facts["until_then"]))
    if due.facts["up"]:
        subject = _("You have reached %(tier)s", tier=name)
        said = [
            _(
                "From now on you are %(tier)s at %(shop)s. Thank you for coming back.",
                tier=name,
                shop=_own(name_of(shop)),
            )
        ]
    elif name:
        subject = _("You are %(tier)s at %(shop)s now", tier=name, shop=_own(name_of(shop)))
        said = [
            _("Until now you were %(before)s; from now on you are %(tier)s.", before=before, tier=name),
            _("What you buy from today on counts towards it again."),
        ]
    else:
        subject = _("Your time as %(before)s at %(shop)s is over", before=before, shop=_own(name_of(shop)))
        said = [_("Your points stay yours. What you buy from today on counts towards it again.")]
    return Said(subject, said, _("See what it brings you"))


def _birthday(due: Due, shop: Shop) -> Said:
    points = int(due.facts["points"])
    said = [
        _("All the best for your birthday."),
        ngettext("%(num)s point is our present to you.", "%(num)s points are our present to you.", points),
    ]
    return Said(_("Happy birthday from %(shop)s", shop=_own(name_of(shop))), said, _("See your points"))


def _friend(due: Due, shop: Shop) -> Said:
    said = [
        ngettext("%(num)s friend has taken up your invitation to %(shop)s.",
                 "%(num)s friends have taken up your invitation to %(shop)s.", due.many, shop=_own(name_of(shop))),
        _("What you get for it comes with their first order."),
    ]  # fmt: skip
    subject = ngettext("A friend has taken up your invitation", "%(num)s friends have taken up your invitation",
                       due.many)  # fmt: skip
    return Said(subject, said, _("See your invitations"))


def _welcome(due: Due, shop: Shop) -> Said:
    account = due.account
    said = [
        _("You take part in the points program of %(shop)s now.", shop=_own(name_of(shop))),
        *([ngettext("You have %(num)s point already.", "You have %(num)s points already.",
                    account.spendable + account.waiting)] if account.spendable + account.waiting > 0 else []),
        _("On your page you see how to earn more, and what your points buy."),
    ]  # fmt: skip
    return Said(_("Welcome to the points program of %(shop)s", shop=_own(name_of(shop))), said, _("See your points"))


def _points(due: Due, shop: Shop) -> Said:
    account = due.account
    said = [
        ngettext("You have earned %(num)s point at %(shop)s.", "You have earned %(num)s points at %(shop)s.",
                 due.points, shop=_own(name_of(shop)))
    ]  # fmt: skip
    if account.spendable:
        now = ngettext("You can spend %(num)s point now.", "You can spend %(num)s points now.", account.spendable)
        said.append(now)
    if account.waiting:
        said.append(
            ngettext("%(num)s point can be spent once its waiting time is over.",
                     "%(num)s points can be spent once their waiting time is over.", account.waiting)
        )  # fmt: skip
    subject = ngettext("You have earned %(num)s point at %(shop)s", "You have earned %(num)s points at %(shop)s",
                       due.points, shop=_own(name_of(shop)))  # fmt: skip
    return Said(subject, [*said, *_enough_for(due)], _("See your points"))


def _enough_for(due: Due) -> list[str]:
    rewards = due.account.rewards
    return [_("That is enough for: %(reward)s.", reward=_own(rewards[0].title))] if rewards else []


def _greeting(due: Due) -> list[str]:
    name = line_of(due.first_name)[:LONGEST_FIRST_NAME]
    return [_("Hello %(name)s,", name=_own(name))] if name else []


def _last_day(ends_at: datetime, there: ZoneInfo) -> str:
    """The last day of what ends at an instant, which is when the next day begins."""
    return date_text((ends_at - timedelta(microseconds=1)).astimezone(there).date())


def _own(text: str) -> str:
    """What somebody typed, as a piece of a sentence that may go the other way."""
    said = line_of(text)
    return f"{_APART}{said}{_ENDED}" if said and current().direction == "rtl" else said


@cache
def _template() -> Template:
    """Outside of any request there is no application whose templates could be asked for."""
    folder = Path(__file__).parent / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=True, trim_blocks=True).get_template("mailing.html")
