"""The program's e-mails from the order to a mail server's box, the merchant's page of them, and the way out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from cryptography.fernet import Fernet

import loyalty
from campaigns import mailings
from campaigns.mailings import Due, Kind, Mailings, Words
from commerce.events import CustomerFact
from commerce.ids import CustomerId
from commerce.letters import Letter
from connectors.smtp import Post
from engine import companions, elsewhere, facts, mail
from engine.mail import Mailer
from engine.shops import Seal, Shop
from engine.work import Database, refuse_in_transaction
from loyalty.tidings import Account
from plugin import mailings as letters
from plugin.rounds import rounds
from tests.ground import Clock, Superuser
from tests.plugin.conftest import APP_URL, House, Merchant, build, order, person
from tests.plugin.markup import flat, mistakes
from tests.postbox import Postbox, postbox

SENDER = "Perennial <hello@perennial.example>"
PAGE = "https://shop.example/points"
FORM = {"weekly": "2", "language": "en", "page": "", "version": "0"}


@dataclass(frozen=True)
class Desk:
    """A house that sends e-mails, one shop of it, and the box where they arrive."""

    house: House
    shop: Shop
    box: Postbox
    mailer: Mailer
    seal: Seal

    def work(self) -> Any:
        return self.house.database.work(self.shop.shop_id)

    def switch_on(self, *kinds: Kind, **more: Any) -> None:
        with self.work() as work:
            words = {kind: Words(on=True) for kind in kinds}
            mailings.state(work, Mailings(**{"words": words, **more}), mailings.Stated.of(work).version)

    def meet(self, external_id: str = "7", **changed: Any) -> None:
        """Somebody buys for the first time, after accepting the store's newsletter; the clock goes on by a minute."""
        self.house.clock.forward(seconds=30)
        at = self.house.clock.now
        self.house.clock.forward(seconds=30)
        self.house.settle(self.shop, order(int(external_id), person(external_id, at, **changed), at, 10_000))

    def accepts(self, external_id: str = "7", language: str = "") -> None:
        with self.work() as work:
            said = [CustomerFact(external_id, "consent:email", "subscribed", work.now)]
            said += [CustomerFact(external_id, "language", language, work.now)] if language else []
            facts.record(work, said)

    def minute(self) -> int:
        """What the clock of a worker does, and then its mailer; answers how many e-mails were tried."""
        for job in rounds(APP_URL, self.seal):
            if job.name in ("note mailings", "write mailings"):
                assert job.inside is not None
                with self.work() as work:
                    job.inside(work)
        tried = 0
        while found := self.mailer.round():
            tried += found
        return tried


@pytest.fixture
def desk(database: Database, clock: Clock) -> Iterator[Desk]:
    with postbox() as box:
        house, seal = build(database, clock, mails=True), Seal([Fernet.generate_key().decode()])
        mailer = Mailer(database, seal, Post(box.url, SENDER, clock, refuse_in_transaction))
        yield Desk(house, house.open_shop(), box, mailer, seal)


def due_of(kind: Kind, shop: Shop, **changed: Any) -> Due:
    at = datetime(2026, 3, 22, 23, tzinfo=UTC)
    reward = loyalty.Reward("five-off", "5.00 off", 100)
    account = Account(120, 30, [(at, 1234)], [reward], "gold", "Gold")
    given: dict[str, Any] = {
        "customer_id": CustomerId(1), "kind": kind, "email": "ada@example.com", "first_name": "Ada", "account": account,
        "facts": {"tier": "gold", "up": True, "until_then": "Silver", "points": 50}, "many": 1, "points": 50,
        "language": "",
    }  # fmt: skip
    return Due(**(given | changed))


def written(shop: Shop, kind: Kind = Kind.POINTS, chosen: Mailings | None = None, **changed: Any) -> Letter:
    return letters.letter(due_of(kind, shop, **changed), chosen or Mailings(), shop, f"{APP_URL}/u/1/1/key", PAGE)


def parts(box: Postbox, number: int = -1) -> tuple[str, str]:
    """The plain text and the HTML of an e-mail."""
    plain, html = box.taken[number][1].iter_parts()
    return plain.get_content(), html.get_content()


# --- from an order to the box


def test_an_order_ends_in_one_e_mail_with_a_way_out(desk: Desk) -> None:
    desk.switch_on(Kind.POINTS)
    desk.accepts()
    desk.meet(first_name="Ada")
    assert desk.minute() == 1
    assert desk.minute() == 0
    ((to, said),) = desk.box.taken
    assert to == "ada7@example.com"
    assert said["Subject"] == "You have earned 100 points at The Little Shop"
    assert said["From"] == "The Little Shop <hello@perennial.example>"
    assert said["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    way_out = said["List-Unsubscribe"].strip("<>")
    assert way_out.startswith(f"{APP_URL}/u/{desk.shop.shop_id}/")
    plain, html = parts(desk.box)
    assert "You can spend" not in plain
    assert "100\u00a0points can be spent once their waiting time is over." in plain
    assert f"https://{desk.shop.domain}/apps/perennial" in plain
    assert way_out in plain
    assert way_out.replace("&", "&amp;") in html


def test_whoever_chose_a_language_is_written_to_in_it_and_others_in_the_shop_s(desk: Desk) -> None:
    desk.switch_on(Kind.POINTS, language="ro")
    desk.accepts("7", "fa")
    desk.accepts("8")
    for who in ("7", "8"):
        desk.meet(who, first_name=None)
    desk.minute()
    said = dict(desk.box.taken)
    assert "امتیاز" in said["ada7@example.com"]["Subject"]
    assert "puncte" in said["ada8@example.com"]["Subject"]


def test_a_mail_server_that_is_away_is_asked_again_and_the_mail_comes_once(desk: Desk) -> None:
    desk.switch_on(Kind.POINTS)
    desk.accepts()
    desk.meet()
    desk.box.refusals["RCPT"] = ["451 later", "451 later"]
    desk.minute()
    assert desk.box.taken == []
    for _ in range(3):
        desk.house.clock.forward(minutes=2)
        desk.minute()
    assert [to for to, _ in desk.box.taken] == ["ada7@example.com"]


def test_a_worker_that_dies_after_sending_sends_the_same_mail_under_the_same_name(desk: Desk) -> None:
    desk.switch_on(Kind.POINTS)
    desk.accepts()
    desk.meet()
    with desk.work() as work:
        mailings.note_due(work)
        letters.write_due(work, desk.seal, APP_URL)

    class Dies(Exception):
        pass

    class Mortal:
        @contextmanager
        def talk(self) -> Iterator[Mortal]:
            with Post(desk.box.url, SENDER, desk.house.clock, refuse_in_transaction).talk() as talk:
                self._talk = talk
                yield self

        def send(self, letter: Letter, number: str) -> None:
            self._talk.send(letter, number)
            raise Dies

    with pytest.raises(Dies):
        Mailer(desk.house.database, desk.seal, Mortal()).round()
    desk.house.clock.forward(minutes=11)
    desk.minute()
    names = [said["Message-ID"] for _, said in desk.box.taken]
    assert len(names) == 2
    assert len(set(names)) == 1


def test_what_is_killed_while_it_is_written_is_written_once(desk: Desk, above: Superuser) -> None:
    desk.switch_on(Kind.POINTS)
    desk.accepts()
    desk.meet()

    def dies() -> None:
        with desk.work() as work:
            mailings.note_due(work)
            assert letters.write_due(work, desk.seal, APP_URL) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dies()
    assert above.one("SELECT count(*) FROM mails WHERE shop_id = %s", desk.shop.shop_id) == 0
    assert desk.minute() == 1
    assert desk.minute() == 0
    assert len(desk.box.taken) == 1


def test_what_the_server_does_not_take_until_evening_is_not_sent_by_night(desk: Desk, above: Superuser) -> None:
    desk.switch_on(Kind.POINTS)
    desk.accepts()
    desk.house.clock.now = datetime(2026, 3, 2, 19, 58, tzinfo=UTC)  # 20:58 in Berlin
    desk.meet()
    desk.box.refusals["RCPT"] = ["451 later"]
    desk.minute()
    desk.house.clock.forward(minutes=10)
    desk.minute()
    assert desk.box.taken == []
    assert above.one("SELECT reason FROM mails WHERE shop_id = %s", desk.shop.shop_id) == "it could not be sent in time"


def test_no_more_are_put_on_their_way_than_the_server_takes(desk: Desk, above: Superuser, monkeypatch: Any) -> None:
    monkeypatch.setattr(letters, "MOST_WAITING", 2)
    desk.switch_on(Kind.POINTS)
    for who in ("7", "8", "9"):
        desk.accepts(who)
        desk.meet(who)
    desk.box.refusals["RCPT"] = ["451 later"] * 2
    desk.minute()
    waiting = "SELECT count(*) FROM mails WHERE shop_id = %s AND sent_at IS NULL"
    assert above.one(waiting, desk.shop.shop_id) == 2
    desk.minute()
    assert above.one("SELECT count(*) FROM mails WHERE shop_id = %s", desk.shop.shop_id) == 2
    desk.house.clock.forward(minutes=1)
    desk.minute()
    desk.minute()
    assert sorted(to for to, _ in desk.box.taken) == [f"ada{who}@example.com" for who in (7, 8, 9)]


def test_whoever_waits_for_a_link_to_sign_in_is_not_kept_behind_them(desk: Desk) -> None:
    desk.switch_on(Kind.POINTS)
    for who in ("7", "8"):
        desk.accepts(who)
        desk.meet(who)
    with desk.work() as work:
        mailings.note_due(work)
        letters.write_due(work, desk.seal, APP_URL)
        mail.put(work, desk.seal, "sign_in", Letter("anna@shop.example", "Sign in", "A link"))
    desk.mailer.round()
    assert desk.box.taken[0][0] == "anna@shop.example"


def test_an_address_that_is_none_is_counted_and_stops_nobody_else(desk: Desk) -> None:
    desk.switch_on(Kind.POINTS)
    for who, address in (("7", "two words@example.com"), ("8", "x@y.example\r\nBcc: all@evil.example"), ("9", "")):
        desk.accepts(who)
        desk.meet(who, **({"email": address} if address else {}))
    desk.minute()
    assert [to for to, _ in desk.box.taken] == ["ada9@example.com"]
    with desk.work() as work:
        found = mailings.figures(work)[Kind.POINTS]
    assert (found.sent, found.refused) == (1, {"no_address": 2})


# --- what they say


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("language", ["en", "fa", "ar", "ro"])
def test_every_e_mail_is_whole_in_every_language(desk: Desk, kind: Kind, language: str) -> None:
    said = written(desk.shop, kind, Mailings(language=language))
    rtl = language in ("fa", "ar")
    assert f'<html lang="{language}" dir="{"rtl" if rtl else "ltr"}">' in said.html
    assert "%(" not in said.subject + said.text + said.html
    assert well_formed(said.html) == []
    assert re.findall(r"(?:src|srcset|background|@import|url)\s*[=(]", said.html) == [], (
        "nothing is asked for from elsewhere"
    )
    assert "<img" not in said.html
    assert "Ada" in said.text
    if language != "en":
        assert said.subject != written(desk.shop, kind).subject
    for digit in "0123456789" if rtl and language == "fa" else "":
        assert digit not in re.sub(r"https?://\S+", "", said.text).replace("5.00 off", ""), "Persian digits in Persian"


class _Elements(HTMLParser):
    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open, self.wrong = list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table" and dict(attrs).get("role") != "presentation":
            self.wrong.append("a table that is read as one")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes something else")


def well_formed(html: str) -> list[str]:
    reader = _Elements()
    reader.feed(html)
    return [*reader.wrong, *reader.open]


def test_a_persian_e_mail_has_persian_digits_and_the_persian_calendar(desk: Desk) -> None:
    said = written(desk.shop, Kind.EXPIRING, Mailings(language="fa"))
    # The instant is the beginning of 23 March in Berlin: the last day is the 22nd, 2 Farvardin 1405.
    assert "۲ فروردین ۱۴۰۵" in said.subject
    assert "۱٬۲۳۴" in said.subject
    assert 'dir="rtl"' in said.html


def test_names_and_words_cannot_write_headers_or_elements(desk: Desk) -> None:
    evil = Account(120, 0, [], [loyalty.Reward("r", "5 off\r\nBcc: all@evil.example", 100)], "gold", "<b>Gold</b>")
    said = written(desk.shop, Kind.REWARD, first_name="<script>Ada</script>\r\nTo: x@y.example", account=evil)
    assert said.subject == "Your points are enough for: 5 off Bcc: all@evil.example"
    assert "<script>" not in said.html
    assert "&lt;script&gt;Ada" in said.html
    message = Post("smtp://m.example", SENDER, desk.house.clock).message(said, "1")
    assert message["To"] == "ada@example.com"
    assert message["Bcc"] is None
    assert "<b>Gold" not in written(desk.shop, Kind.TIER, account=evil).html


def test_what_was_typed_in_latin_letters_stands_by_itself_in_a_persian_sentence(desk: Desk) -> None:
    said = written(desk.shop, Kind.REWARD, Mailings(language="fa"))
    assert "\u20685.00 off\u2069" in said.text
    assert "\u20685.00 off\u2069" in said.html
    assert "\u2068" not in said.subject
    assert "\u2068" not in written(desk.shop, Kind.REWARD).text


def test_the_merchant_s_subject_and_line_stand_in_theirs(desk: Desk) -> None:
    chosen = Mailings({Kind.POINTS: Words(True, "Fresh points & more", "See you <soon>.")})
    said = written(desk.shop, Kind.POINTS, chosen)
    assert said.subject == "Fresh points & more"
    assert "See you <soon>." in said.text
    assert "See you &lt;soon&gt;." in said.html


# --- where it leads


def leads_to(desk: Desk, external_id: str) -> str:
    """Where the button of a new e-mail leads, in both of its forms."""
    desk.accepts(external_id)
    desk.meet(external_id)
    assert desk.minute() == 1
    plain, html = parts(desk.box)
    (button,) = re.findall(r'href="([^"]+)"[^>]*>See your points<', html)
    assert f"See your points:\n{button}\n" in plain.replace("\r", "")
    return str(button)


def test_an_e_mail_leads_to_the_points_of_the_shop_s_own_pages_or_where_the_merchant_says(desk: Desk) -> None:
    desk.switch_on(Kind.POINTS)
    assert leads_to(desk, "7") == f"https://{desk.shop.domain}/apps/perennial"
    desk.switch_on(Kind.POINTS, page="https://shop.example/fa/points")
    assert leads_to(desk, "8") == "https://shop.example/fa/points"


def test_an_e_mail_of_a_woocommerce_shop_leads_to_its_accounts_else_behind_its_door(
    desk: Desk, above: Superuser
) -> None:
    above.run("UPDATE shops SET platform = 'woocommerce', domain = 'shop.example/fa' WHERE shop_id = %s",
              desk.shop.shop_id)  # fmt: skip
    desk.switch_on(Kind.POINTS)
    with desk.work() as work:
        door = elsewhere.of_shop(work).door
    assert leads_to(desk, "7") == f"{APP_URL}/s/{door}/"
    assert desk.house.app.test_client().get(f"/s/{door}/", base_url=APP_URL).status_code == 200
    with desk.work() as work:
        companions.begin(work, desk.seal)
        companions.note_page(work, "https://shop.example/fa/my-account/perennial-points/")
    assert leads_to(desk, "8") == f"{APP_URL}/s/{door}/", "it is not paired yet"
    with desk.work() as work:
        companions.finish(work, desk.seal, "5" * 64, "1.0.0")
    assert leads_to(desk, "9") == "https://shop.example/fa/my-account/perennial-points/"
    with desk.work() as work:
        companions.note_page(work, "")
        elsewhere.close(work)
    assert leads_to(desk, "10") == "https://shop.example/fa", "the plugin was removed, and the door is closed"


def test_the_merchant_sees_where_an_e_mail_leads(house: House, shop: Shop, merchant: Merchant) -> None:
    assert f'placeholder="https://{shop.domain}/apps/perennial"' in merchant.open("/mails").text


def test_a_tier_that_was_left_is_told_kindly(desk: Desk) -> None:
    down = {"tier": "silver", "up": False, "until_then": "Gold"}
    silver = Account(0, 0, [], [], "silver", "Silver")
    nothing = Account(0, 0, [], [], None, "")
    assert written(desk.shop, Kind.TIER, facts=down, account=silver).subject == "You are Silver at The Little Shop now"
    left = written(desk.shop, Kind.TIER, facts=down | {"tier": None}, account=nothing)
    assert left.subject == "Your time as Gold at The Little Shop is over"


# --- the way out


def way_out(desk: Desk) -> str:
    desk.switch_on(Kind.POINTS)
    desk.accepts()
    desk.meet()
    desk.minute()
    return str(desk.box.last["List-Unsubscribe"]).strip("<>").removeprefix(APP_URL)


def ticked(page: str) -> list[tuple[str, bool]]:
    """The kinds that the page shows, and whether each has its tick."""
    found = re.findall(r'name="kind" value="(\w+)"( checked)?', page)
    return [(kind, bool(checked)) for kind, checked in found]


def wanted(desk: Desk) -> bool:
    who = CustomerId(desk.house.customer_id(desk.shop, "7"))
    with desk.work() as work:
        return mailings.choice(work, who)


def test_opening_the_way_out_changes_nothing_and_its_button_does(desk: Desk) -> None:
    path, client = way_out(desk), desk.house.app.test_client()
    for _ in range(3):
        opened = client.get(path)
        assert opened.status_code == 200
        assert mistakes(opened.text) == []
        assert client.head(path).status_code == 200
    assert wanted(desk), "a link scanner has looked"
    ended = client.post(path)
    assert ended.status_code == 200
    assert mistakes(ended.text) == []
    assert "You get none from now on. Your points stay yours." in flat(ended.text)
    assert not wanted(desk)
    again = client.post(path, data={"do": "again"})
    assert "You get e-mails of the points program again." in flat(again.text)
    assert wanted(desk)


def test_one_click_of_a_mail_program_is_enough_and_nothing_is_sent_afterwards(desk: Desk) -> None:
    path, client = way_out(desk), desk.house.app.test_client()
    answer = client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200, "a mail program follows no redirection"
    assert "Set-Cookie" not in answer.headers
    desk.house.clock.forward(days=8)
    desk.meet("8", email="ada7@example.com")
    with desk.work() as work:
        facts.record(work, [CustomerFact("8", "consent:email", "subscribed", work.now)])
    assert desk.minute() == 0
    assert len(desk.box.taken) == 1


def test_a_letter_s_page_ends_its_own_kind_alone_and_says_so(desk: Desk) -> None:
    path, client = way_out(desk), desk.house.app.test_client()
    desk.switch_on(Kind.POINTS, Kind.TIER)
    assert "kind=points" in path
    opened = client.get(path)
    assert "is of this kind: When you have earned points." in flat(opened.text)
    ended = client.post(path, data={"do": "kind"})
    assert (ended.status_code, mistakes(ended.text)) == (200, [])
    assert "From now on you get only what is ticked here." in flat(ended.text)
    assert "is of this kind" not in ended.text, "there is nothing left of it to end"
    assert ticked(ended.text) == [("tier", True), ("points", False)]
    assert wanted(desk), "the others go on"
    desk.house.clock.forward(days=8)
    desk.meet()
    assert desk.minute() == 0
    assert len(desk.box.taken) == 1


def test_the_page_that_follows_one_click_offers_the_kinds_and_gives_back_only_those(desk: Desk) -> None:
    path, client = way_out(desk), desk.house.app.test_client()
    desk.switch_on(Kind.POINTS, Kind.TIER)
    ended = client.post(path, data={"List-Unsubscribe": "One-Click"})
    assert ticked(ended.text) == [("tier", False), ("points", False)]
    assert not wanted(desk)
    asked = {"do": "only", "asked": ["tier", "points"]}
    client.post(path, data=asked)
    assert not wanted(desk), "nothing was ticked: all of them stay ended"
    some = client.post(path, data={**asked, "kind": ["tier"]})
    assert mistakes(some.text) == []
    assert ticked(some.text) == [("tier", True), ("points", False)]
    assert wanted(desk)


def test_links_of_older_letters_and_kinds_that_nobody_knows_end_all_of_them_or_nothing(desk: Desk) -> None:
    path, client = way_out(desk).partition("?")[0], desk.house.app.test_client()
    for odd in ("", "?kind=", "?kind=none", "?kind=%00", "?kind=<b>"):
        opened = client.get(f"{path}{odd}")
        assert (opened.status_code, mistakes(opened.text)) == (200, [])
        assert "is of this kind" not in opened.text
        assert client.post(f"{path}{odd}", data={"do": "kind"}).status_code == 200
        client.post(f"{path}{odd}", data={"do": "only", "asked": ["<b>"], "kind": ["<b>"]})
        assert wanted(desk)
    assert ticked(client.get(path).text) == [("points", True)]
    client.post(path, data={"do": "<b>"})
    assert not wanted(desk)


def test_the_way_out_is_in_the_language_of_the_e_mail(desk: Desk) -> None:
    path = way_out(desk).partition("?")[0]
    client = desk.house.app.test_client()
    assert 'lang="fa" dir="rtl"' in client.get(f"{path}?lang=fa").text
    desk.switch_on(Kind.POINTS, language="ar")
    assert 'lang="ar" dir="rtl"' in client.get(path).text, "the shop's own"


def test_a_way_out_that_is_not_whole_or_another_s_says_nothing_and_does_nothing(desk: Desk) -> None:
    path, client = way_out(desk).partition("?")[0], desk.house.app.test_client()
    _, _, shop, customer, key = path.split("/")
    other = desk.house.open_shop("Next door")
    for wrong in (
        f"/u/{shop}/{int(customer) + 1}/{key}", f"/u/{other.shop_id}/{customer}/{key}",
        f"/u/{shop}/{customer}/{key[:-1]}", f"/u/{shop}/{customer}/{'0' * 32}",
        f"/u/{10**18}/{customer}/{key}", f"/u/{shop}/{10**18}/{key}",
    ):  # fmt: skip
        for answer in (client.get(wrong), client.post(wrong)):
            assert answer.status_code == 404
            assert "This link is not whole" in answer.text
            assert "Little Shop" not in answer.text
    assert wanted(desk)


# --- the merchant's page


@pytest.fixture
def owner(desk: Desk) -> Merchant:
    return Merchant(desk.house.app.test_client(), desk.shop)


def test_every_e_mail_is_off_at_first_and_can_be_looked_at(owner: Merchant) -> None:
    page = owner.open("/mails")
    assert page.status_code == 200
    assert mistakes(page.text) == []
    text = flat(page.text)
    assert text.count(">Off</span>") == 7
    assert ">On</span>" not in text
    assert "Nothing was sent yet" in text
    assert "Your points are enough for: 5.00 USD off" in text.replace("\u00a0", " ")
    saved = owner.open("/mails/welcome/preview.html")
    assert saved.status_code == 200
    assert "attachment" in saved.headers["Content-Disposition"]
    assert well_formed(saved.text) == []
    assert owner.open("/mails/nothing/preview.html").status_code == 404


def test_switching_on_is_asked_for_once_more_and_what_came_of_it_is_shown(desk: Desk, owner: Merchant) -> None:
    asked = owner.fetch("/mails", "POST", **FORM, **{"points-on": "1", "points-line": "See you soon."})
    assert asked.status_code == 200
    assert mistakes(asked.text) == []
    assert "Only what happens from now on is told." in asked.text
    assert ">On</span>" not in owner.open("/mails").text, "nothing is done before somebody has read it"
    done = owner.fetch("/mails", "POST", **FORM, **{"points-on": "1", "points-line": "See you soon.", "sure": "yes"})
    assert done.status_code == 303
    desk.accepts()
    desk.meet()
    desk.meet("8")
    desk.minute()
    assert "See you soon." in parts(desk.box)[0]
    page = owner.open("/mails")
    assert mistakes(page.text) == []
    text = flat(page.text)
    assert text.count(">On</span>") == 1
    assert 'Points earned</th><td class="n">1</td><td class="n">1</td><td class="n">0</td><td class="n">0</td>' in text
    assert "1: have neither joined the program themselves nor accepted your newsletter" in text


def test_what_makes_no_sense_stays_in_the_form_and_names_its_field(owner: Merchant) -> None:
    for wrong, name in (({"weekly": "many"}, "weekly"), ({"language": "xx"}, "language"), ({"page": "nowhere"}, "page"),
                        ({"tier-subject": "x" * 81}, "tier-subject")):  # fmt: skip
        refused = owner.fetch("/mails", "POST", **{**FORM, "friend-line": "kept <here>", **wrong})
        assert refused.status_code == 409
        assert mistakes(refused.text) == []
        assert "Nothing was changed." in refused.text
        assert "kept &lt;here&gt;" in refused.text
        assert re.search(rf'name="{name}"[^>]*aria-invalid="true"', refused.text), name


def test_a_number_may_be_typed_in_persian_digits(owner: Merchant) -> None:
    assert owner.fetch("/mails", "POST", **{**FORM, "weekly": "۳"}).status_code == 303
    assert 'name="weekly" inputmode="numeric" required maxlength="3" size="4" value="3"' in owner.open("/mails").text


def test_a_page_that_is_older_than_the_settings_is_told_so_and_keeps_what_was_typed(owner: Merchant) -> None:
    assert owner.fetch("/mails", "POST", **{**FORM, "weekly": "3"}).status_code == 303
    late = owner.fetch("/mails", "POST", **{**FORM, "weekly": "5", "points-on": "1", "sure": "yes"})
    assert late.status_code == 409
    assert "Somebody else has changed the e-mails meanwhile." in flat(late.text)
    assert 'value="5"' in late.text
    assert 'name="version" value="1"' in late.text
    assert ">On</span>" not in owner.open("/mails").text


def test_previews_show_what_was_typed_and_save_nothing(owner: Merchant) -> None:
    shown = owner.fetch(
        "/mails", "POST", **{**FORM, "do": "preview", "welcome-subject": "Hello <you>", "language": "fa"}
    )
    assert shown.status_code == 200
    assert mistakes(shown.text) == []
    assert "<strong>Hello &lt;you&gt;</strong>" in shown.text
    assert 'class="letter" lang="fa" dir="rtl"' in shown.text
    assert "Hello &lt;you&gt;" not in owner.open("/mails").text


def test_a_house_without_a_mail_server_says_so(merchant: Merchant) -> None:
    text = flat(merchant.open("/mails").text)
    assert "E-mails are not set up here: nobody is sent any." in text
    assert "note mailings" not in [job.name for job in rounds(APP_URL)]


def test_support_may_look_and_not_change(desk: Desk, owner: Merchant) -> None:
    owner.open("/mails")
    with desk.work() as work:
        work.connection.exec_driver_sql("UPDATE staff SET role = 'support'")
    assert owner.open("/mails").status_code == 200
    assert owner.fetch("/mails", "POST", **FORM).status_code == 403


def test_what_is_older_than_a_month_is_not_in_the_figures(desk: Desk) -> None:
    desk.switch_on(Kind.POINTS)
    desk.accepts()
    desk.meet()
    desk.minute()
    desk.house.clock.forward(days=31)
    with desk.work() as work:
        assert mailings.figures(work)[Kind.POINTS].sent == 0
