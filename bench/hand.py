"""A worker that only settles, with batches of a given size: `python -m bench.hand URL BATCH`. For `settle --batch`."""

from __future__ import annotations

import signal
import sys
import threading

from bench.ground import REACTIONS, clock
from connectors.shopify import translate
from engine.inbox import Inbox
from engine.work import Database

# Another hand may hold the last deliveries: look again soon.
IDLE_SECONDS = 0.02


def main() -> None:
    url, batch = sys.argv[1], int(sys.argv[2])
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    inbox = Inbox(Database(url, clock), {"shopify": lambda delivery, _shop: translate(delivery)}, REACTIONS)
    while not stop.is_set():
        if not inbox.settle_round(batch):
            stop.wait(IDLE_SECONDS)


if __name__ == "__main__":
    main()
