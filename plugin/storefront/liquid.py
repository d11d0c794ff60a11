"""Answers in Liquid, the language of the shop's theme.

The platform puts an ``application/liquid`` answer inside the shop's own layout: header, fonts, colours and cart
stay where shoppers know them, and logging in works as on every other page of the shop. A full page of ours would
look like another site that asks for points.

The price is that what we send is *run* as a template. A customer who is called ``{{ customer.email }}`` must stay a
name, so no brace of ours reaches the platform as a brace: each opening one becomes a character reference, which
means the same in HTML and nothing in Liquid.
"""

from __future__ import annotations

from flask import Response


def inert(page: str) -> str:
    """`page` as Liquid that does nothing.

    It holds no script and no style element, where a character reference would not be read.
    """
    return page.replace("{", "&#123;")


def answer(page: str, status: int = 200) -> Response:
    """A page to be shown inside the shop's theme."""
    return Response(inert(page), status, mimetype="application/liquid")
