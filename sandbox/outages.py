"""Outages: the platform refuses an app that did nothing wrong, or loses the answer to a request that took effect."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sandbox.faults import BadFaults

# What the Admin API and the token endpoint may answer to everything: unpaid, an address that is not on the app's list,
# gone, locked, broken.
REFUSALS = {
    402: b'{"errors":"Unavailable Shop"}',
    403: b'{"errors":"Forbidden: this IP address is not on the app\'s allowlist"}',
    404: b'{"errors":"Not Found"}',
    423: b'{"errors":"Locked"}',
    503: b'{"errors":"Service Unavailable"}',
}
LOST_STATUS, LOST_BODY = 520, b"<html><title>520: Web server is returning an unknown error</title></html>"


@dataclass(slots=True)
class Outages:
    """`refusing`: the status that every API request is answered with, 0 for none. `lost_grants`: so many of the next
    grants take effect, and their answers never arrive.
    """

    refusing: int = 0
    lost_grants: int = 0

    def set(self, given: dict[str, Any]) -> None:
        """From JSON or a form; what is not named is over. Raises BadFaults."""
        known = [field.name for field in fields(self)]
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise BadFaults(f"unknown outage {', '.join(unknown)}; known are {', '.join(known)}")
        try:
            refusing, lost = int(given.get("refusing") or 0), int(given.get("lost_grants") or 0)
        except (TypeError, ValueError):
            raise BadFaults("an outage is a whole number") from None
        if refusing not in (0, *REFUSALS) or not 0 <= lost <= 1000:
            raise BadFaults(f"refusing is one of {', '.join(map(str, REFUSALS))}, lost_grants is 0 to 1000")
        self.refusing, self.lost_grants = refusing, lost

    def loses(self) -> bool:
        """Whether the answer to a grant that was just given is lost on its way."""
        if not self.lost_grants:
            return False
        self.lost_grants -= 1
        return True
