"""Are you sure: what cannot be taken back, or reaches many, is confirmed on a page that says what will happen.

The form's first POST changes nothing and answers with that page; its form carries the same fields and the word of
whoever read it. No script is needed, and nothing that was typed is lost::

    if not sure.said():
        return sure.ask(_("Revoke this key?"), [_("Programs that use it stop at once.")], _("Revoke it"), back)
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template, request

from plugin.admin.pages import link

FIELD = "sure"


def said() -> bool:
    """Whether they have read what will happen, and still want it."""
    return request.form.get(FIELD) == "yes"


def ask(title: str, consequences: Sequence[str], button: str, back: str) -> str:
    """The page that says what will happen, a sentence each, with numbers where they are known. `button` says the deed
    again; `back` is where the other button leads.
    """
    fields = [(name, value) for name, values in request.form.lists() for value in values if name != FIELD]
    return render_template(
        "admin/sure.html", title=title, consequences=consequences, button=button, back=back, fields=fields,
        action=link(request.endpoint or "", **(request.view_args or {})), sure=FIELD,
    )  # fmt: skip
