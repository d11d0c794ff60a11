"""`python -m sandbox serve`: a store platform on this machine."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sandbox.apps import DEFAULT_SCOPES, DEFAULT_TOPICS, App
from sandbox.faults import BadFaults, Faults
from sandbox.history import BadHistory, open_history
from sandbox.replay import TOPICS, Plan, Replay
from sandbox.server import serve
from sandbox.theme import place
from sandbox.webhooks import Courier
from sandbox.world import ShopSetting, World


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("serve", help="serve the platform until it is stopped")
    run.add_argument("--host", default="127.0.0.1")
    run.add_argument("--port", type=int, default=9292)
    run.add_argument(
        "--shop",
        action="append",
        help="a shop's domain; may be given again (default demo-store.myshopify.com)",
    )
    run.add_argument("--currency", default="USD")
    run.add_argument("--timezone", default="UTC")
    run.add_argument("--locale", default="en", help="the language that the stores speak, such as `fa`")
    run.add_argument(
        "--theme-blocks", action="store_true", help="the app's blocks stand in the theme (needs --app-config)"
    )
    _app_options(run)
    _speed_options(run)
    _fault_options(run)
    _replay_options(run)
    return parser


def _app_options(run: argparse.ArgumentParser) -> None:
    app = run.add_argument_group("the app under test")
    app.add_argument("--client-id", default=os.environ.get("SANDBOX_CLIENT_ID", "sandbox-client-id"))
    app.add_argument("--client-secret", help="or SANDBOX_CLIENT_SECRET, which other users of the machine cannot read")
    app.add_argument("--app-name", default="Perennial")
    app.add_argument("--app-url", default="http://127.0.0.1:8080")
    app.add_argument("--webhook-path", default="/webhooks/shopify")
    app.add_argument("--proxy-path", default="/proxy")
    app.add_argument("--proxy-subpath", default="perennial", help="the store's /apps/<subpath>/ goes to the app")
    app.add_argument("--scopes", default=",".join(DEFAULT_SCOPES))
    app.add_argument("--app-config", help="the app's shopify.app.toml: scopes, topics and included fields as it says")
    app.add_argument("--topics", default=",".join(DEFAULT_TOPICS), help="app-specific webhook subscriptions")
    app.add_argument("--installed", action="store_true", help="begin with the app installed in every shop")


def _speed_options(run: argparse.ArgumentParser) -> None:
    run.add_argument("--bucket", type=float, default=2_000, help="points in the query-cost bucket")
    run.add_argument("--restore-rate", type=float, default=100, help="points that flow back each second")
    run.add_argument(
        "--retry-base-seconds",
        type=float,
        default=5.0,
        help="first wait before a repeat; it doubles, 8 times",
    )
    run.add_argument("--connections", type=int, default=16, help="deliveries under way at once")


def _fault_options(run: argparse.ArgumentParser) -> None:
    faults = run.add_argument_group("faults")
    faults.add_argument("--duplicate", type=float, default=0.0, help="share of deliveries sent twice, 0..1")
    faults.add_argument("--drop", type=float, default=0.0, help="share never sent, 0..1")
    faults.add_argument("--reorder", type=int, default=0, help="window in which deliveries change places")
    faults.add_argument("--delay", type=float, default=0.0, help="seconds at most that a delivery is late")
    faults.add_argument("--seed", type=int, default=0)


def _replay_options(run: argparse.ArgumentParser) -> None:
    replay = run.add_argument_group("history")
    replay.add_argument("--replay", metavar="SOURCE", help="`cdnow`, or a .parquet, .csv, .csv.gz or CDNOW .txt file")
    replay.add_argument("--quiet-replay", action="store_true", help="fill the shop first, without telling the app")
    replay.add_argument("--speed", default="max", help="`max`, or history seconds per real second")
    replay.add_argument("--replay-topics", default=",".join(sorted(TOPICS)), help="what a replayed order sends")
    replay.add_argument("--payment", choices=("immediate", "later"), default="immediate")


def _world(options: argparse.Namespace) -> World:
    app = App(
        client_id=options.client_id,
        client_secret=options.client_secret
        or os.environ.get("SANDBOX_CLIENT_SECRET", "sandbox-client-secret-for-this-machine"),
        app_url=options.app_url,
        name=options.app_name,
        webhook_path=options.webhook_path,
        proxy_path=options.proxy_path,
        proxy_subpath=options.proxy_subpath,
        scopes=_listed(options.scopes),
        topics=_listed(options.topics),
    )
    if options.app_config:
        app = app.deployed(Path(options.app_config))
    ZoneInfo(options.timezone)
    if not app.app_url.startswith("http://"):
        raise ValueError(f"the sandbox speaks plain http to the app, not {app.app_url!r}")
    faults = Faults(options.duplicate, options.drop, options.reorder, options.delay, options.seed)
    courier = Courier(
        url=app.webhook_url,
        faults=faults,
        retry_base_seconds=options.retry_base_seconds,
        connections=options.connections,
    )
    domains = options.shop or ["demo-store.myshopify.com"]
    shops = [ShopSetting(domain, options.currency, options.timezone) for domain in domains]
    made = World(app, shops=shops, courier=courier, bucket=options.bucket, restore_rate=options.restore_rate)
    for shop in made.shops.values():
        shop.locale = options.locale
        place(shop, options.theme_blocks)
    return made


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _replay(world: World, options: argparse.Namespace) -> None:
    shop = world.shop()
    book = open_history(options.replay, shop.currency)
    topics = frozenset() if options.quiet_replay else frozenset(_listed(options.replay_topics))
    speed = None if options.speed == "max" or options.quiet_replay else float(options.speed)
    replay = Replay(world, shop, book, Plan(speed, topics, options.payment == "later"), options.replay)
    if options.quiet_replay:
        replay.run()
    else:
        world.courier.feed(replay.step)


def main() -> int:
    """Serves; says what is wrong with the options in a sentence and ends with 2."""
    options = _parser().parse_args()
    try:
        world = _world(options)
        if options.installed:
            for domain in world.shops:
                world.install(domain)
        if options.replay:
            _replay(world, options)
    except (BadHistory, BadFaults, ValueError, ZoneInfoNotFoundError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 2
    at = f"http://{options.host}:{options.port}"
    started = time.strftime("%H:%M:%S")
    for domain in world.shops:
        print(
            f"{started}  {domain}: admin {at}/shops/{domain}/admin  store {at}/shops/{domain}/store/",
            flush=True,
        )
    try:
        serve(world, options.host, options.port)
    except OSError as error:
        print(f"sandbox: {options.host}:{options.port} cannot be used: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
