"""Lines: what people type as a name, a title or a reason, on one line and with nothing in it that steers.

Letters of Persian and other scripts are joined and parted by two characters that cannot be seen (U+200C and U+200D):
they are part of how a word is written, and stand in every Persian plural. Whatever else cannot be seen (controls, line
breaks, what turns the direction of a text around) is no part of a name.
"""

from __future__ import annotations

import re

# The zero-width non-joiner and joiner, and the space at which no line is broken.
_WRITTEN = "\u200c\u200d\u00a0"


def is_line(text: str) -> bool:
    """Whether all of it can be shown as it stands."""
    return text.isprintable() or all(letter.isprintable() or letter in _WRITTEN for letter in text)


def line_of(text: str) -> str:
    """`text` as a line: spaces of any kind are one space, and what steers is left out."""
    kept = (" " if c.isspace() else c if c.isprintable() or c in _WRITTEN else "" for c in text)
    return re.sub(" {2,}", " ", "".join(kept)).strip()
