"""Staff who sign in by themselves: invitations, links by e-mail, and everything that somebody may try with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from connectors.smtp import Post
from engine import audit, staff
from engine.mail import Mailer
from engine.settings import read
from engine.shops import Shop
from engine.staff import Role
from engine.work import Database
from plugin import cli
from plugin.sign_in import BROWSER, MOST_OF_ADDRESS
from plugin.standalone import SESSION
from tests.ground import Clock, Superuser
from tests.plugin.conftest import APP_URL, House, Merchant, build
from tests.plugin.markup import flat, mistakes
from tests.postbox import Postbox, postbox

ANNA = "anna@shop.example"
_LINK = re.compile(r"https://perennial\.example(/sign-in/link/\S+)")


@dataclass
class Alone:
    """A house that sends e-mails, and the box where they arrive."""

    house: House
    shop: Shop
    box: Postbox
    mailer: Mailer

    def browser(self) -> FlaskClient:
        return self.house.app.test_client()

    def owner(self) -> Merchant:
        """The first who opens the app in the store's admin."""
        return Merchant(self.browser(), self.shop, "1")

    def invite(self, email: str = ANNA, role: str = "manager") -> str:
        answer = self.owner().fetch("/people/invite", "POST", email=email, role=role)
        assert answer.status_code == 200, answer.text
        return self.link()

    def link(self) -> str:
        """The link of the newest mail."""
        self.mailer.round()
        found = _LINK.search(self.box.text())
        assert found is not None
        return found[1]

    def join(self, email: str = ANNA, role: str = "manager") -> FlaskClient:
        browser = self.browser()
        answer = browser.post(self.invite(email, role))
        assert (answer.status_code, answer.location) == (303, "/you?welcome=yes")
        return browser

    def ask(self, browser: FlaskClient, email: str = ANNA) -> TestResponse:
        return browser.post("/sign-in/link", data={"email": email})

    def lines(self) -> list[tuple[str, str, str]]:
        """The log: who, role, what; the oldest first."""
        with self.house.database.work(self.shop.shop_id) as work:
            return [(line.who, line.role, line.what) for line in reversed(audit.page(work)[0])]


@pytest.fixture
def alone(database: Database, clock: Clock) -> Iterator[Alone]:
    with postbox() as box:
        house = build(database, clock, mails=True)
        seal = house.app.extensions["doors"].seal
        mailer = Mailer(database, seal, Post(box.url, "Perennial <hello@perennial.example>", clock))
        yield Alone(house, house.open_shop(), box, mailer)


# --- invitations


def test_somebody_who_is_invited_gets_in_with_the_role_that_the_owner_chose(alone: Alone) -> None:
    link = alone.invite(role="support")
    assert alone.box.last["Subject"] == "Invitation to The Little Shop"
    assert alone.box.last["Auto-Submitted"] == "auto-generated"
    browser = alone.browser()
    page = browser.get(link)
    assert (page.status_code, mistakes(page.text)) == (200, [])
    assert "You are invited to The Little Shop" in page.text
    assert "Your role: Support." in page.text
    assert browser.get("/").status_code == 401, "looking at it lets nobody in"
    answer = browser.post(link)
    assert (answer.status_code, answer.location) == (303, "/you?welcome=yes")
    you = browser.get("/you?welcome=yes")
    assert (you.status_code, mistakes(you.text)) == (200, [])
    assert "Your role: Support." in you.text
    assert "Add a passkey" in you.text
    assert browser.get("/customers").status_code == 200
    assert alone.lines() == [
        ("1", "owner", "staff.invite"),
        (ANNA, "support", "joined"),
        (ANNA, "support", "signed_in"),
    ]


def test_an_invitation_is_accepted_once(alone: Alone) -> None:
    link = alone.invite()
    assert alone.browser().post(link).status_code == 303
    again = alone.browser().post(link)
    assert again.status_code == 400
    assert "It was used already" in again.text
    assert SESSION not in str(again.headers.getlist("Set-Cookie"))
    assert alone.browser().get(link).status_code == 400


def test_an_older_invitation_ends_with_a_newer_one(alone: Alone) -> None:
    first = alone.invite(role="owner")
    second = alone.invite(role="read_only")
    assert alone.browser().post(first).status_code == 400
    assert alone.browser().post(second).status_code == 303


def test_an_invitation_is_too_old_after_seven_days(alone: Alone, clock: Clock) -> None:
    link = alone.invite()
    clock.forward(days=7)
    assert alone.browser().post(link).status_code == 400


def test_a_field_of_the_form_raises_nobody_s_role(alone: Alone) -> None:
    link = alone.invite(role="read_only")
    browser = alone.browser()
    browser.post(link, data={"role": "owner", "staff_id": "1"})
    assert "Your role: Read-only." in browser.get("/you").text
    browser.post("/you/name", data={"name": "Anna", "role": "owner"})
    assert "Your role: Read-only." in browser.get("/you").text
    for path in ("/people/1/role", "/people/invite", "/people/newcomers"):
        assert browser.post(path, data={"role": "owner", "email": "x@y.example"}).status_code == 403
    with alone.house.database.work(alone.shop.shop_id) as work:
        assert [(p.label, p.role) for p in staff.people(work)] == [("1", Role.OWNER), ("Anna", Role.READ_ONLY)]


def test_nobody_is_invited_twice(alone: Alone) -> None:
    alone.join()
    again = alone.owner().fetch("/people/invite", "POST", email=ANNA.upper(), role="owner")
    assert again.status_code == 422
    assert "is here already" in again.text
    assert f'value="{ANNA.upper()}"' in again.text, "what was typed stays"


@pytest.mark.parametrize("typed", ["", "anna", "anna@", "a b@c.example", "a@b.example\r\nBcc: x@y.example", "a@b,c.de"])
def test_what_is_no_address_is_invited_by_nobody(alone: Alone, typed: str) -> None:
    answer = alone.owner().fetch("/people/invite", "POST", email=typed, role="manager")
    assert answer.status_code == 422
    assert "That is not an e-mail address." in answer.text
    assert alone.mailer.round() == 0


# --- links


def test_a_link_lets_the_browser_in_that_asked_for_it(alone: Alone) -> None:
    alone.join()
    browser = alone.browser()
    page = browser.get("/sign-in")
    assert (page.status_code, mistakes(page.text)) == (200, [])
    answer = alone.ask(browser)
    assert "an e-mail is on its way" in answer.text
    link = alone.link()
    assert alone.box.last["Subject"] == "Sign in to The Little Shop"
    assert browser.get(link).status_code == 200
    done = browser.post(link)
    assert (done.status_code, done.location) == (303, "/")
    (cookie,) = [c for c in done.headers.getlist("Set-Cookie") if c.startswith(SESSION)]
    assert "HttpOnly" in cookie
    assert "Secure" in cookie
    assert "SameSite=Lax" in cookie
    assert browser.get("/").status_code == 200
    assert alone.lines()[-1] == (ANNA, "manager", "signed_in")


def test_another_browser_is_not_let_in_and_does_not_use_the_link_up(alone: Alone) -> None:
    alone.join()
    browser, thief = alone.browser(), alone.browser()
    alone.ask(browser)
    link = alone.link()
    thief.get("/sign-in")
    seen = thief.get(link)
    assert seen.status_code == 400
    assert "This is another browser" in seen.text
    assert ANNA not in seen.text
    assert thief.post(link).status_code == 400
    thief.set_cookie(BROWSER, "")
    assert thief.post(link).status_code == 400
    assert thief.get("/").status_code == 401
    assert browser.post(link).status_code == 303


def test_a_link_serves_once(alone: Alone) -> None:
    alone.join()
    browser = alone.browser()
    alone.ask(browser)
    link = alone.link()
    assert browser.post(link).status_code == 303
    assert browser.post(link).status_code == 400


def test_a_link_is_too_old_after_a_quarter_of_an_hour(alone: Alone, clock: Clock) -> None:
    alone.join()
    browser = alone.browser()
    alone.ask(browser)
    link = alone.link()
    clock.forward(minutes=15)
    answer = browser.post(link)
    assert answer.status_code == 400
    assert "does not work any more" in answer.text


def test_a_forged_link_and_one_of_another_shop_let_nobody_in(alone: Alone, above: Superuser) -> None:
    alone.join()
    other = alone.house.open_shop("The Shop Next Door")
    browser = alone.browser()
    alone.ask(browser)
    link = alone.link()
    token = link.rpartition(".")[2]
    tries = [
        f"/sign-in/link/{other.shop_id}.{token}",
        f"/sign-in/link/{alone.shop.shop_id}.{token[:-1]}{'A' if token[-1] != 'A' else 'B'}",
        f"/sign-in/link/999999999999999999.{token}",
        f"/sign-in/link/{token}",
        "/sign-in/link/%00",
        f"/sign-in/link/{'1' * 300}.{token}",
    ]
    for path in tries:
        assert browser.post(path).status_code == 400, path
        assert browser.get(path).status_code == 400, path
    assert browser.get("/").status_code == 401
    assert browser.post(link).status_code == 303, "it was not used up by any of that"


def test_a_link_from_another_site_s_form_is_not_followed(alone: Alone) -> None:
    link = alone.invite()
    browser = alone.browser()
    answer = browser.post(link, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert browser.post(link).status_code == 303


def test_a_known_address_and_an_unknown_one_are_answered_alike(alone: Alone) -> None:
    alone.join()
    known, unknown = alone.browser(), alone.browser()
    asked = [alone.ask(known, ANNA), alone.ask(unknown, "mona@shop.example")]
    said = [
        re.sub(r'data-question="[^"]*"', "", a.text.replace(ANNA, "X").replace("mona@shop.example", "X")) for a in asked
    ]
    assert said[0] == said[1]
    assert asked[0].status_code == asked[1].status_code == 200
    cookies = [re.sub("=.*?;", "", str(a.headers.getlist("Set-Cookie"))) for a in asked]
    assert cookies[0] == cookies[1]
    before = len(alone.box.taken)
    alone.mailer.round()
    assert [to for to, _ in alone.box.taken[before:]] == [ANNA]


@pytest.mark.parametrize("email", [ANNA, "mona@shop.example"])
def test_tries_are_counted_for_every_address_alike(alone: Alone, clock: Clock, email: str) -> None:
    alone.join()
    browser = alone.browser()
    assert [alone.ask(browser, email).status_code for _ in range(MOST_OF_ADDRESS)] == [200] * MOST_OF_ADDRESS
    refused = alone.ask(browser, email.upper())
    assert refused.status_code == 429
    assert "Please wait an hour" in refused.text
    assert alone.ask(alone.browser(), "somebody-else@shop.example").status_code == 200
    clock.forward(minutes=61)
    assert alone.ask(browser, email).status_code == 200


def test_one_network_cannot_try_address_after_address(alone: Alone) -> None:
    browser = alone.browser()
    codes = [alone.ask(browser, f"p{number}@shop.example").status_code for number in range(31)]
    assert codes == [200] * 30 + [429]


def test_somebody_of_two_shops_gets_a_link_to_each(alone: Alone) -> None:
    alone.join()
    other = alone.house.open_shop("The Other Shop")
    Merchant(alone.browser(), other, "9").fetch("/people/invite", "POST", email=ANNA, role="support")
    alone.mailer.round()
    before = len(alone.box.taken)
    alone.ask(alone.browser())
    alone.mailer.round()
    assert {said["Subject"] for _, said in alone.box.taken[before:]} == {
        "Sign in to The Little Shop", "Sign in to The Other Shop"
    }  # fmt: skip


def test_what_is_no_address_stays_in_the_field(alone: Alone) -> None:
    answer = alone.ask(alone.browser(), "anna <b>")
    assert (answer.status_code, mistakes(answer.text)) == (400, [])
    assert 'value="anna &lt;b&gt;" aria-invalid="true"' in answer.text


def test_a_shop_that_left_lets_nobody_in(alone: Alone, above: Superuser) -> None:
    browser = alone.join()
    alone.ask(browser)
    link = alone.link()
    above.run("UPDATE shops SET uninstalled_at = now() WHERE shop_id = %s", alone.shop.shop_id)
    assert browser.post(link).status_code == 400
    assert browser.get("/").status_code == 401
    before = len(alone.box.taken)
    alone.ask(browser)
    alone.mailer.round()
    assert len(alone.box.taken) == before


# --- sessions


def test_sessions_are_listed_and_ended_from_elsewhere(alone: Alone) -> None:
    first = alone.join()
    second = alone.browser()
    alone.ask(second)
    second.post(alone.link(), headers={"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"})
    page = first.get("/you").text
    assert "Firefox, Linux" in page
    ends = re.findall(r'action="(/you/sessions/\d+/end)"', page)
    assert len(ends) == 2
    here = re.search(r"this one.*?(/you/sessions/\d+/end)", flat(page))
    assert here is not None
    (other,) = set(ends) - {here[1]}
    assert first.post(other).location == "/you?changed=session"
    assert second.get("/").status_code == 401
    assert first.get("/").status_code == 200


def test_all_other_sessions_end_at_once(alone: Alone) -> None:
    first, second = alone.join(), alone.browser()
    alone.ask(second)
    second.post(alone.link())
    assert second.post("/you/sessions/end-others").status_code == 303
    assert (first.get("/").status_code, second.get("/").status_code) == (401, 200)


def test_signing_out_ends_the_session_and_not_only_the_cookie(alone: Alone) -> None:
    browser = alone.join()
    cookie = browser.get_cookie(SESSION)
    assert cookie is not None
    answer = browser.post("/you/sign-out")
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert browser.get("/").status_code == 401
    browser.set_cookie(SESSION, cookie.value)
    assert browser.get("/").status_code == 401


def test_a_session_ends_with_the_working_day(alone: Alone, clock: Clock) -> None:
    browser = alone.join()
    clock.forward(hours=11, minutes=59)
    assert browser.get("/").status_code == 200
    clock.forward(minutes=2)
    assert browser.get("/").status_code == 401


def test_somebody_who_is_removed_is_out_at_once(alone: Alone) -> None:
    browser, owner = alone.join(), alone.owner()
    alone.ask(browser)
    link = alone.link()
    number = re.search(r'action="/people/(\d+)/remove', flat(owner.fetch("/people").text).partition(ANNA)[2])
    assert number is not None
    path = f"/people/{number[1]}/remove"
    asked = owner.fetch(path, "POST")
    assert (asked.status_code, mistakes(asked.text)) == (200, [])
    assert "Remove anna@shop.example?" in asked.text
    assert "1 session ends." in asked.text.replace("\u00a0", " ")
    assert browser.get("/").status_code == 200, "nothing has happened yet"
    assert owner.fetch(path, "POST", sure="yes").status_code == 303
    assert browser.get("/").status_code == 401
    assert browser.post(link).status_code == 400, "a link that was on its way"
    before = len(alone.box.taken)
    alone.ask(browser)
    alone.mailer.round()
    assert len(alone.box.taken) == before
    assert alone.lines()[-1] == ("1", "owner", "staff.remove")
    back = alone.invite()
    assert browser.post(back).status_code == 303, "the owner may think again"


def test_a_session_of_one_person_ends_no_other_s(alone: Alone, above: Superuser) -> None:
    anna, mona = alone.join(), alone.join("mona@shop.example", "read_only")
    sessions: Any = above.run(
        "SELECT s.session_id FROM staff_sessions s JOIN staff t USING (shop_id, staff_id) WHERE t.email = %s", ANNA
    )
    assert mona.post(f"/you/sessions/{sessions[0][0]}/end").location == "/you?changed=not"
    assert anna.get("/").status_code == 200


def test_a_stolen_cookie_of_another_shop_opens_nothing(alone: Alone) -> None:
    browser = alone.join()
    cookie = browser.get_cookie(SESSION)
    assert cookie is not None
    other = alone.house.open_shop("The Shop Next Door")
    forged = cookie.value.replace(f"{alone.shop.shop_id}~", f"{other.shop_id}~", 1)
    thief = alone.browser()
    thief.set_cookie(SESSION, forged)
    assert thief.get("/").status_code == 401


# --- without e-mail


def test_without_a_mail_server_the_pages_say_so_and_the_owner_passes_the_link_on(house: House, shop: Shop) -> None:
    page = house.app.test_client().get("/sign-in")
    assert (page.status_code, mistakes(page.text)) == (200, [])
    assert "This installation sends no e-mails" in page.text
    assert "set SMTP_URL and MAIL_FROM" in page.text
    assert 'name="email"' not in page.text
    assert house.app.test_client().post("/sign-in/link", data={"email": ANNA}).status_code == 400
    owner = Merchant(house.app.test_client(), shop, "1")
    answer = owner.fetch("/people/invite", "POST", email=ANNA, role="manager")
    found = _LINK.search(answer.text.replace("</code>", " "))
    assert found is not None
    assert house.app.test_client().post(found[1]).status_code == 303
    assert found[1] not in owner.fetch("/people").text, "it is shown once"


# --- from the command line


def printed(house: House, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    known = read(
        {"PERENNIAL_URL": APP_URL, "PERENNIAL_SEAL_KEYS": Fernet.generate_key().decode(), "WOOCOMMERCE": "yes"}
    )
    found = cli.main(
        ["signin-link", *arguments], {}, lambda _: SimpleNamespace(settings=known, database=house.database), Path()
    )
    said = capsys.readouterr()
    return found, said.out + said.err


def test_whoever_runs_the_machine_prints_a_link_for_somebody_of_the_staff(
    alone: Alone, capsys: pytest.CaptureFixture[str], clock: Clock
) -> None:
    alone.join()
    status, said = printed(alone.house, capsys, "--shop", alone.shop.domain, "--email", ANNA)
    assert (status, "Open this within 15 minutes" in said) == (0, True)
    found = _LINK.search(said)
    assert found is not None
    browser = alone.browser()
    assert browser.get(found[1]).status_code == 200, "in any browser"
    assert browser.post(found[1]).status_code == 303
    assert alone.browser().post(found[1]).status_code == 400, "once"
    assert alone.lines()[-2:] == [(ANNA, "manager", "link_printed"), (ANNA, "manager", "signed_in")]


def test_the_first_owner_of_a_shop_may_come_by_a_printed_link(alone: Alone, capsys: pytest.CaptureFixture[str]) -> None:
    status, said = printed(alone.house, capsys, "--shop", alone.shop.domain.upper(), "--email", "Me@Shop.example")
    assert (status, "say --role" in said) == (2, True)
    status, said = printed(
        alone.house, capsys, "--shop", alone.shop.domain, "--email", "Me@Shop.example", "--role", "owner"
    )
    found = _LINK.search(said)
    assert found is not None
    browser = alone.browser()
    browser.post(found[1])
    page = browser.get("/you").text
    assert "Your role: Owner." in page
    assert "me@shop.example" in page


@pytest.mark.parametrize(
    "shop, email, says",
    [("nobody.example", ANNA, "no shop that is connected"), ("", "no address", "not an e-mail address")],
)
def test_a_link_for_nobody_is_not_printed(
    alone: Alone, capsys: pytest.CaptureFixture[str], shop: str, email: str, says: str
) -> None:
    status, said = printed(alone.house, capsys, "--shop", shop or alone.shop.domain, "--email", email)
    assert (status, says in said) == (2, True)
    assert "http" not in said
