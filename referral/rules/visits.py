"""Which visits of an invitation are somebody's: programs fetch pages too, and nobody has opened anything by that.

A message with a link is fetched by the messenger that shows a preview of it, and by whoever's scanner reads mails; a
browser fetches ahead what its user may open next. What says so of itself is not counted: a request whose purpose is to
prefetch or to preview, and one from a program by its own name. Whoever hides what they are is counted; a count decides
about no money.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

# In which a browser says why it asks: the standard's name, and the names that came before it.
PURPOSES = ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
_AHEAD = re.compile(r"prefetch|prerender|preview", re.IGNORECASE)

# What previews, scanners and programming libraries call themselves. A telephone's own browser inside of a messenger
# bears the messenger's other name (``FBAN``, ``Instagram``), and is a person's. ``WhatsApp/`` is the preview's alone.
_PROGRAMS = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|preview|^whatsapp/|facebookexternalhit|facebookcatalog|meta-external|"
    r"\bscan|fetcher|\bproxy\b|headless|^curl/|^wget/|python|java/|okhttp|go-http-client|libwww|axios|node-fetch",
    re.IGNORECASE,
)


def by_a_person(header: Callable[[str], str | None]) -> bool:
    """Whether a visit counts as somebody's, by what it says of itself. Saying nothing is no program's name."""
    ahead = any(_AHEAD.search(header(name) or "") for name in PURPOSES)
    return not ahead and not _is_program((header("User-Agent") or "")[:500])


# A crowd has a few dozen kinds of browser.
@lru_cache(1024)
def _is_program(agent: str) -> bool:
    return _PROGRAMS.search(agent) is not None
