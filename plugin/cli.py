"""The command line: start a part of the house, bring its database up to date, or show the whole of it at work.

Exit statuses: 0 done; 1 it did not work; 2 the settings or the call are wrong, and every mistake is listed.
"""

from __future__ import annotations

import argparse
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NoReturn, Protocol

from cryptography.fernet import Fernet
from sqlalchemy.exc import OperationalError

from commerce.store import StoreError
from engine import web
from engine.keyring import SecretLost, reseal
from engine.postgres import PostgresUnavailable
from engine.settings import BadSettings, Settings
from engine.shops import Seal
from engine.work import Database
from engine.worker import Worker
from migrations import upgrade
from plugin import backtests, imports, nights, signin_link, trouble
from plugin.install import Installer
from plugin.woocommerce import WooInstaller, by_hand

BAR_WIDTH = 30


class House(Protocol):
    """What the commands need of the composition root."""

    settings: Settings

    @property
    def database(self) -> Database: ...
    @property
    def worker(self) -> Worker: ...
    @property
    def installer(self) -> Installer | None: ...
    @property
    def woocommerce(self) -> WooInstaller | None: ...
    @property
    def seal(self) -> Seal: ...
    @property
    def secret(self) -> bytes: ...


Build = Callable[[Mapping[str, str]], Any]


def main(arguments: Sequence[str], environment: Mapping[str, str], build: Build, root: Path) -> int:
    """Run one command; answers with the exit status."""
    parser = _parser()
    if not arguments:
        parser.print_help(sys.stderr)
        return 2
    chosen = parser.parse_args(arguments)
    if chosen.command == "new-key":
        print(Fernet.generate_key().decode())
        return 0
    if chosen.command == "lifecycle" and chosen.deed == "backtest":
        return backtests.run(chosen)
    try:
        if chosen.command == "demo":
            from plugin import demo

            return demo.run(root, Path(chosen.data) if chosen.data else None, build, check=chosen.check)
        if chosen.command == "serve":
            return _serve(build(environment), environment, root)
        return _run(chosen, build(environment))
    except BadSettings as bad:
        print(
            "The settings cannot be used:", *(f"  - {mistake}" for mistake in bad.mistakes), sep="\n", file=sys.stderr
        )
        return 2
    except (PostgresUnavailable, SecretLost) as error:
        print(error, file=sys.stderr)
        return 1
    except OperationalError as error:
        # The driver's own words: they name the host and the port, and never the password.
        print(f"The database does not answer:\n{error.orig}", file=sys.stderr)
        return 1


def _run(chosen: argparse.Namespace, house: Any) -> int:
    """A command that works on the house as the environment describes it."""
    if chosen.command in _CHOOSY:
        return _CHOOSY[chosen.command](house, chosen)
    return _COMMANDS[chosen.command](house)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="app.py", description="Perennial: loyalty, lifecycle and referral for stores."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("serve", help="answer webhooks and pages")
    commands.add_parser("worker", help="settle deliveries, push effects, keep the clock; start as many as you like")
    commands.add_parser("migrate", help="bring the database to the newest schema")
    backfill = commands.add_parser("backfill", help="read the histories of shops in, and watch; workers do it unasked")
    backfill.add_argument("--shop", help="of this shop only, such as kettle.myshopify.com")
    backfill.add_argument("--again", action="store_true", help="once more, where it has been done")
    reconcile = commands.add_parser(
        "reconcile", help="compare every shop with its store now, and settle the difference"
    )
    reconcile.add_argument("--shop", help="this shop only")
    reconcile.add_argument("--deep", action="store_true", help="over the last month, deleted orders too, as each night")
    books = commands.add_parser("ledger", help="prove the books of every shop: chain, balances, totals, every order")
    books.add_argument("deed", choices=["verify"])
    books.add_argument("--shop", help="of this shop only")
    join = commands.add_parser(
        "connect", help="connect the one store that SHOPIFY_SHOP names, or a WooCommerce store with a key made by hand"
    )
    join.add_argument("--store", help="the address of a WooCommerce store, such as https://shop.example")
    enter = commands.add_parser("sign-in", help="print a link that lets its opener into a connected WooCommerce store")
    enter.add_argument("--store", required=True, help="the store's address")
    signin_link.describe(commands.add_parser("signin-link", help="print a link that lets one of a shop's staff in"))
    leave = commands.add_parser("export", help="write all that a shop's program is to a file, as lines of JSON")
    leave.add_argument("file", help="such as kettle.jsonl.gz")
    leave.add_argument("--shop", required=True, help="such as kettle.myshopify.com")
    enter = commands.add_parser("import", help="take in what `export` wrote, on another installation")
    enter.add_argument("file")
    deeds = commands.add_parser("lifecycle", help="reckon what customers are worth").add_subparsers(
        dest="deed", required=True, metavar="deed"
    )
    backtests.describe(deeds.add_parser("backtest", help="hold predictions against what came, on any file of orders"))
    nights.describe(deeds.add_parser("nightly", help="reckon the customers of every shop that is due; workers do it"))
    imports.describe(commands.add_parser("import-points", help="bring balances from another program, or undo that"))
    commands.add_parser("rotate-keys", help="seal every secret with the newest key of PERENNIAL_SEAL_KEYS")
    commands.add_parser("settings", help="check the settings and show them, without secrets")
    commands.add_parser("new-key", help="make a key for PERENNIAL_SEAL_KEYS")
    demo = commands.add_parser("demo", help="run everything on this machine and replay real orders")
    demo.add_argument(
        "--data", help="an order history: .parquet or .csv(.gz); without it, the CDNOW purchase histories"
    )
    demo.add_argument(
        "--check", action="store_true", help="as fast as possible, no pages; the last line is one JSON object"
    )
    return parser


def calm_collector() -> None:
    """Let the garbage collector look less often, and no more at what was there from the start.

    Batches make and drop objects by the ten thousand, almost none of them in cycles; looking for cycles after each
    seven hundred costs a tenth of the time of settling.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _serve(house: House, environment: Mapping[str, str], root: Path) -> int:
    """See that everything is right; then become the small process above the web processes."""
    upgrade(house.database.url)
    # Asked for here, where what is wrong with it can be said in a sentence.
    _ = house.secret
    house.database.close()
    known = house.settings
    try:
        held = _hold(known.host, known.port)
    except OSError as error:
        print(f"{known.host}:{known.port} cannot be listened on: {error.strerror}", file=sys.stderr)
        print("PERENNIAL_HOST and PERENNIAL_PORT choose another address.", file=sys.stderr)
        return 1
    with held:
        return _become(known, environment, root)


def _become(known: Settings, environment: Mapping[str, str], root: Path) -> NoReturn:
    data_dir = None if known.database_url else known.data_dir.absolute()
    counters = environment["PROMETHEUS_MULTIPROC_DIR"]
    command = web.command(known.host, known.port, known.web_processes, data_dir, counters)
    sys.stdout.flush()
    sys.stderr.flush()
    path = os.pathsep.join(filter(None, (str(root), environment.get("PYTHONPATH", ""))))
    os.execve(command[0], command, {**environment, "PYTHONPATH": path})


def _hold(host: str, port: int) -> socket.socket:
    """See that we can listen there, and that no other `serve` begins to before we do. Raises `OSError` saying why not.

    Web processes share their port with whoever asks to share it: two installations that start at one moment would each
    answer a part of the other's visitors. So a name beside the port is held, in the same network, from before we look
    until the process that we become has ended. Only Linux has such names, and shares a port in that way.
    """
    held = socket.socket(socket.AF_UNIX)
    try:
        if sys.platform == "linux":
            held.bind(f"\0perennial-serve-{host}:{port}")
            held.set_inheritable(True)
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError:
        held.close()
        raise
    return held


def _worker(house: House) -> int:
    upgrade(house.database.url)
    calm_collector()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    house.worker.run(stop)
    house.database.close()
    return 0


def _migrate(house: House) -> int:
    upgrade(house.database.url)
    return 0


def _connect(house: House) -> int:
    """For apps that their own organisation runs for itself: nobody needs to open a page first."""
    upgrade(house.database.url)
    named = house.settings.shopify_shop
    if named is None or house.installer is None:
        print("SHOPIFY_GRANT is not client_credentials: merchants connect by opening the app.", file=sys.stderr)
        print("A WooCommerce store is named with --store.", file=sys.stderr)
        return 2
    try:
        shop = house.installer.connect(named)
    except StoreError as error:
        found = trouble.advice(error.reason)
        print(f"{named}: {found.title} {found.advice}", file=sys.stderr)
        return 1
    if wrong := trouble.troubles(shop, house.database.clock()):
        print(*(f"{named}: {each.title} {each.advice}" for each in wrong), sep="\n", file=sys.stderr)
        return 1
    print(f"{named}: connected, as {shop.name}")
    return 0


def _rotate_keys(house: House) -> int:
    upgrade(house.database.url)
    found = reseal(house.database, house.seal, _bar)
    print(
        f"{found.anew} sealed anew, {found.already} sealed with the newest key already, {found.lost} not to be opened"
    )
    if found.lost:
        print(
            "Those that cannot be opened were sealed with a key that PERENNIAL_SEAL_KEYS no longer has: put it back, "
            "or let those merchants open the app once.",
            file=sys.stderr,
        )
    return 1 if found.lost else 0


def _bar(done: int, whole: int) -> None:
    """One line that grows, for somebody who waits at a terminal; nothing for a file."""
    if sys.stderr.isatty():
        full = BAR_WIDTH * done // whole
        end = "\n" if done == whole else ""
        print(
            f"\r[{'#' * full}{'.' * (BAR_WIDTH - full)}] {done} of {whole} shops", end=end, file=sys.stderr, flush=True
        )


def _settings(house: House) -> int:
    """One line each; of a secret, only whether it is set."""
    for field in fields(house.settings):
        value = getattr(house.settings, field.name)
        print(f"{field.name:26} {'(not set)' if value is None else value if field.repr else '(set)'}")
    return 0


# What draws bars at a terminal is imported when it is asked for: no server needs it.
def _history(house: Any, chosen: argparse.Namespace) -> int:
    from plugin import history

    if chosen.command == "backfill":
        return history.backfill(house, chosen.shop, again=chosen.again)
    return history.reconcile(house, chosen.shop, deep=chosen.deep)


def _ledger(house: Any, chosen: argparse.Namespace) -> int:
    from plugin import ledger

    return ledger.verify(house, chosen.shop)


def _packs(house: Any, chosen: argparse.Namespace) -> int:
    from plugin import packs

    return (
        packs.write(house, chosen.shop, chosen.file) if chosen.command == "export" else packs.take(house, chosen.file)
    )


# Those that look at what else was typed.
_CHOOSY: Mapping[str, Callable[[Any, argparse.Namespace], int]] = {
    "backfill": _history,
    "connect": lambda house, chosen: by_hand.connect(house, chosen.store) if chosen.store else _connect(house),
    "import-points": imports.run,
    "export": _packs,
    "import": _packs,
    "lifecycle": nights.run,
    "ledger": _ledger,
    "reconcile": _history,
    "signin-link": signin_link.run,
    "sign-in": lambda house, chosen: by_hand.sign_in(house, chosen.store),
}
_COMMANDS: Mapping[str, Callable[[House], int]] = {
    "worker": _worker, "migrate": _migrate,
    "rotate-keys": _rotate_keys, "settings": _settings,
}  # fmt: skip
