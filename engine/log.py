"""Logs: one wide line for each delivery, effect and request, as JSON in production and as words in a terminal.

Fields are chosen by the caller and are never bodies, tokens, names or addresses; `SAFE_FIELDS` is the list of what
may appear, and a field that is not on it is dropped. Batches are written with one call: at thousands of deliveries a
second, a line must cost microseconds.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import orjson

SAFE_FIELDS = frozenset({
    "attempt", "bytes", "customer", "delivery", "delivery_key", "done", "duplicate", "effect", "event", "gaps", "job",
    "kind", "lag_ms", "mail", "method", "ms", "outcome", "path", "reason", "request", "run", "shop", "size", "status",
    "topic", "version",
})  # fmt: skip

_ROOT = "perennial"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        lines: list[Mapping[str, object]] | None = getattr(record, "lines", None)
        head = {"at": datetime.fromtimestamp(record.created, UTC), "level": record.levelname, "log": record.name}
        if lines is not None:
            return "\n".join(orjson.dumps(head | {"event": record.msg} | _safe(line)).decode() for line in lines)
        body = head | {"event": record.getMessage()} | _safe(record.__dict__)
        if record.exc_info:
            body["error"] = self.formatException(record.exc_info)
        return orjson.dumps(body, default=str).decode()


class _Words(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        lines: list[Mapping[str, object]] | None = getattr(record, "lines", None)
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        if lines is None:
            return f"{at} {record.levelname.lower():7} {record.name}: {super().format(record)}"
        return "\n".join(f"{at} {record.msg} " + " ".join(f"{k}={v}" for k, v in _safe(line).items()) for line in lines)


def _safe(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name in SAFE_FIELDS}


def set_up(style: str, level: str) -> None:
    """Send our logs to standard error in one of two styles, ``json`` or ``words``, from `level` up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Words())
    root = logging.getLogger(_ROOT)
    root.handlers[:] = [handler]
    root.setLevel(level)
    root.propagate = False


def wide_many(logger: logging.Logger, event: str, lines: Iterable[Mapping[str, object]]) -> None:
    """Write one wide line for each of `lines` in one go.

    Costs nothing where the level is off: `lines` is not even built.
    """
    if logger.isEnabledFor(logging.INFO):
        record = logger.makeRecord(logger.name, logging.INFO, "", 0, event, (), None, extra={"lines": list(lines)})
        logger.handle(record)


def wide(logger: logging.Logger, event: str, **fields: object) -> None:
    wide_many(logger, event, [fields])
