"""What lifecycle remembers: the happenings that count, where each customer stands, and the history of their stages."""

from lifecycle.records import standings, surveys, walks

__all__ = ["standings", "surveys", "walks"]
