"""A refusal is an answer, not an accident: the program says no, and says why in words that a shopper can read."""

from __future__ import annotations

import re


class Refusal(Exception):
    """A business "no". A subclass's docstring is its message, and its name in kebab-case is its code:

    there is one text to keep true.
    """

    @property
    def message(self) -> str:
        # As it was given: a saying would forget its pattern in `str`.
        said: str = self.args[0] if self.args else ""
        return said or (self.__doc__ or "").strip()

    @property
    def code(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()
