"""What people type into forms: refusals that name their field, and digits of any script.

A refusal that names its field is shown beside it (`admin/terms.html`). Whoever reads Persian or Arabic may type its
digits; what is kept has the digits of the code.
"""

from __future__ import annotations

from collections.abc import Mapping

from commerce.refusal import Refusal

# Persian, Arabic, and the mark between whole and part that goes with them.
_DIGITS = str.maketrans("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩٫", "01234567890123456789.")


class Mistyped(Refusal):
    """This is not how it is written."""

    def __init__(self, message: str = "", field: str = "") -> None:
        super().__init__(*([message] if message else []))
        self.field = field


def named(refusal: Refusal, fields: Mapping[type[Refusal], str]) -> Refusal:
    """A refusal of a domain, which knows no form, with the field of ours that it is about."""
    return Mistyped(refusal.message, fields[type(refusal)]) if type(refusal) in fields else refusal


def plain(text: str) -> str:
    """A number in the digits of the code: ``۱۲٫۵`` as ``12.5``."""
    return text.translate(_DIGITS)


def version(form: Mapping[str, str]) -> int | None:
    """The version of the terms that a page showed which was sent; None where it says none that there can be."""
    said = form.get("version", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 9 else None
