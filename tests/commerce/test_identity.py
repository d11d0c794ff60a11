"""People are matched by what they wrote, however they wrote it, and nobody is joined on a doubt."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.identity import GUEST, Identity, email_key, fold_name, guest_id, same_people
from commerce.phones import PLANS, e164, fold_digits


@pytest.mark.parametrize(
    "written, key",
    [
        ("Sara@Example.TEST", "sara@example.test"),
        ("  sara@example.test\n", "sara@example.test"),
        ("sara\u200c@example.test", "sara@example.test"),
        ("ｓａｒａ@example.test", "sara@example.test"),
        ("sara۱۲@example.test", "sara12@example.test"),
        ("sara+tea@example.test", "sara+tea@example.test"),
        ("deleted@site.invalid", None),
        ("anyone@shop.INVALID", None),
        ("", None),
        (None, None),
        ("sara", None),
        ("@example.test", None),
        ("sara@", None),
        ("sara@localhost", None),
        ("sa ra@example.test", None),
        ("a@b@example.test", None),
        ("x" * 320 + "@example.test", None),
    ],
)
def test_an_email_is_compared_without_case_and_invisible_letters(written: str | None, key: str | None) -> None:
    assert email_key(written) == key


@pytest.mark.parametrize(
    "written, country, number",
    [
        ("09121234567", "IR", "+989121234567"),
        ("9121234567", "IR", "+989121234567"),
        ("+989121234567", None, "+989121234567"),
        ("+98 (0) 912 123 4567", "US", "+989121234567"),
        ("00989121234567", "IR", "+989121234567"),
        ("00989121234567", None, "+989121234567"),
        ("989121234567", "IR", "+989121234567"),
        ("۰۹۱۲۱۲۳۴۵۶۷", "IR", "+989121234567"),
        ("٠٩١٢ ١٢٣-٤٥٦٧", "ir", "+989121234567"),
        ("\u200e+98 912 123 4567\u200f", "IR", "+989121234567"),
        ("०९१२१२३४५६७", "IR", "+989121234567"),
        ("(213) 555-1000", "US", "+12135551000"),
        ("1-213-555-1000", "US", "+12135551000"),
        ("+1 213 555 1000 ext. 12", "US", "+12135551000"),
        ("011 98 912 123 4567", "US", "+989121234567"),
        ("8 912 345-67-89", "RU", "+79123456789"),
        ("06 20 123 4567", "HU", "+36201234567"),
        ("06 12345678", "IT", "+390612345678"),
        ("030 123456", "DE", "+4930123456"),
        ("555-1000", "US", None),
        ("000-0000", "US", None),
        ("0000000000", "IR", None),
        ("09121234567", None, None),
        ("0912123456", "IR", None),
        ("091212345678", "IR", None),
        ("+98912", "IR", None),
        ("", "IR", None),
        ("call me", "IR", None),
        ("+" + "9" * 60, "IR", None),
    ],
)
def test_a_phone_is_brought_to_one_form_or_is_no_key(written: str, country: str | None, number: str | None) -> None:
    assert e164(written, country) == number


_DIGITS = {"persian": 0x06F0, "arabic": 0x0660, "devanagari": 0x0966, "thai": 0x0E50, "wide": 0xFF10}
_NATIONAL = st.from_regex(r"9[0-9]{9}", fullmatch=True).filter(lambda number: len(set(number)) > 1)


@given(number=_NATIONAL, script=st.sampled_from(sorted(_DIGITS)), blanks=st.lists(st.integers(0, 9), max_size=3))
def test_a_phone_is_the_same_in_every_script(number: str, script: str, blanks: list[int]) -> None:
    written = "0" + number
    for place in blanks:
        written = written[:place] + " " + written[place:]
    written = "".join(chr(_DIGITS[script] + int(sign)) if sign.isdigit() else sign for sign in written)
    assert e164(written, "IR") == f"+98{number}"


@given(st.text(max_size=80), st.sampled_from([*sorted(PLANS), None, "??"]))
def test_whatever_is_written_a_phone_is_e164_or_nothing_and_is_stable(text: str, country: str | None) -> None:
    found = e164(text, country)
    if found is not None:
        assert found[0] == "+"
        assert found[1:].isascii()
        assert found[1:].isdigit()
        assert 8 <= len(found) - 1 <= 15
        assert e164(found, country) == found
        assert e164(found, None) == found


@given(st.sampled_from(sorted(PLANS)), st.data())
def test_a_national_number_is_found_again_with_and_without_its_trunk(country: str, data: st.DataObject) -> None:
    plan = PLANS[country]
    size = data.draw(st.integers(max(plan.shortest, 8), max(plan.longest, 8)))
    if size > plan.longest or len(plan.code) + size > 15:
        return
    number = "2" + data.draw(st.text("3456", min_size=size - 1, max_size=size - 1))
    assert e164(f"+{plan.code}{number}", None) == f"+{plan.code}{number}"
    assert e164(plan.trunk + number, country) == f"+{plan.code}{number}"


@pytest.mark.parametrize(
    "one, other",
    [
        ("علي كريمي", "علی کریمی"),
        ("فاطمة", "فاطمه"),
        ("می\u200cنا", "مینا"),
        ("مُحَمَّد", "محمد"),
        ("آرش", "ارش"),
        ("أحمد", "احمد"),
        ("رؤیا", "رویا"),
        ("ســـارا", "سارا"),
        ("خانهٔ سبز", "خانه سبز"),
        ("  Zoë   ÅKESSON ", "zoe akesson"),
        ("STRASSE", "straße"),
        ("طبقه ۲", "طبقه ٢"),
    ],
)
def test_a_name_is_compared_as_it_is_heard_and_not_as_it_is_typed(one: str, other: str) -> None:
    assert fold_name(one) == fold_name(other)


@pytest.mark.parametrize("one, other", [("علی", "ولی"), ("हिन्दी", "हन्द"), ("کریم", "کرم")])
def test_different_names_stay_different(one: str, other: str) -> None:
    assert fold_name(one) != fold_name(other)


@given(st.text(max_size=300))
def test_folding_twice_is_folding_once(text: str) -> None:
    once = fold_name(text)
    assert fold_name(once) == once
    assert not any(unicodedata.category(letter) == "Cf" for letter in once)
    assert fold_digits(fold_digits(text)) == fold_digits(text)


@given(st.text(max_size=60))
def test_an_email_key_is_its_own_key(text: str) -> None:
    for written in (text, f"{text}@example.test"):
        key = email_key(written)
        if key is not None:
            assert email_key(key) == key
            assert email_key(f" {key.upper()} ") == email_key(key.upper())


def test_the_strongest_key_comes_first_and_kinds_are_never_confused() -> None:
    known = Identity.of("Sara@example.test", "0912 123 4567", country="IR", platform_id="2")
    assert known == Identity("sara@example.test", "+989121234567", "2")
    assert known.key == "email:sara@example.test"
    assert Identity(phone="+989121234567", platform_id="2").key == "phone:+989121234567"
    assert Identity(platform_id="2").key == "id:2"
    assert Identity().key is None


def test_a_guest_is_known_by_his_contact_and_his_email_cannot_be_read_from_it() -> None:
    guest = guest_id(Identity.of("Sara@example.test", None, country=None))
    assert guest is not None
    assert guest.startswith(GUEST)
    assert "sara" not in guest
    assert guest == guest_id(Identity.of(" SARA@EXAMPLE.TEST", "0912", country="IR", platform_id="7"))
    assert guest != guest_id(Identity.of("sara2@example.test", None, country=None))
    assert guest_id(Identity.of(None, "09121234567", country="IR")) == guest_id(
        Identity.of("", "+989121234567", country=None)
    )
    assert guest_id(Identity.of("deleted@site.invalid", "000-0000", country="US")) is None


def test_many_guests_and_one_customer_are_one_person() -> None:
    people = [
        Identity(email="sara@example.test"),
        Identity(email="other@example.test"),
        Identity(email="sara@example.test", phone="+989121234567"),
        Identity(phone="+989121234567"),
        Identity(email="sara@example.test", platform_id="2"),
        Identity(platform_id="2", email="sara@new.example"),
    ]
    assert same_people(people) == [0, 1, 0, 0, 0, 0]


def test_a_phone_that_a_family_shares_joins_nobody_to_another() -> None:
    phone = "+989121234567"
    people = [
        Identity(email="sara@example.test", phone=phone),
        Identity(email="ali@example.test", phone=phone),
        Identity(phone=phone),
        Identity(phone=phone, platform_id="9"),
    ]
    assert same_people(people) == [0, 1, 2, 2]


def test_somebody_with_two_phones_is_no_bridge_between_two_people() -> None:
    people = [
        Identity(email="sara@example.test", phone="+981"),
        Identity(email="ali@example.test", phone="+982"),
        Identity(phone="+981", platform_id="9"),
        Identity(phone="+982", platform_id="9"),
    ]
    assert same_people(people) == [0, 1, 2, 2]


_PEOPLE = st.lists(
    st.builds(
        Identity,
        st.sampled_from([None, "a@x.test", "b@x.test", "c@x.test"]),
        st.sampled_from([None, "+981", "+982", "+983"]),
        st.sampled_from([None, "1", "2", "3"]),
    ),
    max_size=9,
)


@given(_PEOPLE, st.randoms(use_true_random=False))
def test_who_is_the_same_does_not_hang_on_the_order(people: list[Identity], chance: object) -> None:
    order = list(range(len(people)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    found, shuffled = same_people(people), same_people([people[place] for place in order])
    for one in range(len(people)):
        for other in range(len(people)):
            together = shuffled[order.index(one)] == shuffled[order.index(other)]
            assert (found[one] == found[other]) is together


@given(_PEOPLE)
def test_the_same_email_or_id_is_one_person_and_a_phone_alone_never_joins_two_emails(people: list[Identity]) -> None:
    found = same_people(people)
    without_phones = same_people([Identity(p.email, None, p.platform_id) for p in people])
    for one, person in enumerate(people):
        for other, second in enumerate(people):
            if person.email is not None and person.email == second.email:
                assert found[one] == found[other]
            if person.platform_id is not None and person.platform_id == second.platform_id:
                assert found[one] == found[other]
            if person.email and second.email:
                assert (found[one] == found[other]) is (without_phones[one] == without_phones[other])
