"""Mails: they wait in the database, and go out through a real mail server, once, sealed until then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from app import House
from commerce.letters import BadLetter, Letter, MailTrouble
from connectors import smtp
from connectors.smtp import Post
from engine import mail
from engine.mail import MOST_ATTEMPTS, Mailer
from engine.settings import BadSettings, read
from engine.shops import Seal, Shop
from engine.work import Database, refuse_in_transaction
from tests.ground import Clock, Desk, Superuser
from tests.postbox import AS_EVER, Postbox, postbox

SENDER = "Perennial ✿ <hello@perennial.example>"
LETTER = Letter("anna@shop.example", "Grüße · سلام", "Hallo.\nسلام دنیا.\n.\n", "<p>سلام <b>دنیا</b></p>")
SETTINGS = {
    "PERENNIAL_URL": "https://p.example", "PERENNIAL_SEAL_KEYS": Fernet.generate_key().decode(), "WOOCOMMERCE": "yes",
}  # fmt: skip


@pytest.fixture
def box() -> Iterator[Postbox]:
    with postbox() as box:
        yield box


@pytest.fixture
def seal() -> Seal:
    return Seal([Fernet.generate_key().decode()])


@pytest.fixture
def mailer(database: Database, clock: Clock, seal: Seal, box: Postbox) -> Mailer:
    return Mailer(database, seal, Post(box.url, SENDER, clock, refuse_in_transaction))


def put(desk: Desk, seal: Seal, letter: Letter = LETTER, **more: object) -> int:
    with desk.work() as work:
        return mail.put(work, seal, "test", letter, **more)  # type: ignore[arg-type]


def say(post: Post) -> None:
    """One letter, past everything that keeps count."""
    with post.talk() as talk:
        talk.send(LETTER, "1")


def test_a_mail_goes_out_once_with_text_and_html_in_utf_8(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, above: Superuser
) -> None:
    number = put(desk, seal)
    assert mailer.round() == 1
    assert mailer.round() == 0
    ((to, said),) = box.taken
    assert to == "anna@shop.example"
    assert said["Subject"] == "Grüße · سلام"
    assert said["From"] == SENDER
    assert said["Message-ID"] == f"<{desk.shop.shop_id}.{number}.perennial@perennial.example>"
    plain, html = said.iter_parts()
    assert plain.get_content().splitlines() == ["Hallo.", "سلام دنیا.", "."]
    assert html.get_content_type() == "text/html"
    assert "سلام <b>دنیا</b>" in html.get_content()
    assert above.run("SELECT sent_at IS NOT NULL, sealed, reason FROM mails WHERE mail_id = %s", number) == [
        (True, None, None)
    ]


def test_further_headers_go_out_as_they_are(desk: Desk, mailer: Mailer, seal: Seal, box: Postbox) -> None:
    put(desk, seal, Letter("a@b.example", "S", "T", headers={"List-Unsubscribe": "<https://p.example/u/1>"}))
    mailer.round()
    assert box.last["List-Unsubscribe"] == "<https://p.example/u/1>"
    assert not box.last.is_multipart()


@pytest.mark.parametrize("address", ["mail@tea.example", "ماهی@چای.example"])
def test_whose_name_has_signs_in_it_is_still_one_sender(clock: Clock, address: str) -> None:
    letter = Letter("a@b.example", "S", "T", by='Tea, "and" <Co>')
    (sender,) = Post("smtp://m", f"House <{address}>", clock).message(letter, "1")["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ('Tea, "and" <Co>', address)


def test_an_address_in_a_header_is_written_plainly_however_long_it_is(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, clock: Clock
) -> None:
    address = f"<https://{'perennial.' * 12}example/u/1/2/{'0' * 32}>"
    letter = Letter("a@b.example", "S", "T", headers={"List-Unsubscribe": address})
    assert (
        f"\r\nList-Unsubscribe: {address}\r\n".encode()
        in Post("smtp://m", SENDER, clock).message(letter, "1").as_bytes()
    )
    put(desk, seal, letter)
    mailer.round()
    assert box.last["List-Unsubscribe"] == address


def test_a_letter_goes_out_in_the_name_of_whoever_it_is_by(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox
) -> None:
    put(desk, seal, Letter("a@b.example", "S", "T", by='The "Little" Shop, گلستان'))
    mailer.round()
    (sender,) = box.last["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ('The "Little" Shop, گلستان', "hello@perennial.example")
    with pytest.raises(BadLetter):
        Letter("a@b.example", "S", "T", by="Shop\r\nBcc: all@evil.example")


def test_nothing_of_a_mail_can_be_read_in_the_database(desk: Desk, seal: Seal, above: Superuser) -> None:
    put(desk, seal)
    row = above.one("SELECT m::text FROM mails m WHERE shop_id = %s", desk.shop.shop_id)
    assert "anna" not in row
    kept = bytes(above.one("SELECT sealed FROM mails WHERE shop_id = %s", desk.shop.shop_id))
    assert b"anna" not in kept


@pytest.mark.parametrize(
    "wrong",
    [
        {"to": "anna@shop.example\r\nBcc: all@evil.example"},
        {"to": "anna"},
        {"to": "a@b.example, c@d.example"},
        {"to": "Anna <anna@shop.example>"},
        {"subject": "Hi\r\nBcc: all@evil.example"},
        {"subject": "Hi\nthere"},
        {"subject": "Hi\u2028there"},
        {"subject": ""},
        {"subject": "x" * 201},
        {"text": ""},
        {"headers": {"X-Note": "a\r\nBcc: all@evil.example"}},
        {"headers": {"Bcc": "all@evil.example"}},
        {"headers": {"X-Note: a\r\nBcc": "b"}},
        {"headers": {"From": "x@y.example"}},
        {"headers": {"Content-Type": "text/html"}},
        {"headers": {"X-Note": ""}},
    ],
    ids=str,
)
def test_what_would_write_headers_by_itself_is_refused(wrong: dict) -> None:
    with pytest.raises(BadLetter):
        Letter(**{"to": "anna@shop.example", "subject": "S", "text": "T", **wrong})


def test_a_server_that_is_busy_is_asked_again_later(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, clock: Clock
) -> None:
    box.refusals["RCPT"] = ["451 later"]
    put(desk, seal)
    assert mailer.round() == 1
    assert box.taken == []
    with desk.work() as work:
        (told,) = mail.troubled(work)
    assert (told.parked_at, told.reason) == (None, "the mail server did not take the address (451)")
    assert mailer.round() == 0, "it rests first"
    clock.forward(seconds=10)
    assert mailer.round() == 1
    assert len(box.taken) == 1


def test_an_address_that_is_not_there_is_parked_and_says_so_without_naming_it(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, clock: Clock, above: Superuser
) -> None:
    box.refusals["RCPT"] = ["550 no anna@shop.example here"]
    put(desk, seal)
    mailer.round()
    with desk.work() as work:
        (told,) = mail.troubled(work)
    assert told.parked_at == clock()
    assert told.reason == "the mail server did not take the address (550)"
    assert above.one("SELECT sealed FROM mails WHERE mail_id = %s", told.mail_id) is None
    clock.forward(days=1)
    assert mailer.round() == 0


def test_a_server_that_is_away_is_asked_so_often_and_no_more(
    desk: Desk, database: Database, seal: Seal, clock: Clock
) -> None:
    with postbox() as gone:
        url = gone.url
    mailer = Mailer(database, seal, Post(url, SENDER, clock))
    put(desk, seal)
    for _ in range(MOST_ATTEMPTS):
        assert mailer.round() == 1
        clock.forward(hours=2)
    assert mailer.round() == 0
    with desk.work() as work:
        (told,) = mail.troubled(work)
    assert told.parked_at is not None
    assert told.reason == "the mail server does not answer (ConnectionRefusedError)"


def test_what_comes_too_late_is_not_sent(desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, clock: Clock) -> None:
    put(desk, seal, ends_at=clock() + timedelta(minutes=15))
    clock.forward(minutes=16)
    mailer.round()
    assert box.taken == []
    with desk.work() as work:
        assert [told.reason for told in mail.troubled(work)] == ["it could not be sent in time"]


def test_a_key_that_is_gone_parks_the_mail(desk: Desk, mailer: Mailer, box: Postbox) -> None:
    put(desk, Seal([Fernet.generate_key().decode()]))
    mailer.round()
    assert box.taken == []


def test_a_unit_of_work_that_fails_sends_nothing(desk: Desk, mailer: Mailer, seal: Seal, box: Postbox) -> None:
    def fail() -> None:
        with desk.work() as work:
            mail.put(work, seal, "test", LETTER)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert mailer.round() == 0


def test_no_mail_is_sent_inside_a_unit_of_work(desk: Desk, box: Postbox, clock: Clock) -> None:
    with desk.work(), pytest.raises(AssertionError, match="inside a unit of work"):
        say(Post(box.url, SENDER, clock, refuse_in_transaction))


def test_a_password_is_given_only_where_nobody_else_can_hear_it(box: Postbox, clock: Clock) -> None:
    with pytest.raises(MailTrouble, match="cannot encrypt"):
        say(Post(f"smtp://user:secret@127.0.0.1:{box.port}", SENDER, clock))
    with pytest.raises(MailTrouble, match="does not answer"):
        say(Post(f"smtps://user:secret@127.0.0.1:{box.port}", SENDER, clock))
    assert not [line for line in box.said if line.startswith("AUTH")]
    assert box.taken == []


def test_old_mails_go(desk: Desk, mailer: Mailer, seal: Seal, clock: Clock, above: Superuser) -> None:
    put(desk, seal)
    mailer.round()
    clock.forward(days=31)
    with desk.work() as work:
        mail.purge(work)
    assert above.one("SELECT count(*) FROM mails WHERE shop_id = %s", desk.shop.shop_id) == 0


# --- one connection for many


def put_many(desk: Desk, seal: Seal, many: int) -> list[str]:
    """Letters to so many people; answers with their addresses, in the order in which they are sent."""
    people = [f"p{number}@shop.example" for number in range(many)]
    for to in people:
        put(desk, seal, Letter(to, "S", "T"))
    return people


@dataclass
class Watched:
    """A server that takes letters, and something that happens before each of them goes out."""

    post: Post
    before: Callable[[Letter], None]

    @contextmanager
    def talk(self) -> Iterator[Watched]:
        with self.post.talk() as talk:
            self._talk = talk
            yield self

    def send(self, letter: Letter, number: str) -> None:
        self.before(letter)
        self._talk.send(letter, number)


def test_the_letters_of_a_round_go_over_one_connection_whichever_shop_s_they_are(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, database: Database, neighbour: Shop
) -> None:
    people = put_many(desk, seal, 25)
    with database.work(neighbour.shop_id) as work:
        next_door = mail.put(work, seal, "test", Letter("q@shop.example", "S", "T"))
    assert mailer.round() == 21, "twenty of a shop, then it is the next one's turn"
    assert (box.talks, box.goodbyes) == (1, 1)
    assert mailer.round() == 5
    assert mailer.round() == 0
    assert (box.talks, box.goodbyes) == (2, 2), "nobody is called for nothing"
    assert sorted(to for to, _ in box.taken) == sorted([*people, "q@shop.example"])
    with database.work(neighbour.shop_id) as work:
        work.run(text("DELETE FROM mails WHERE shop_id = :shop_id AND mail_id = :mail_id"), mail_id=next_door)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
def test_a_letter_that_is_refused_does_not_spoil_the_next(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, above: Superuser, verb: str
) -> None:
    people = put_many(desk, seal, 4)
    box.refusals[verb] = [AS_EVER, "550 no", "451 later"]
    assert mailer.round() == 4
    assert box.talks == 1
    rows = "SELECT reason, sent_at IS NOT NULL, parked_at IS NOT NULL FROM mails WHERE shop_id = %s ORDER BY mail_id"
    first, refused, later, last = above.run(rows, desk.shop.shop_id)
    assert first == last == (None, True, False)
    assert (refused[0][-6:], refused[2]) == (" (550)", True)
    assert (later[0][-6:], later[2]) == (" (451)", False)
    assert box.taken[-1][0] == people[-1]


def test_a_server_that_has_hung_up_meanwhile_is_called_again(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, above: Superuser
) -> None:
    people = put_many(desk, seal, 5)
    box.refusals["RSET"] = [AS_EVER, "", AS_EVER, "421 enough"]
    assert mailer.round() == 5
    assert [to for to, _ in box.taken] == people, "each once, in their order"
    assert box.talks == 3
    rows = "SELECT DISTINCT attempts, reason, sent_at IS NOT NULL FROM mails WHERE shop_id = %s"
    assert above.run(rows, desk.shop.shop_id) == [(1, None, True)]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
def test_a_letter_that_meets_a_goodbye_goes_over_the_next_connection(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, above: Superuser, verb: str
) -> None:
    people = put_many(desk, seal, 3)
    box.refusals[verb] = [AS_EVER, "421 enough for one connection"]
    assert mailer.round() == 3
    assert [to for to, _ in box.taken] == people
    assert box.talks == 2
    assert above.one("SELECT max(attempts) FROM mails WHERE shop_id = %s", desk.shop.shop_id) == 1


def test_a_server_that_has_nothing_but_goodbyes_is_asked_again_later(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, clock: Clock
) -> None:
    people = put_many(desk, seal, 2)
    box.refusals["MAIL"] = ["421 not now"] * 2
    assert mailer.round() == 2
    assert box.taken == []
    assert box.talks == 2
    with desk.work() as work:
        assert {told.reason for told in mail.troubled(work)} == {"the mail server did not take the e-mail (421)"}
    clock.forward(seconds=10)
    mailer.round()
    assert sorted(to for to, _ in box.taken) == people


def test_a_letter_whose_answer_is_lost_is_not_sent_again_at_once_and_then_under_the_same_name(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, clock: Clock
) -> None:
    people = put_many(desk, seal, 2)
    box.refusals["."] = [""]
    assert mailer.round() == 2
    assert [to for to, _ in box.taken] == people, "the next went over a new connection"
    clock.forward(seconds=10)
    assert mailer.round() == 1
    assert [to for to, _ in box.taken] == [*people, people[0]]
    assert box.taken[2][1]["Message-ID"] == box.taken[0][1]["Message-ID"]


def test_a_server_that_lets_nobody_in_is_asked_once_a_round_and_no_letter_suffers_from_it(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, clock: Clock
) -> None:
    people = put_many(desk, seal, 3)
    box.refusals |= {"EHLO": ["554 no"], "HELO": ["554 no"]}
    assert mailer.round() == 3
    assert box.talks == 1
    with desk.work() as work:
        said = {(told.parked_at, told.reason) for told in mail.troubled(work)}
    assert said == {(None, "the mail server did not let us in (554)")}
    clock.forward(seconds=10)
    mailer.round()
    assert sorted(to for to, _ in box.taken) == people


def test_a_connection_takes_so_many_letters_and_then_it_is_another_s_turn(
    box: Postbox, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "MOST_ON_ONE", 2)
    with Post(box.url, SENDER, clock).talk() as talk:
        for number in range(5):
            talk.send(LETTER, str(number))
    assert (box.talks, len(box.taken), box.goodbyes) == (3, 5, 3)


def test_whoever_is_killed_between_two_letters_loses_none_and_doubles_none(
    desk: Desk, mailer: Mailer, seal: Seal, box: Postbox, database: Database, clock: Clock
) -> None:
    people = put_many(desk, seal, 5)

    def dies(letter: Letter) -> None:
        if letter.to == people[2]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Mailer(database, seal, Watched(Post(box.url, SENDER, clock, refuse_in_transaction), dies)).round()
    assert [to for to, _ in box.taken] == people[:2]
    assert mailer.round() == 2, "those behind it wait for nobody"
    assert [to for to, _ in box.taken] == [*people[:2], *people[3:]]
    clock.forward(minutes=11)
    assert mailer.round() == 1
    assert sorted(to for to, _ in box.taken) == people


def test_two_who_send_at_once_send_each_mail_once(
    desk: Desk, mailer: Mailer, database: Database, seal: Seal, box: Postbox, clock: Clock
) -> None:
    people, rounds = put_many(desk, seal, 3), list[int]()

    def meanwhile(letter: Letter) -> None:
        rounds.append(mailer.round())

    other = Mailer(database, seal, Watched(Post(box.url, SENDER, clock, refuse_in_transaction), meanwhile))
    assert other.round() == 1
    assert rounds == [2]
    assert sorted(to for to, _ in box.taken) == people


@pytest.mark.parametrize(
    "changed, mistake",
    [
        ({"SMTP_URL": "mail.example"}, "SMTP_URL must be the address of a mail server"),
        ({"SMTP_URL": "smtp+plain://u:p@mail.example"}, "would send its password unencrypted"),
        ({"SMTP_URL": "smtps://mail.example"}, "MAIL_FROM is not set"),
        ({"MAIL_FROM": "nobody"}, "MAIL_FROM must be an e-mail address"),
        ({"MAIL_FROM": "a@b.example\nBcc: c@d.example"}, "MAIL_FROM must be an e-mail address"),
    ],
)
def test_settings_of_mails_that_are_wrong_are_told(changed: dict, mistake: str) -> None:
    with pytest.raises(BadSettings, match=mistake):
        read({**SETTINGS, **changed})


def test_the_server_s_address_may_lie_in_a_file_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "smtp"
    file.write_text("smtps://user:hunter2hunter2@mail.example:465\n")
    found = read({**SETTINGS, "SMTP_URL_FILE": str(file), "MAIL_FROM": SENDER})
    assert found.smtp_url == "smtps://user:hunter2hunter2@mail.example:465"
    assert "hunter2" not in repr(found)


def test_a_house_sends_where_its_settings_name_a_server(
    desk: Desk, database: Database, box: Postbox, seal: Seal
) -> None:
    house = House(read({**SETTINGS, "SMTP_URL": box.url, "MAIL_FROM": SENDER}))
    vars(house).update(database=database, seal=seal)
    put(desk, seal)
    assert house.mailer is not None
    assert house.mailer.round() == 1
    assert box.last["To"] == "anna@shop.example"
    assert House(read(SETTINGS)).mailer is None


def test_a_shop_next_door_sees_none_of_it(desk: Desk, seal: Seal, database: Database, neighbour: Shop) -> None:
    put(desk, seal)
    with database.work(neighbour.shop_id) as work:
        assert mail.troubled(work) == []
