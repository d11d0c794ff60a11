"""What lifecycle remembers: the happenings that count, where each customer stands, and the history of their stages."""

from lifecycle.records import marketing, metrics, standings, visits

__all__ = ["marketing", "metrics", "standings", "visits"]
