"""The command line's way in: a link for one of a shop's staff, printed for whoever runs the machine.

It needs no mail server, and nobody's word but that of the machine: for the first owner of a stand-alone shop, and for
an owner who lost both the e-mail address and the passkey.
"""

from __future__ import annotations

import argparse
import sys
from typing import Protocol

from commerce.refusal import Refusal
from engine import audit, sessions, shops, staff
from engine.settings import Settings
from engine.shops import Shop
from engine.staff import Person, Role
from engine.work import Database, UnitOfWork
from migrations import upgrade
from plugin.platforms import PLATFORMS

_MINUTES = round(sessions.LINK_LIVES.total_seconds() / 60)


class House(Protocol):
    """What this command needs of the composition root."""

    settings: Settings

    @property
    def database(self) -> Database: ...


def describe(command: argparse.ArgumentParser) -> None:
    """What the command takes."""
    command.add_argument("--shop", required=True, help="such as kettle.myshopify.com or shop.example")
    command.add_argument("--email", required=True, help="whom the link lets in")
    command.add_argument("--role", choices=list(Role), help="let somebody in who is not staff yet, with this role")


def run(house: House, chosen: argparse.Namespace) -> int:
    """Print a link that lets its opener in, once; 1 where it did not work, 2 where the call is wrong."""
    upgrade(house.database.url)
    shop = _find(house.database, chosen.shop)
    if shop is None:
        return _no(f"{chosen.shop} is no shop that is connected here.")
    try:
        with house.database.work(shop.shop_id) as work:
            person = _person(work, staff.address(chosen.email), chosen.role)
            if person is None:
                return _no(
                    f"Nobody of {shop.domain} has that address. To let them in, say --role, such as --role owner."
                )
            end = sessions.make_link(work, person)
            audit.write(work, person.staff_id, person.label, person.role, "link_printed")
    except Refusal as refusal:
        return _no(" ".join(refusal.message.split()))
    print(f"Open this within {_MINUTES} minutes; it works once:\n{house.settings.app_url}/sign-in/link/{end}")
    return 0


def _find(database: Database, domain: str) -> Shop | None:
    with database.machine() as connection:
        found = [shops.find(connection, platform, domain.strip().lower()) for platform in PLATFORMS]
    return next((shop for shop in found if shop is not None and shop.installed), None)


def _person(work: UnitOfWork, email: str, role: str | None) -> Person | None:
    known = staff.with_email(work, email)
    return known if known is not None or role is None else staff.invite(work, email, Role(role))


def _no(why: str) -> int:
    print(why, file=sys.stderr)
    return 2
