"""Addresses that shoppers type to be let in: what is taken for one can be written to."""

from __future__ import annotations

import pytest

from commerce.letters import Letter
from engine.shoppers import LONGEST_ADDRESS, NotAnEmail, address_of


@pytest.mark.parametrize(
    "typed", [" Ada@Example.COM ", "ä.b+c@é.example", "o'hara@mail.example.co.uk", f"{'a' * 60}@{'b' * 181}.example"]
)
def test_an_address_is_compared_in_small_letters_and_can_be_written_to(typed: str) -> None:
    assert Letter(address_of(typed), "S", "T").to == typed.strip().lower()


@pytest.mark.parametrize(
    "typed",
    [
        "", "ada", "ada@", "@example.com", "ada@example", "ada@.com.", "a b@example.com", "a,b@example.com",
        "ada@[192.0.2.1]", '"ada"@example.com', "ada\\@example.com", "ada:x@example.com", "a@b@example.com",
        "<ada@example.com>", "ada@exam\u200bple.com", "ada@example.com\r\nBcc: b@example.com",
        f"{'a' * 65}@example.com", f"a@{'b' * LONGEST_ADDRESS}.com",
    ],
)  # fmt: skip
def test_what_no_letter_can_be_sent_to_is_no_address(typed: str) -> None:
    with pytest.raises(NotAnEmail):
        address_of(typed)
