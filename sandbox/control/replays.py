"""Replays: `POST /sandbox/replay` starts one, `GET` looks at it, `DELETE` stops it."""

from __future__ import annotations

import threading
from typing import Any

from sandbox.control.asking import BadRequest, Json, api, given_json, shop_of
from sandbox.doors import doors, world
from sandbox.faults import Faults
from sandbox.history import BadHistory, open_history
from sandbox.replay import TOPICS, Plan, Replay
from sandbox.shop import Shop

# what a report counts, for the time before there is one
COUNTS = (
    *("orders", "orders_total", "customers", "cancellations", "refunds", "cancelled_orders"),
    *("unmatched_cancellations", "unmatched_lines", "deliveries", "acknowledged", "failed", "abandoned"),
    *("duplicates", "dropped", "waiting", "seconds"),
)


@api.post("/replay")
def start_replay() -> tuple[Json, int]:
    """`{source, speed, topics, payment, chatty, limit, faults, shop}`; reads the file and starts
    delivering.
    """
    given, hall = given_json(), doors()
    source, shop = given.get("source") or "cdnow", shop_of(given)
    plan = _plan(given)
    faults = Faults.of(given["faults"]) if given.get("faults") is not None else None
    with hall.lock:
        if hall.reading or (hall.replay is not None and hall.replay.state == "running"):
            raise BadRequest("a replay is running; stop it with DELETE /sandbox/replay")
        hall.reading, hall.error, hall.replay = True, None, None
    if faults is not None:
        world().courier.misbehave(faults)
    thread = threading.Thread(target=_read_and_run, args=(hall, shop, str(source), plan), daemon=True)
    thread.start()
    return {"state": "reading", "source": source}, 202


def _plan(given: Json) -> Plan:
    topics, speed = given.get("topics"), given.get("speed", "max")
    if isinstance(topics, str):
        topics = [topic.strip() for topic in topics.split(",") if topic.strip()]
    unknown = sorted(set(topics or ()) - TOPICS)
    if unknown:
        raise BadRequest(f"a replay does not send {', '.join(unknown)}; it sends {', '.join(sorted(TOPICS))}")
    if given.get("payment", "immediate") not in ("immediate", "later"):
        raise BadRequest("payment is `immediate` or `later`")
    try:
        pace = None if speed in ("max", None) else float(speed)
        limit = int(given["limit"]) if given.get("limit") else None
    except (TypeError, ValueError):
        raise BadRequest("speed is `max` or history seconds per real second; limit is a number of orders") from None
    if (pace is not None and not pace > 0) or (limit is not None and limit < 1):
        raise BadRequest("speed and limit are greater than 0")
    chosen = TOPICS if topics is None else frozenset(topics)
    later = given.get("payment") == "later"
    return Plan(speed=pace, topics=chosen, pay_later=later, chatty=bool(given.get("chatty")), limit=limit)


def _read_and_run(hall: Any, shop: Shop, source: str, plan: Plan) -> None:
    try:
        book = open_history(source, shop.currency)
        hall.replay = Replay(hall.world, shop, book, plan, source)
        hall.world.courier.feed(hall.replay.step)
    except BadHistory as error:
        hall.error = str(error)
    except Exception as error:  # a thread has nobody to raise to: say it where somebody looks
        hall.error = f"{type(error).__name__}: {error}"
        raise
    finally:
        hall.reading = False


@api.get("/replay")
def see_replay() -> Json:
    hall = doors()
    if hall.replay is not None:
        with world().lock:
            return hall.replay.report()
    state = "reading" if hall.reading else "failed" if hall.error else "idle"
    return dict.fromkeys(COUNTS, 0) | {"state": state, "error": hall.error, "started_at": None}


@api.delete("/replay")
def stop_replay() -> Json:
    replay = doors().replay
    if replay is not None:
        replay.stop()
    return see_replay()
