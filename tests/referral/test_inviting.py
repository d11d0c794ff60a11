"""What an advocate passes on: links for every channel, words in the friend's language, names that do nothing."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral.rules.inviting import CHANNELS, DIGITS, LETTERS, TEXTS, TURNS, Channel, latin, plain, shares
from referral.service.inviting import signs

LINK = "https://kettle.example/apps/perennial/r/ANNA-K7Q4?ref=ANNA-K7Q4"


def test_every_channel_bears_the_link_and_says_by_which_it_came() -> None:
    ways = {share.channel: share for share in shares(LINK, "Kettle & Cup", "5.00 USD off")}
    assert set(ways) == set(Channel) == set(CHANNELS)
    for channel, share in ways.items():
        assert share.text.endswith(f"{LINK}&via={channel}")
        if channel is not Channel.COPY:
            fields = parse_qs(urlsplit(share.href).query)
            assert f"{LINK}&via={channel}" in " ".join(value for values in fields.values() for value in values)
            assert "+" not in share.href
    assert ways[Channel.COPY].href == ""


@pytest.mark.parametrize("language", sorted(TEXTS))
def test_words_in_each_language_name_the_shop_and_the_offer(language: str) -> None:
    for share in shares(LINK, "Kettle", "5.00 USD off", language):
        assert "Kettle" in share.text
        assert "5.00 USD off" in share.text


def test_an_unknown_language_is_english() -> None:
    assert shares(LINK, "Kettle", "x", "tlh") == shares(LINK, "Kettle", "x", "en")


@given(st.text(max_size=60))
def test_no_name_turns_the_words_around_or_breaks_their_line(name: str) -> None:
    for share in shares(LINK, name, "5.00 USD off"):
        assert not set(share.text) & (TURNS | set("\r\n\u2028\u2029\x00"))
        assert share.href.isascii()
    assert plain(plain(name)) == plain(name)


@given(st.one_of(st.none(), st.text(max_size=60)))
def test_any_name_makes_the_beginning_of_a_code(name: str | None) -> None:
    made = latin(name)
    assert 2 <= len(made) <= 10
    assert made.isascii()
    assert made.isalpha()
    assert made.isupper()


def test_signs_are_letters_and_digits_in_turns_so_that_no_word_comes_out() -> None:
    for _ in range(50):
        made = signs(6)
        assert set(made[::2]) <= set(LETTERS)
        assert set(made[1::2]) <= set(DIGITS)
    assert not set(LETTERS) & set("AEIOU")
