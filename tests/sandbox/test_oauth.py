"""The token endpoint: exchange, refresh, client credentials, and who is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import World
from sandbox.launch import fresh_token
from sandbox.oauth import EXCHANGE, ID_TOKEN, OFFLINE, ONLINE, access_token
from tests.sandbox.conftest import SECRET, Api, Clock

CREDENTIALS = {"client_id": "client-1", "client_secret": SECRET}


def ask(world: World, **fields: Any) -> tuple[int, dict[str, Any]]:
    return access_token(world, world.shop(), CREDENTIALS | fields)


def exchange(world: World, **fields: Any) -> tuple[int, dict[str, Any]]:
    subject = {
        "grant_type": EXCHANGE,
        "subject_token": fresh_token(world, world.shop()),
        "subject_token_type": ID_TOKEN,
    }
    return ask(world, **(subject | fields))


def works(world: World, token: str) -> bool:
    return "data" in Api(world, token).raw("{shop{name}}")


def test_an_expiring_offline_token_comes_with_a_refresh_token(world: World) -> None:
    status, body = exchange(world, requested_token_type=OFFLINE, expiring="1")
    assert status == 200
    assert body["access_token"].startswith("shpat_")
    assert body["refresh_token"].startswith("shprt_")
    assert (body["expires_in"], body["refresh_token_expires_in"]) == (3600, 7_776_000)
    assert "write_customers" in body["scope"].split(",")
    assert works(world, body["access_token"])


def test_a_token_that_does_not_expire_has_two_fields(world: World) -> None:
    status, body = exchange(world)
    assert (status, set(body)) == (200, {"access_token", "scope"})


def test_an_online_token_names_its_user(world: World) -> None:
    _, body = exchange(world, requested_token_type=ONLINE)
    assert body["expires_in"] == 86_399
    assert body["associated_user"]["account_owner"] is True


@pytest.mark.parametrize(
    "fields,error",
    [
        ({"subject_token": "nonsense"}, "invalid_subject_token"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_request_is_refused_by_its_name(world: World, fields: dict[str, str], error: str) -> None:
    status, body = exchange(world, **fields)
    assert (status, body["error"]) == (400, error)


def test_an_id_token_is_worth_nothing_after_its_minute(world: World, clock: Clock) -> None:
    token = fresh_token(world, world.shop())
    clock.at += 90
    assert exchange(world, subject_token=token) == (400, {"error": "invalid_subject_token"})


def test_without_installation_nothing_is_exchanged(world: World) -> None:
    world.uninstall()
    assert exchange(world)[1]["error"] == "invalid_subject_token"


def test_a_refresh_gives_new_tokens_and_leaves_the_old_access_token_its_hour(world: World, clock: Clock) -> None:
    first = exchange(world, expiring="1")[1]
    clock.at += 1_800
    second = ask(world, grant_type="refresh_token", refresh_token=first["refresh_token"])[1]
    assert works(world, first["access_token"])
    assert works(world, second["access_token"])
    clock.at += 1_801
    assert not works(world, first["access_token"])
    assert works(world, second["access_token"])


def test_a_lost_refresh_answer_may_be_asked_for_again_until_the_replacement_is_used(world: World) -> None:
    first = exchange(world, expiring="1")[1]["refresh_token"]
    ask(world, grant_type="refresh_token", refresh_token=first)
    again = ask(world, grant_type="refresh_token", refresh_token=first)
    assert again[0] == 200
    third = ask(world, grant_type="refresh_token", refresh_token=again[1]["refresh_token"])
    assert third[0] == 200
    assert ask(world, grant_type="refresh_token", refresh_token=first)[1]["error"] == "invalid_grant"


def test_a_new_grant_ends_older_refresh_tokens(world: World) -> None:
    old = exchange(world, expiring="1")[1]["refresh_token"]
    exchange(world, expiring="1")
    assert ask(world, grant_type="refresh_token", refresh_token=old)[1]["error"] == "invalid_grant"


def test_a_refresh_token_dies_of_ninety_idle_days_and_of_the_uninstall(world: World, clock: Clock) -> None:
    token = exchange(world, expiring="1")[1]["refresh_token"]
    clock.at += 90 * 86_400
    assert ask(world, grant_type="refresh_token", refresh_token=token)[1]["error"] == "invalid_grant"
    token = exchange(world, expiring="1")[1]["refresh_token"]
    world.uninstall()
    assert ask(world, grant_type="refresh_token", refresh_token=token)[1]["error"] == "invalid_grant"


def test_a_token_that_does_not_expire_is_exchanged_for_one_that_does(world: World) -> None:
    old = exchange(world)[1]["access_token"]
    status, body = exchange(
        world, subject_token=old, subject_token_type=OFFLINE, requested_token_type=OFFLINE, expiring="1"
    )
    assert status == 200
    assert works(world, body["access_token"])
    assert not works(world, old)


def test_client_credentials_last_a_day_and_need_the_installation(world: World) -> None:
    assert ask(world, grant_type="client_credentials")[1]["expires_in"] == 86_399
    world.uninstall()
    assert ask(world, grant_type="client_credentials")[1]["error"] == "shop_not_permitted"


def test_uninstalling_revokes_every_token_before_the_app_hears_of_it(world: World, api: Api) -> None:
    assert works(world, api.token)
    world.uninstall()
    assert not works(world, api.token)
    assert world.courier.waiting[-1].topic == "app/uninstalled"
