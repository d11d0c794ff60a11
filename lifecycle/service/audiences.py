"""Audiences: the customers of a stage or of a segment, as a statement that others may put into their own."""

from __future__ import annotations

from lifecycle.records.audiences import AUDIENCES as AUDIENCES  # noqa: PLC0414
