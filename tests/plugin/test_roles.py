"""Roles: each deed of the pages needs one, nobody does more than theirs allows, and the log says who did what."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask import current_app, g
from sqlalchemy import text
from werkzeug.routing import Rule

from engine import audit, staff
from engine.shops import Shop
from engine.staff import Role
from engine.work import Database
from plugin import deeds
from plugin.admin import menu
from plugin.deeds import DEEDS, MANAGER, OWNER, READ_ONLY, SUPPORT
from plugin.rounds import rounds
from plugin.session import merchant_only
from tests.ground import Clock, Superuser
from tests.plugin.conftest import House, Merchant, order, person
from tests.plugin.markup import flat, mistakes
from tests.plugin.test_value import FORM as VALUE

# With themselves, everybody may do these.
OWN = {
    "you.rename", "you.add_passkey", "you.remove_passkey", "you.end_session", "you.end_others", "you.sign_out",
}  # fmt: skip
_NOTE = text("INSERT INTO notes (shop_id, noted_at, said) VALUES (:shop_id, :now, 'probe')")

Staff = Callable[[Role], Merchant]


@pytest.fixture
def of_role(house: House, shop: Shop, merchant: Merchant) -> Staff:
    """Somebody of the shop with that role; an owner is there before them."""
    assert merchant.open("/").status_code == 200

    def come(role: Role) -> Merchant:
        someone = Merchant(house.app.test_client(), shop, f"9{list(Role).index(role)}")
        with house.database.work(shop.shop_id) as work:
            staff.set_role(work, staff.arrive(work, someone.user).staff_id, role)
        return someone

    return come


def posts(house: House) -> Mapping[str, Rule]:
    """What merchants' pages post, by endpoint."""
    return {
        rule.endpoint: rule
        for rule in house.app.url_map.iter_rules()
        if "POST" in (rule.methods or ())
        and getattr(house.app.view_functions[rule.endpoint], "owner", "") == "merchant"
    }


def path_of(rule: Rule) -> str:
    """An address of that rule: the shape counts, nothing of that number has to be there."""
    built = rule.build({name: _sample(rule, name) for name in rule.arguments}, append_unknown=False)
    assert built is not None
    return str(built[1])


def _sample(rule: Rule, name: str) -> Any:
    return 1 if type(rule._converters[name]).__name__ == "IntegerConverter" else "yes"


def lines(house: House, shop: Shop) -> list[audit.Line]:
    with house.database.work(shop.shop_id) as work:
        return list(audit.page(work)[0])


# --- every deed


def test_every_deed_of_the_pages_needs_a_role_and_no_line_is_left_over(house: House) -> None:
    assert set(posts(house)) == set(DEEDS)
    assert {endpoint for endpoint, deed in DEEDS.items() if deed.least == READ_ONLY} == OWN


def test_who_only_reads_is_refused_every_deed_and_told_who_can(house: House, shop: Shop, of_role: Staff) -> None:
    reader, before = of_role(READ_ONLY), len(lines(house, shop))
    for endpoint, rule in posts(house).items():
        if endpoint in OWN:
            continue
        answer = reader.fetch(path_of(rule), "POST", sure="yes")
        assert answer.status_code == 403, endpoint
        assert mistakes(answer.text) == [], endpoint
        assert re.search("Your role here is “Read-only”. Only (an owner|owners)", answer.text), endpoint
        assert f"frame-ancestors https://{shop.domain}" in answer.headers["Content-Security-Policy"]
    assert len(lines(house, shop)) == before


@pytest.mark.parametrize("role", [OWNER, MANAGER, SUPPORT, READ_ONLY])
def test_each_role_is_refused_exactly_what_the_table_says(house: House, of_role: Staff, role: Role) -> None:
    someone = of_role(role)
    for endpoint, rule in posts(house).items():
        if endpoint == "you.sign_out" or role.covers(DEEDS[endpoint].least):
            continue
        assert someone.fetch(path_of(rule), "POST").status_code == 403, endpoint
    refused = {e for e, deed in DEEDS.items() if not role.covers(deed.least)}
    assert refused == {e for e in DEEDS if not deeds.may(role, e)}


def test_every_deed_that_writes_leaves_one_line_in_the_log(
    house: House, shop: Shop, merchant: Merchant, clock: Clock
) -> None:
    """Each route's own admission, with a view that writes something: no view has to think of the log."""

    def probe(**_: Any) -> str:
        for _again in range(2):
            with current_app.extensions["doors"].database.work(g.merchant.shop.shop_id) as work:
                work.run(_NOTE, now=work.now)
        return "done"

    rules = posts(house)
    for endpoint in rules:
        house.app.view_functions[endpoint] = merchant_only(probe)
    for endpoint, rule in rules.items():
        assert merchant.fetch(path_of(rule), "POST").text == "done", endpoint
        newest = lines(house, shop)[0]
        assert (newest.what, newest.who, newest.role, newest.at) == (endpoint, "42", "owner", clock()), endpoint
        assert set(newest.about) == set(rule.arguments)
    with house.database.work(shop.shop_id) as work:
        assert work.rows(text("SELECT count(*) AS many FROM audit WHERE shop_id = :shop_id"))[0].many == len(rules)


def test_what_was_refused_or_only_looked_at_leaves_no_line(house: House, shop: Shop, merchant: Merchant) -> None:
    merchant.open("/customers")
    assert merchant.fetch("/api-keys", "POST", name="", scope="read").status_code == 422
    assert merchant.fetch("/api-keys/77/revoke", "POST", sure="yes").status_code == 303, "there is none of that number"
    assert lines(house, shop) == []


def test_a_line_says_of_what_it_was_and_never_a_secret(house: House, shop: Shop, merchant: Merchant) -> None:
    made = merchant.fetch("/api-keys", "POST", name="The till", scope="read").text
    secret = re.search(r"pk_\S+?(?=<)", made)
    assert secret is not None
    (key,) = lines(house, shop)
    assert key.what == "keys.make"
    assert secret[0] not in str(key)
    assert merchant.fetch("/value", "POST", **VALUE).status_code == 303
    assert lines(house, shop)[0].about == {"terms": "value", "before": 0, "after": 1}


def test_a_line_is_never_changed(database: Database, house: House, shop: Shop, merchant: Merchant) -> None:
    merchant.fetch("/people/newcomers", "POST", role="support")
    with pytest.raises(Exception, match="permission denied"):
        _change_the_log(database, shop)
    assert [line.who for line in lines(house, shop)] == ["42"]


def _change_the_log(database: Database, shop: Shop) -> None:
    with database.work(shop.shop_id) as work:
        work.run(text("UPDATE audit SET who = 'nobody' WHERE shop_id = :shop_id"))


def test_lines_are_kept_for_four_hundred_days(house: House, shop: Shop, merchant: Merchant, clock: Clock) -> None:
    merchant.fetch("/people/newcomers", "POST", role="support")
    (forget,) = [job for job in rounds("https://x.example") if job.name == "forget touches and announcements"]
    assert forget.inside is not None
    for days, left in ((400, 1), (1, 0)):
        clock.forward(days=days)
        with house.database.work(shop.shop_id) as work:
            forget.inside(work)
        assert len(lines(house, shop)) == left


# --- pages


def test_pages_leave_out_what_their_reader_may_not_do(house: House, shop: Shop, of_role: Staff) -> None:
    at = house.clock.now - timedelta(days=40)
    house.settle(shop, order(1, person("7", at), at))
    reader = of_role(READ_ONLY)
    adapter = house.app.url_map.bind("localhost")
    for page in (page.endpoint for place in menu.PLACES for page in place.pages if not page.needs):
        answer = reader.open(adapter.build(page))
        assert answer.status_code == 200, page
        assert mistakes(answer.text) == [], page
        for action in re.findall(r'<form[^>]*method="post"[^>]*action="([^"?]*)', answer.text):
            endpoint, _ = adapter.match(action, method="POST")
            assert endpoint in OWN, f"{page} offers {endpoint} to somebody who may only read"


def test_a_customer_s_page_offers_help_to_support_and_nothing_to_a_reader(
    house: House, shop: Shop, of_role: Staff
) -> None:
    at = house.clock.now - timedelta(days=40)
    house.settle(shop, order(1, person("7", at), at))
    path = f"/customers/{house.customer_id(shop, '7')}"
    assert 'method="post"' not in of_role(READ_ONLY).open(path).text
    assert of_role(SUPPORT).open(path).status_code == 200


def test_only_an_owner_takes_a_customer_s_data_out(of_role: Staff) -> None:
    assert of_role(MANAGER).open("/privacy/exports/11").status_code == 403
    assert of_role(OWNER).open("/privacy/exports/11").status_code == 404


def test_the_log_s_page_shows_who_changed_what_page_by_page(house: House, shop: Shop, merchant: Merchant) -> None:
    assert "No changes" in merchant.open("/activity/audit").text
    merchant.fetch("/you/name", "POST", name="Ada <b>")
    with house.database.work(shop.shop_id) as work:
        for number in range(1, audit.PAGE + 2):
            about = {"customer_id": number, "before": "silver", "after": None}
            audit.write(work, 7, "Mona", "support", "standing.set_tier", **about)
    page = merchant.open("/activity/audit")
    assert (page.status_code, mistakes(page.text)) == (200, [])
    assert page.text.count('<tr><th scope="row">Set a customer&#39;s tier by hand') == audit.PAGE
    assert f"/customers/{audit.PAGE + 1}?" in page.text
    assert "before: silver" in page.text
    older = re.search(r'href="(/activity/audit\?[^"]*after=\d+[^"]*)"', page.text)
    assert older is not None
    last = merchant.fetch(older[1].replace("&amp;", "&"))
    assert "Changed their own name" in last.text
    assert "<bdi>Ada" not in last.text, "they were called otherwise then"
    assert "User 42" in last.text
    with house.database.work(shop.shop_id) as work:
        me = staff.arrive(work, "42")
    assert me.name == "Ada <b>"
    mine = merchant.open(f"/activity/audit?who={me.staff_id}").text
    assert mine.count('<tr><th scope="row">') == 1
    assert merchant.open("/activity/audit?what=standing.set_tier&who=1").text.count('<tr><th scope="row">') == 0
    for strange in ("?who=x", "?who=99999999999999999999", "?what=%27%3B", "?after=-1"):
        assert merchant.open(f"/activity/audit{strange}").status_code == 200


# --- people


def test_the_first_who_opens_is_the_owner_and_later_ones_get_the_newcomers_role(
    house: House, shop: Shop, merchant: Merchant
) -> None:
    assert "Your role: Owner." in merchant.open("/you").text
    second = Merchant(house.app.test_client(), shop, "43")
    assert "Your role: Manager." in second.open("/you").text
    assert merchant.fetch("/people/newcomers", "POST", role="read_only").status_code == 303
    assert "Your role: Read-only." in Merchant(house.app.test_client(), shop, "44").open("/you").text
    assert "Your role: Manager." in second.open("/you").text, "who is here already keeps theirs"
    assert merchant.fetch("/people/newcomers", "POST", role="owner").status_code == 400
    assert [(line.about["before"], line.about["after"]) for line in lines(house, shop)] == [("manager", "read_only")]


def test_a_role_is_changed_from_that_moment_on(house: House, shop: Shop, merchant: Merchant) -> None:
    merchant.open("/")
    second = Merchant(house.app.test_client(), shop, "43")
    second.open("/")
    with house.database.work(shop.shop_id) as work:
        number = staff.arrive(work, "43").staff_id
    assert merchant.fetch(f"/people/{number}/role", "POST", role="support").status_code == 303
    assert second.fetch("/people/newcomers", "POST", role="support").status_code == 403
    assert merchant.fetch(f"/people/{number}/role", "POST", role="god").status_code == 400
    assert merchant.fetch("/people/999999/role", "POST", role="support").status_code == 422
    assert lines(house, shop)[0].about == {
        "staff_id": number, "person": "43", "before": "manager", "after": "support"
    }  # fmt: skip


def test_the_last_owner_stays_one(house: House, shop: Shop, merchant: Merchant) -> None:
    merchant.open("/")
    with house.database.work(shop.shop_id) as work:
        me = staff.arrive(work, "42").staff_id
        staff.invite(work, "heir@shop.example", OWNER)
    for path, form in ((f"/people/{me}/role", {"role": "manager"}), (f"/people/{me}/remove", {"sure": "yes"})):
        answer = merchant.fetch(path, "POST", **form)
        assert answer.status_code == 422
        assert "this is the only one" in answer.text, "who was invited and has not come is none yet"
    assert lines(house, shop) == []
    Merchant(house.app.test_client(), shop, "43").open("/")
    with house.database.work(shop.shop_id) as work:
        heir = staff.arrive(work, "43").staff_id
    assert merchant.fetch(f"/people/{heir}/role", "POST", role="owner").status_code == 303
    assert merchant.fetch(f"/people/{me}/role", "POST", role="manager").status_code == 303
    assert merchant.fetch(f"/people/{heir}/role", "POST", role="manager").status_code == 403


def test_whom_the_owner_removed_the_platform_does_not_bring_back(house: House, shop: Shop, merchant: Merchant) -> None:
    merchant.open("/")
    second = Merchant(house.app.test_client(), shop, "43")
    second.open("/")
    with house.database.work(shop.shop_id) as work:
        number = staff.arrive(work, "43").staff_id
    merchant.fetch(f"/people/{number}/remove", "POST", sure="yes")
    for _ in range(2):
        answer = second.open("/")
        assert answer.status_code == 403
        assert "You no longer have access" in answer.text
    page = flat(merchant.open("/people").text)
    assert "Let in again" in page
    merchant.fetch(f"/people/{number}/role", "POST", role="read_only")
    assert "Your role: Read-only." in second.open("/you").text


def test_the_same_person_in_the_shop_next_door_is_somebody_else(
    house: House, shop: Shop, next_door: Shop, merchant: Merchant
) -> None:
    merchant.open("/")
    Merchant(house.app.test_client(), shop, "43").open("/")
    there = Merchant(house.app.test_client(), next_door, "43")
    assert "Your role: Owner." in there.open("/you").text
    with house.database.work(shop.shop_id) as work:
        number = staff.arrive(work, "43").staff_id
    assert there.fetch(f"/people/{number}/role", "POST", role="owner").status_code == 422
    assert there.fetch(f"/people/{number}/remove", "POST", sure="yes").status_code == 422


@pytest.mark.parametrize("name", ["", "Ada Lovelace", "آدا", "x" * 60])
def test_one_says_one_s_own_name(house: House, shop: Shop, merchant: Merchant, name: str) -> None:
    assert merchant.fetch("/you/name", "POST", name=name).status_code == 303
    with house.database.work(shop.shop_id) as work:
        assert staff.arrive(work, "42").name == name


@pytest.mark.parametrize("name", ["x" * 61, "a\u202eb", "a\x07b"])
def test_a_name_that_is_none_stays_in_the_field(merchant: Merchant, name: str) -> None:
    answer = merchant.fetch("/you/name", "POST", name=name)
    assert answer.status_code == 422
    assert 'aria-invalid="true" aria-describedby="refusal"' in answer.text


def test_inside_the_frame_nothing_is_said_of_passkeys_and_sessions(merchant: Merchant) -> None:
    page = merchant.open("/you").text
    assert mistakes(page) == []
    assert "asskey" not in page
    assert "Sign out" not in page
    assert merchant.open("/you/passkeys/new").status_code == 404


@pytest.mark.races
def test_two_who_open_at_once_are_one_owner_and_one_manager(database: Database, shop: Shop, above: Superuser) -> None:
    import threading

    ready, roles = threading.Barrier(2), list[str]()

    def come(user: str) -> None:
        ready.wait()
        with database.work(shop.shop_id) as work:
            roles.append(staff.arrive(work, user).role)

    both = [threading.Thread(target=come, args=(user,)) for user in ("1", "2")]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert sorted(roles) == ["manager", "owner"]


@pytest.mark.races
def test_two_owners_who_remove_each_other_at_once_leave_one(database: Database, shop: Shop) -> None:
    import threading

    with database.work(shop.shop_id) as work:
        both = [staff.arrive(work, user).staff_id for user in ("1", "2")]
        staff.set_role(work, both[1], OWNER)
    ready, refused = threading.Barrier(2), list[type]()

    def remove(number: int) -> None:
        ready.wait()
        try:
            with database.work(shop.shop_id) as work:
                staff.remove(work, number)
        except staff.LastOwner as no:
            refused.append(type(no))

    threads = [threading.Thread(target=remove, args=(number,)) for number in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [staff.LastOwner]
    with database.work(shop.shop_id) as work:
        assert [p.role for p in staff.people(work) if p.removed_at is None] == [OWNER]
