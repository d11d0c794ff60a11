"""What we write to people by e-mail: a few sentences and one link, as text and as simple HTML, in the language of
whoever asked for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template

from commerce.letters import Letter
from commerce.lines import line_of
from engine.shops import Shop
from plugin.sentences import _

# Subjects are one line, and what a merchant calls their shop may be long.
LONGEST_SHOP = 80


def to_sign_in(to: str, shop: Shop, link: str) -> Letter:
    """The link that somebody asked for."""
    said = [
        _("Somebody asked to sign in to %(shop)s in Perennial with this address.", shop=name_of(shop)),
        _("The link works once, for fifteen minutes, in the browser in which it was asked for."),
    ]
    end = _("If that was not you, you need not do anything: without this e-mail nobody gets in.")
    return _letter(to, _("Sign in to %(shop)s", shop=name_of(shop)), said, link, _("Sign in"), end)


def to_see_points(to: str, shop: Shop, link: str) -> Letter:
    """The link that a shopper asked for."""
    name = name_of(shop)
    said = [
        _("Somebody asked to see the points of this address at %(shop)s.", shop=name),
        _("The link works once, for fifteen minutes."),
    ]
    end = _("If that was not you, you need not do anything: without this e-mail nobody sees them.")
    return _letter(to, _("Your points at %(shop)s", shop=name), said, link, _("See your points"), end)


def to_invite(to: str, shop: Shop, link: str, role: str, by: str) -> Letter:
    """An invitation to join a shop's staff."""
    said = [
        _("%(who)s invites you to %(shop)s in Perennial. Your role: %(role)s.", who=by or name_of(shop),
          shop=name_of(shop), role=role),
        _("The link works once, for seven days. After that you sign in with this address, or with a passkey."),
    ]  # fmt: skip
    end = _("If you do not know what this is about, you need not do anything.")
    return _letter(to, _("Invitation to %(shop)s", shop=name_of(shop)), said, link, _("Accept the invitation"), end)


def name_of(shop: Shop) -> str:
    """The shop's name as one short line."""
    return line_of(shop.name)[:LONGEST_SHOP].strip() or shop.domain


def _letter(to: str, subject: str, said: Sequence[str], link: str, button: str, end: str) -> Letter:
    text = "\n\n".join([*said, link, end]) + "\n"
    html = render_template("mail.html", subject=subject, said=said, link=link, button=button, end=end)
    return Letter(to, subject, text, html, {"Auto-Submitted": "auto-generated"})
