"""A refusal is an answer, not an accident: the program says no, and says why in words that a shopper can read."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import ClassVar

from commerce.sayings import Saying, as_said, said_by


class Refusal(Exception):
    """A business "no". A subclass's docstring is its message, and its name in kebab-case is its code:

    there is one text to keep true.
    """

    wait: ClassVar[timedelta | None] = None
    """After how long the same may be asked again, where it was asked too often."""

    @property
    def message(self) -> Saying:
        return as_said(said_by(self) or " ".join((self.__doc__ or "").split()))

    @property
    def code(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()
