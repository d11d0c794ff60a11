"""By which way somebody came, in the words of addresses, sites and campaigns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commerce.arrivals import NAMES, Arrival, arrival, host_of, of_host
from commerce.orders import Channel


@pytest.mark.parametrize(
    "landing, site, expected",
    [
        (None, None, None),
        ("", "", None),
        ("/", None, Arrival.DIRECT),
        ("/products/mug?variant=3", None, Arrival.DIRECT),
        ("/", "https://www.google.com/", Arrival.SEARCH),
        ("/", "https://www.google.co.uk/search?q=mug", Arrival.SEARCH),
        ("/", "https://duckduckgo.com/", Arrival.SEARCH),
        ("/", "https://yandex.ru/", Arrival.SEARCH),
        ("/", "android-app://com.google.android.gm/", Arrival.EMAIL),
        ("/", "https://mail.google.com/", Arrival.EMAIL),
        ("/", "https://gemini.google.com/app", Arrival.ASSISTANT),
        ("/", "https://chatgpt.com/", Arrival.ASSISTANT),
        ("/", "https://l.instagram.com/", Arrival.SOCIAL),
        ("/", "https://m.facebook.com/", Arrival.SOCIAL),
        ("/", "https://t.co/abc", Arrival.SOCIAL),
        ("/", "https://ask.example.com/", Arrival.SITE),
        ("/", "https://blog.example/post", Arrival.SITE),
        ("/", "https://google.evil.example/", Arrival.SITE),
        ("https://shop.example/", "https://www.shop.example/cart", Arrival.DIRECT),
        ("/?gclid=abc", "https://www.google.com/", Arrival.PAID_SEARCH),
        ("/?msclkid=abc", None, Arrival.PAID_SEARCH),
        ("/?fbclid=abc", None, Arrival.SOCIAL),
        ("/?ttclid=abc", None, Arrival.PAID_SOCIAL),
        ("/?utm_source=google&utm_medium=cpc", None, Arrival.PAID_SEARCH),
        ("/?utm_source=Facebook&utm_medium=CPC&fbclid=1", None, Arrival.PAID_SOCIAL),
        ("/?utm_source=ig&utm_medium=paid_social", None, Arrival.PAID_SOCIAL),
        ("/?utm_source=magazine&utm_medium=cpc", None, Arrival.PAID_OTHER),
        ("/?utm_source=x&utm_medium=paid&gclid=1", None, Arrival.PAID_SOCIAL),
        ("/?utm_source=news&utm_medium=banner", None, Arrival.PAID_OTHER),
        ("/?utm_source=klaviyo&utm_medium=email", "https://mail.google.com/", Arrival.EMAIL),
        ("/?utm_source=mail", None, Arrival.EMAIL),
        ("/?utm_medium=sms", None, Arrival.MESSAGE),
        ("/?utm_medium=affiliate&utm_source=anna", None, Arrival.AFFILIATE),
        ("/?utm_medium=organic&utm_source=google", None, Arrival.SEARCH),
        ("/?utm_medium=referral&utm_source=google.com", None, Arrival.SEARCH),
        ("/?utm_medium=referral&utm_source=blog.example", None, Arrival.SITE),
        ("/?utm_source=(direct)&utm_medium=(none)", None, Arrival.DIRECT),
        ("/?UTM_MEDIUM=email", None, Arrival.EMAIL),
        ("/?utm_medium=email#utm_medium=cpc", None, Arrival.EMAIL),
    ],
)
def test_the_way_is_read_from_what_is_told(landing: str | None, site: str | None, expected: Arrival | None) -> None:
    assert arrival(landing, site) == expected


def test_a_code_beats_a_campaign_and_the_till_beats_all() -> None:
    landing = "/?utm_medium=cpc&utm_source=google"
    assert arrival(landing, None, invited=True) == Arrival.INVITATION
    assert arrival(landing, None, invited=True, channel=Channel.POS) == Arrival.TILL
    assert arrival(landing, None, channel=Channel.DRAFT) == Arrival.STAFF


def test_what_a_platform_has_read_already_counts_as_if_it_stood_in_the_address() -> None:
    assert arrival("https://s.example/", None, medium="organic", source="google") == Arrival.SEARCH
    assert arrival("https://s.example/", None, medium="(none)", source="(direct)") == Arrival.DIRECT
    assert arrival("https://s.example/", "https://www.shop.example/", own="shop.example") == Arrival.DIRECT


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=30), st.text(max_size=30))
def test_no_text_is_too_odd(landing: str, site: str, medium: str, source: str) -> None:
    for found in (arrival(landing, site, medium=medium, source=source), arrival(f"/?{landing}", f"https://{site}")):
        assert found is None or found in NAMES


def test_every_way_has_a_name_and_a_host_is_told_without_www() -> None:
    assert set(NAMES) == set(Arrival)
    assert (host_of("https://www.Shop.Example./x"), host_of("no address"), host_of("https://[")) == (
        "shop.example", "", "")  # fmt: skip
    assert of_host("localhost") == Arrival.SITE
