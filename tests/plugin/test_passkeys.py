"""Passkeys, made and used by a real browser with an authenticator of its own, and what somebody may try with one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from commerce.ids import ShopId
from engine import audit, passkeys, staff
from engine.shops import Shop
from engine.work import Database
from plugin.passkeys import Door, NoProof, holder
from plugin.sign_in import BROWSER
from plugin.standalone import SESSION, open_session
from tests.ground import Clock
from tests.plugin.conftest import House, build
from tests.serving import served

AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip
SECRET = b"s" * 32


@dataclass
class Device:
    """A browser at our pages, with an authenticator. `answers` are the proofs that it sent; `complaints` what it said
    of our pages.
    """

    page: Any
    house: House
    shop: Shop
    address: str
    cdp: Any
    authenticator: str
    answers: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")

    def arrives(self, heading: str) -> None:
        self.page.locator("h1", has_text=heading).wait_for()
        self.page.wait_for_load_state()

    def make(self, name: str = "My laptop") -> None:
        self.go("/you")
        self.page.locator("a", has_text="Add a passkey").click()
        self.arrives("Add a passkey")
        self.page.locator("input[name=name]").fill(name)
        self.page.locator("button", has_text="Make the passkey").click()
        self.arrives("You")

    def sign_out(self) -> None:
        self.go("/you")
        self.page.locator("button", has_text="Sign out").click()
        self.arrives("Sign in")

    def enter(self) -> None:
        self.page.locator("button", has_text="Sign in with a passkey").click()

    def other(self, *, cookies: bool = False) -> FlaskClient:
        """Another client, which has heard all that was said; `cookies`: and has stolen this browser's."""
        client = self.house.app.test_client()
        if cookies:
            (known,) = [c["value"] for c in self.page.context.cookies() if c["name"] == BROWSER]
            client.set_cookie(BROWSER, known)
        return client

    def lines(self) -> list[tuple[str, str]]:
        with self.house.database.work(self.shop.shop_id) as work:
            return [(line.who, line.what) for line in reversed(audit.page(work)[0])]


@pytest.fixture
def device(database: Database, clock: Clock, browser: Any) -> Iterator[Device]:
    parts: list[House] = []
    answers: list[str] = []

    def ours(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/sign-in/passkey":
            _overhear(environ, answers)
        return parts[0].app.wsgi_app(environ, start_response)

    with served(ours) as url:
        # A passkey is of a name, and an address made of numbers is none.
        address = url.replace("127.0.0.1", "localhost")
        parts.append(build(database, clock, address))
        shop = parts[0].open_shop()
        page = browser.new_page()
        cdp = page.context.new_cdp_session(page)
        cdp.send("WebAuthn.enable")
        made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        found = Device(page, parts[0], shop, address, cdp, made["authenticatorId"], answers)
        page.on("console", lambda said: found.complaints.append(said.text) if said.type == "error" else None)
        with database.work(shop.shop_id) as work:
            anna = staff.invite(work, "anna@shop.example", staff.Role.MANAGER)
            staff.join(work, anna.staff_id)
            cookie = open_session(work, SECRET, staff.find(work, anna.staff_id), "link")
        page.context.add_cookies([{"name": SESSION, "value": cookie, "url": address}])
        yield found


def _overhear(environ: dict[str, Any], answers: list[str]) -> None:
    """Keep what a browser proved, and hand it on as it came."""
    from io import BytesIO

    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    answers += parse_qs(body.decode()).get("answer", [])


def test_a_passkey_is_made_and_signs_in_in_a_real_browser(device: Device) -> None:
    device.make()
    assert device.page.locator("th", has_text="My laptop").count() == 1
    device.sign_out()
    device.enter()
    device.page.locator("h1", has_text="The Little Shop").wait_for()
    device.go("/you")
    assert device.page.locator("td", has_text="passkey").count() == 1
    assert device.lines() == [
        ("anna@shop.example", "you.add_passkey"),
        ("anna@shop.example", "you.sign_out"),
        ("anna@shop.example", "signed_in"),
    ]
    assert [said for said in device.complaints if "Content Security" in said] == []


@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_signing_in_fit_their_window(device: Device, width: int) -> None:
    device.page.set_viewport_size({"width": width, "height": 800})
    for path in ("/you", "/you/passkeys/new", "/people", "/activity/audit", "/sign-in", "/sign-in?lang=fa"):
        device.go(path)
        assert device.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path


def test_an_answer_lets_in_once_and_only_the_browser_that_was_asked(device: Device, clock: Clock) -> None:
    device.make()
    device.sign_out()
    device.enter()
    device.arrives("The Little Shop")
    (said,) = device.answers
    for thief in (device.other(), device.other(cookies=True)):
        answer = thief.post("/sign-in/passkey", data={"answer": said})
        assert answer.status_code == 400
        assert thief.get("/").status_code == 401
    with device.house.database.work(device.shop.shop_id) as work:
        work.run(text("UPDATE passkeys SET sign_count = 0 WHERE shop_id = :shop_id"))
    replayed = device.other(cookies=True).post("/sign-in/passkey", data={"answer": said})
    assert replayed.status_code == 400
    assert "was used already" in replayed.text, "even where no authenticator counts"


def test_a_question_is_too_old_after_five_minutes(device: Device, clock: Clock) -> None:
    device.make()
    device.sign_out()
    clock.forward(minutes=5, seconds=1)
    device.enter()
    device.page.locator(".notice", has_text="did not prove who you are").wait_for()
    assert device.page.locator("h1").inner_text() == "Sign in"
    assert device.lines()[-1] == ("anna@shop.example", "you.sign_out"), "nobody was let in"
    device.enter()
    device.arrives("The Little Shop")
    assert device.lines()[-1] == ("anna@shop.example", "signed_in")


def test_a_counter_that_goes_back_is_refused_and_noted(device: Device) -> None:
    device.make()
    device.sign_out()
    with device.house.database.work(device.shop.shop_id) as work:
        work.run(text("UPDATE passkeys SET sign_count = 1000 WHERE shop_id = :shop_id"))
    device.enter()
    device.page.locator(".notice", has_text="there may be a copy of it").wait_for()
    device.go("/")
    assert device.page.locator("h1", has_text="Open Perennial from your store").count() == 1
    assert device.lines()[-1] == ("anna@shop.example", "passkey_copied")


def test_a_passkey_that_was_removed_opens_nothing(device: Device) -> None:
    device.make()
    device.page.locator("#passkeys ~ div button", has_text="Remove").click()
    device.page.locator(".notice", has_text="opens nothing any more").wait_for()
    device.sign_out()
    device.enter()
    device.page.locator(".notice", has_text="did not prove who you are").wait_for()
    assert device.page.locator("h1").inner_text() == "Sign in"
    device.go("/")
    assert device.page.locator("h1", has_text="Open Perennial from your store").count() == 1
    assert device.lines()[-1] == ("anna@shop.example", "you.sign_out"), "nobody was let in"


def test_a_device_makes_one_passkey_for_a_person(device: Device) -> None:
    device.make()
    device.page.locator("a", has_text="Add a passkey").click()
    device.arrives("Add a passkey")
    device.page.locator("button", has_text="Make the passkey").click()
    device.page.locator("[role=alert]", has_text="one of yours on it already").wait_for()
    assert device.page.locator("h1").inner_text() == "Add a passkey"
    with device.house.database.work(device.shop.shop_id) as work:
        assert work.row(text("SELECT count(*) AS n FROM passkeys WHERE shop_id = :shop_id")).n == 1
    device.go("/you")
    assert device.page.locator("#passkeys ~ div[aria-labelledby=passkeys] tbody tr").count() == 1


def test_a_proof_that_was_touched_or_of_another_proves_nothing(device: Device) -> None:
    device.make()
    device.sign_out()
    device.enter()
    device.arrives("The Little Shop")
    good = json.loads(device.answers[0])
    with device.house.database.work(device.shop.shop_id) as work:
        work.run(text("DELETE FROM staff_sessions WHERE shop_id = :shop_id"))
        mona = staff.invite(work, "mona@shop.example", staff.Role.OWNER)
        staff.join(work, mona.staff_id)
    response = good["response"]
    other = device.house.open_shop("The Shop Next Door")
    handles = [Door("", b"", "", device.house.clock()).handle_of(*who) for who in (
        (device.shop.shop_id, mona.staff_id), (other.shop_id, 1), (ShopId(2**63), 1), (device.shop.shop_id, 2**63),
    )]  # fmt: skip
    wrong: list[Any] = [
        *({**good, "response": {**response, "userHandle": handle}} for handle in handles),
        {**good, "response": {**response, "signature": response["signature"][:-4] + "AAAA"}},
        {**good, "response": {**response, "clientDataJSON": "e30"}},
        {**good, "response": {**response, "authenticatorData": "AAAA"}},
        {**good, "id": "AAAA", "rawId": "AAAA"},
        {**good, "response": None}, {**good, "response": []}, [], None, 1, "x", {"response": {"userHandle": 5}},
    ]  # fmt: skip
    for each in wrong:
        thief = device.other(cookies=True)
        assert thief.post("/sign-in/passkey", data={"answer": json.dumps(each)}).status_code == 400, each
        assert thief.get("/").status_code == 401
    for raw in ("", "{", "[" * 9000, "x" * 40_000, "\x00"):
        assert device.other(cookies=True).post("/sign-in/passkey", data={"answer": raw}).status_code == 400


def test_a_passkey_made_for_one_is_not_kept_for_another(database: Database, clock: Clock, shop: Shop) -> None:
    """The question names whom it is for: an answer to it that comes with another's session is none."""
    door = Door("https://p.example", SECRET, "browser", clock())
    with database.work(shop.shop_id) as work:
        one, two = staff.arrive(work, "1"), staff.arrive(work, "2")
        asked = json.loads(door.question_to_make("S", shop.shop_id, one, []))["challenge"]
        data = json.dumps({"type": "webauthn.create", "challenge": asked, "origin": "https://p.example"})
        from webauthn.helpers import bytes_to_base64url

        said = json.dumps({"id": "x", "rawId": "x", "response": {"clientDataJSON": bytes_to_base64url(data.encode())}})
        for person in (one, two):
            with pytest.raises(NoProof):
                door.keep_made(work, person, said, "n")
        assert passkeys.of_person(work, one.staff_id) == []


def test_whoever_says_nothing_of_themselves_is_nobody() -> None:
    for said in ("", "{}", '{"response": {"userHandle": null}}', '{"response": {"userHandle": "AAAA"}}'):
        assert holder(said) is None


def test_signing_in_by_other_ways_loads_nothing_that_checks_passkeys() -> None:
    """The library and what it needs is some megabytes of each process that never uses it."""
    import subprocess
    import sys

    code = (
        "import sys, app, plugin.sign_in, plugin.admin.you; print([m for m in sys.modules if m.startswith('webauthn')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_script_is_small() -> None:
    from plugin.wording import STATIC

    assert (STATIC / "passkey.js").stat().st_size <= 2048
