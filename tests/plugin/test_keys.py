"""The merchant's page for programs of their own: keys made, shown once and revoked; an address told of rewards."""

from __future__ import annotations

import re

import pytest

from engine import api_keys, reward_hooks
from engine.shops import Shop
from tests.ground import Superuser
from tests.plugin.conftest import House, Merchant
from tests.plugin.markup import flat, mistakes

KEY = re.compile(r"pk_\d+_[A-Za-z0-9_-]{43}")
SECRET = re.compile(r"\b[0-9a-f]{64}\b")


def hook_of(house: House, shop: Shop) -> reward_hooks.RewardHook | None:
    with house.database.work(shop.shop_id) as work:
        return reward_hooks.load(work, house.app.extensions["doors"].seal)


def test_the_page_says_what_it_is_for_before_there_is_anything(merchant: Merchant) -> None:
    page = merchant.open("/api-keys").text
    assert mistakes(page) == []
    assert "No keys" in page
    assert "Nobody is told" in page
    assert re.search(r'<a href="/api-keys[^"]*" aria-current="page">API</a>', page)


def test_a_key_is_shown_once_opens_the_api_and_is_revoked(house: House, shop: Shop, merchant: Merchant) -> None:
    answer = merchant.fetch("/api-keys", "POST", name="  The   till ", scope="read")
    assert mistakes(answer.text) == []
    (key,) = KEY.findall(answer.text)
    page = merchant.open("/api-keys").text
    assert KEY.findall(page) == []
    assert f'<code dir="ltr">{key[-4:]}</code>' in page
    assert "The till" in page
    assert "by <bdi>staff 42</bdi>" in page
    client, bearer = house.app.test_client(), {"Authorization": f"Bearer {key}"}
    assert client.get("/api/v1/customers/7", headers=bearer).status_code == 404
    with house.database.work(shop.shop_id) as work:
        (row,) = api_keys.keys(work)
    assert merchant.fetch(f"/api-keys/{row.key_id}/revoke", "POST", sure="yes").status_code == 303
    assert client.get("/api/v1/customers/7", headers=bearer).status_code == 401
    page = merchant.open("/api-keys?changed=revoked").text
    assert "The key opens nothing any more." in page
    assert re.search(r"revoked .* by <bdi>staff 42</bdi>", flat(page))
    assert merchant.fetch(f"/api-keys/{2**63}/revoke", "POST", sure="yes").headers["Location"].endswith("changed=not")


@pytest.mark.parametrize(
    "fields, told",
    [
        ({"name": "", "scope": "read"}, "Give the key a name of up to 60 letters"),
        ({"name": "x" * 61, "scope": "read"}, "Give the key a name of up to 60 letters"),
        ({"name": "a\u0000b", "scope": "read"}, "Give the key a name of up to 60 letters"),
        ({"name": "The till"}, "Choose what the key is for"),
        ({"name": "The till", "scope": "admin"}, "Choose what the key is for"),
    ],
)
def test_a_key_that_cannot_be_made_is_refused_and_what_was_typed_stays(
    shop: Shop, merchant: Merchant, above: Superuser, fields: dict[str, str], told: str
) -> None:
    answer = merchant.fetch("/api-keys", "POST", **fields)
    assert answer.status_code == 422
    assert mistakes(answer.text) == []
    assert told in answer.text
    assert 'aria-describedby="refusal"' in answer.text
    assert fields["name"].strip("\0")[:5] in answer.text
    assert above.run("SELECT count(*) FROM api_keys WHERE shop_id = %s", shop.shop_id) == [(0,)]


def test_there_is_an_end_to_keys_in_use(house: House, shop: Shop, merchant: Merchant) -> None:
    with house.database.work(shop.shop_id) as work:
        for number in range(api_keys.MOST_KEYS):
            api_keys.make(work, f"Till {number}", ["read"], "staff 42")
        (newest, *_) = api_keys.keys(work)
    assert "There are 20 keys in use." in merchant.fetch("/api-keys", "POST", name="one more", scope="read").text
    with house.database.work(shop.shop_id) as work:
        assert api_keys.revoke(work, newest.key_id, "staff 42")
    assert KEY.search(merchant.fetch("/api-keys", "POST", name="one more", scope="read").text)


def test_the_secret_of_an_address_is_shown_once_and_kept_sealed(
    house: House, shop: Shop, merchant: Merchant, above: Superuser
) -> None:
    first = merchant.fetch("/api-keys/hook", "POST", address=" https://shop.example/rewards ", do="keep")
    assert mistakes(first.text) == []
    (secret,) = SECRET.findall(first.text)
    hook = hook_of(house, shop)
    assert hook is not None
    assert (hook.address, hook.secret, hook.made_by) == ("https://shop.example/rewards", secret, "staff 42")
    assert secret not in repr(hook)
    assert secret not in str(above.run("SELECT * FROM reward_hooks WHERE shop_id = %s", shop.shop_id))
    page = merchant.open("/api-keys").text
    assert SECRET.findall(page) == []
    assert "https://shop.example/rewards" in page
    moved = merchant.fetch("/api-keys/hook", "POST", address="https://shop.example/gifts", do="keep")
    assert SECRET.findall(moved.text) == []
    assert "signed with the secret that you have" in moved.text
    renewed = merchant.fetch("/api-keys/hook", "POST", address="https://shop.example/gifts", do="renew")
    (fresh,) = SECRET.findall(renewed.text)
    hook = hook_of(house, shop)
    assert fresh != secret
    assert hook is not None
    assert (hook.address, hook.secret) == ("https://shop.example/gifts", fresh)
    assert merchant.fetch("/api-keys/hook/remove", "POST").status_code == 303
    assert hook_of(house, shop) is None


@pytest.mark.parametrize(
    "address",
    [
        "", "shop.example", "http://shop.example/x", "ftp://shop.example", "https://", "https://a:b@shop.example/",
        "https://shop.example/#x", "https://shop.example:0/", "https://shop.example:99999/", "https://shöp.example/",
        "https://shop.example/a b", "https://[::1", "https://shop.example/" + "x" * 500,
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_and_stays_in_the_form(
    house: House, shop: Shop, merchant: Merchant, address: str
) -> None:
    answer = merchant.fetch("/api-keys/hook", "POST", address=address, do="keep")
    assert answer.status_code == 422
    assert mistakes(answer.text) == []
    assert "This is not an address that can be told" in answer.text
    assert hook_of(house, shop) is None


def test_another_shop_s_keys_and_address_are_not_this_merchant_s(
    house: House, shop: Shop, next_door: Shop, merchant: Merchant
) -> None:
    theirs = Merchant(house.app.test_client(), next_door)
    theirs.fetch("/api-keys", "POST", name="Their till", scope="read")
    theirs.fetch("/api-keys/hook", "POST", address="https://next.example/", do="keep")
    page = merchant.open("/api-keys").text
    assert "Their till" not in page
    assert "next.example" not in page
    with house.database.work(next_door.shop_id) as work:
        (row,) = api_keys.keys(work)
    merchant.fetch(f"/api-keys/{row.key_id}/revoke", "POST", sure="yes")
    merchant.fetch("/api-keys/hook/remove", "POST")
    with house.database.work(next_door.shop_id) as work:
        assert api_keys.keys(work)[0].revoked_at is None
    assert hook_of(house, next_door) is not None
