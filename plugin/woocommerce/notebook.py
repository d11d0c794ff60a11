"""What is noted of a store's connection, and how it is said again in a reader's language.

Notes are kept as English text, which their patterns read back: what was filled in is found again, and the sentence is
looked up as if it were said now. So is the reason why a key was not taken.
"""

from __future__ import annotations

import re

from commerce.sayings import Saying, say
from plugin import trouble
from plugin.sentences import gettext, told

CONNECTED = say("The store was connected at %(address)s.")
DISCONNECTED = say("The store was disconnected.")
PAIRED = say("The plugin in the store, version %(version)s, is paired with us.")
KEPT_OUT = say("The store does not let us keep webhooks in it (%(reason)s). What changes there is found later.")
MADE = say("The store tells us of its changes from now on. Webhooks made in it: %(count)s.")
ANEW = say(
    "Webhooks in the store were made anew, because somebody or the store itself had switched them off, changed or "
    "deleted them: %(topics)s."
)
NOTES = (CONNECTED, DISCONNECTED, PAIRED, KEPT_OUT, MADE, ANEW)

# What comes before a store's own reason, which has an advice of ours.
REASON = "reason: "
# A value in a pattern whose letters are escaped.
_VALUE = re.compile(r"%\\\((\w+)\\\)s")


def retold(noted: str) -> str:
    """A note in the reader's language; as it stands, if none of the patterns made it."""
    for pattern in NOTES:
        if found := _reading(pattern).fullmatch(noted):
            return gettext(pattern, **found.groupdict())
    return told(noted)


def _reading(pattern: Saying) -> re.Pattern[str]:
    return re.compile(_VALUE.sub(r"(?P<\1>.*)", re.escape(pattern)), re.DOTALL)


def why(kept: str) -> str:
    """Why a key was not taken, for whoever comes back to connect the store."""
    if not kept.startswith(REASON):
        return told(kept)
    found = trouble.advice(kept.removeprefix(REASON))
    return f"{told(found.title)} {told(found.advice)}"
