"""What Lighthouse makes of a shop front, with the app's blocks in its theme and without them.

Lighthouse is npm's: it is installed when it is first needed, in the versions and with the digests of
`bench/lighthouse/package-lock.json`, into `var/lighthouse`. Both pages are looked at in turn, each so many times, and
of each category the best is told: whatever else the computer does only ever makes a page look worse.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from bench.figures import BenchFailed
from bench.ground import ROOT, Ground, clock
from bench.merchant import Merchant, merchant
from bench.store import CLIENT_ID, CONFIG, DOMAIN, SECRET
from sandbox import App, theme

LOCKED = Path(__file__).parent / "lighthouse"
INSTALLED = ROOT / "var" / "lighthouse"
INSTALL_SECONDS, LOOK_SECONDS = 600, 180
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
# Somebody who is logged in, so that the block shows what is their own.
SHOPPER = "bench-shopper@example.com"

_MET = """
    INSERT INTO customers (shop_id, external_id, email, first_name, observed_at) VALUES (%s, %s, %s, 'Anna', %s)
    ON CONFLICT DO NOTHING
"""


def missing() -> str | None:
    """What of Lighthouse's needs is not on this computer, in a sentence; None where all is there."""
    if not (shutil.which("node") and shutil.which("npm")):
        return "There is no node here, so nothing was measured with Lighthouse: install Node.js 20 or newer."
    if chromium() is None:
        return "There is no Chromium here, so nothing was measured with Lighthouse: install the package `chromium`."
    return None


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def install() -> Path:
    """The program, installed as it is locked. Raises `BenchFailed` with what npm says."""
    program, lock = INSTALLED / "node_modules" / ".bin" / "lighthouse", (LOCKED / "package-lock.json").read_bytes()
    kept = INSTALLED / "package-lock.json"
    if not (program.exists() and kept.exists() and kept.read_bytes() == lock):
        INSTALLED.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(LOCKED / name, INSTALLED / name)
        command = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(
            command, cwd=INSTALLED, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
        if done.returncode:
            raise BenchFailed(f"npm could not install Lighthouse:\n{done.stderr[-2000:]}")
    return program


def look(program: Path, address: str, cookie: str, home: Path) -> Mapping[str, int]:
    """The points of one page in each category, from 0 to 100. Raises `BenchFailed`."""
    report, headers = home / "lighthouse.json", home / "headers.json"
    headers.write_text(json.dumps({"Cookie": cookie}))
    command = [
        str(program), address, "--quiet", "--output=json", f"--output-path={report}", f"--extra-headers={headers}",
        f"--only-categories={','.join(CATEGORIES)}", "--chrome-flags=--no-sandbox --headless=new",
    ]  # fmt: skip
    environment = {**os.environ, "CHROME_PATH": chromium() or ""}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=LOOK_SECONDS, check=False, cwd=home
    )
    if done.returncode:
        raise BenchFailed(f"Lighthouse could not look at the shop front:\n{done.stderr[-2000:]}")
    told = json.loads(report.read_text())
    if told.get("runtimeError"):
        raise BenchFailed(f"Lighthouse could not look at the shop front: {told['runtimeError'].get('message')}")
    scores = {name: told["categories"][name]["score"] for name in CATEGORIES}
    if unseen := [name for name, score in scores.items() if score is None]:
        raise BenchFailed(f"Lighthouse could not give points for {', '.join(unseen)}: this computer was too busy")
    return {name: round(100 * score) for name, score in scores.items()}


def compare(
    place: Ground, program: Path, rounds: int, tell: Callable[[str], None]
) -> tuple[Mapping[str, int], Mapping[str, int]]:
    """The shop's first page without the app's blocks and with them: the best of so many looks at each."""
    best: tuple[dict[str, int], dict[str, int]] = ({}, {})
    with merchant(place) as staff:
        front, cookie = _front(place, staff)
        for number in range(rounds):
            for found, with_blocks in zip(best, (False, True), strict=True):
                tell(f"Lighthouse, {'with' if with_blocks else 'without'} the block, look {number + 1}")
                theme.place(staff.world.shop(), with_blocks)
                asked = staff.world.stats["proxy_requests"]
                for name, points in look(program, front, cookie, place.home).items():
                    found[name] = max(found.get(name, 0), points)
                if with_blocks == (staff.world.stats["proxy_requests"] == asked):
                    raise BenchFailed(f"the block was {'not ' * with_blocks}shown, so the points say nothing")
    return best


def _front(place: Ground, staff: Merchant) -> tuple[str, str]:
    """The address of the shop's first page, and the cookie of somebody who is logged in there."""
    there = staff.world.shop()
    there.app = replace(App(CLIENT_ID, SECRET).deployed(CONFIG), app_url=staff.address)
    anna = staff.world.add_customer(SHOPPER, "Anna", "Vos")
    with place.connect() as connection:
        connection.execute(_MET, [place.shop_id, str(anna.id), SHOPPER, clock()])
    store = f"/shops/{DOMAIN}/store"
    connection_to = HTTPConnection(urlsplit(staff.platform).netloc, timeout=30)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    connection_to.request("POST", f"{store}/login", urlencode({"email": SHOPPER}), kind)
    answer = connection_to.getresponse()
    answer.read()
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    connection_to.close()
    if answer.status >= 400 or not cookie:
        raise BenchFailed(f"nobody could log in to the shop front ({answer.status})")
    return f"{staff.platform}{store}/", cookie
