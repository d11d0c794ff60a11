"""The Admin GraphQL API: the platform's schema subset executed by graphql-core over a shop, with cost and
throttling.
"""

from __future__ import annotations

from sandbox.adminapi.endpoint import Answer, answer

__all__ = ["Answer", "answer"]
