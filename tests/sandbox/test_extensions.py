"""The app's extensions on the platform's side: what is deployed, the pixel's record, workflows, and tokens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest

from sandbox import World
from sandbox.extensions import Extensions
from tests.sandbox.conftest import NOON, SECRET, Api

DEPLOYED = Extensions(
    frozenset({"account"}), {"it-happened": frozenset({"customer_id", "what"})}, "https://a.example/use"
)
CREATE = "mutation C($s: JSON!) { webPixelCreate(webPixel: {settings: $s}) { webPixel { id } userErrors { code } } }"
UPDATE = "mutation U($id: ID!, $s: JSON!) { webPixelUpdate(id: $id, webPixel: {settings: $s}) { userErrors { code } } }"
DELETE = "mutation D($id: ID!) { webPixelDelete(id: $id) { deletedWebPixelId userErrors { code } } }"
FIRE = "mutation F($h: String, $p: JSON) { flowTriggerReceive(handle: $h, payload: $p) { userErrors { message } } }"


@pytest.fixture
def told(world: World, api: Api) -> Api:
    """The API of a shop in whose app the extensions are deployed and the pixel's scopes granted."""
    shop = world.shop()
    assert shop.installation is not None
    scopes = (*shop.installation.scopes, "write_pixels", "read_customer_events")
    shop.installation.scopes = scopes
    for token in shop.installation.access.values():
        token.scopes = scopes
    shop.app = world.app = replace(world.app, extensions=DEPLOYED)
    return api


def test_what_is_deployed_is_read_from_the_files(tmp_path: Path, world: World) -> None:
    files = {
        "shopify.app.toml": 'extension_directories = ["e/*"]\n[access_scopes]\nscopes = "read_orders"\n'
        "[webhooks]\nsubscriptions = []\n",
        "e/pixel/shopify.extension.toml": 'type = "web_pixel_extension"\n[settings.fields.account]\nname = "A"\n',
        "e/flow/shopify.extension.toml": '[[extensions]]\ntype = "flow_trigger"\nhandle = "it-happened"\n'
        '[settings]\n[[settings.fields]]\ntype = "customer_reference"\n[[settings.fields]]\ntype = "x"\nkey = "what"\n',
        "e/use/shopify.extension.toml": '[[extensions]]\ntype = "flow_trigger_lifecycle_callback"\n'
        'url = "https://a.example/use"\n',
        "other/shopify.extension.toml": 'type = "web_pixel_extension"\n',
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    assert world.app.deployed(tmp_path / "shopify.app.toml").extensions == DEPLOYED


def test_a_pixel_is_one_a_shop_and_has_the_settings_that_were_declared(told: Api, world: World) -> None:
    assert told.raw("{ webPixel { id } }")["data"] == {"webPixel": None}
    assert told.raw("{ webPixel { id } }")["errors"][0]["message"] == "No web pixel was found for this app."
    codes = [
        told(CREATE, s=settings)["webPixelCreate"]["userErrors"] for settings in ("{", '{"x": "1"}', '{"account": ""}')
    ]
    assert [errors[0]["code"] for errors in codes] == [
        "INVALID_CONFIGURATION_JSON", "INVALID_SETTINGS", "INVALID_SETTINGS",
    ]  # fmt: skip
    made = told(CREATE, s='{"account": "a"}')["webPixelCreate"]["webPixel"]["id"]
    assert told(CREATE, s='{"account": "a"}')["webPixelCreate"]["userErrors"] == [{"code": "TAKEN"}]
    assert told(UPDATE, id=made, s={"account": "b"})["webPixelUpdate"]["userErrors"] == []
    assert told("{ webPixel { settings } }")["webPixel"]["settings"] == '{"account":"b"}'
    assert told(DELETE, id=made)["webPixelDelete"]["deletedWebPixelId"] == made
    assert told(DELETE, id=made)["webPixelDelete"]["userErrors"] == [{"code": "NOT_FOUND"}]


def test_an_uninstallation_takes_the_pixel_and_the_workflows_away(told: Api, world: World) -> None:
    told(CREATE, s='{"account": "a"}')
    world.shop().flows.enabled.add("it-happened")
    world.uninstall()
    assert world.shop().pixel is None
    assert world.shop().flows.enabled == set()


def test_a_trigger_starts_workflows_that_are_on_and_is_held_to_its_schema(told: Api, world: World) -> None:
    right = {"customer_id": 1, "what": "rain"}
    assert told(FIRE, h="it-happened", p=right)["flowTriggerReceive"]["userErrors"] == []
    assert world.shop().flows.runs == []
    world.shop().flows.enabled.add("it-happened")
    assert told(FIRE, h="it-happened", p=right)["flowTriggerReceive"]["userErrors"] == []
    assert world.shop().flows.runs == [("it-happened", right)]
    for handle, payload in (
        ("another", right),
        ("it-happened", {"customer_id": 1}),
        ("it-happened", right | {"more": 1}),
        ("it-happened", right | {"what": "x" * 50_000}),
        ("it-happened", None),
    ):
        assert told(FIRE, h=handle, p=payload)["flowTriggerReceive"]["userErrors"] != []
    assert len(world.shop().flows.runs) == 1


def test_a_workflow_is_not_switched_on_where_the_app_does_not_answer(told: Api, world: World) -> None:
    shop = world.shop()
    shop.app = world.app = replace(world.app, app_url="http://127.0.0.1:9")
    assert not world.use_trigger("it-happened")
    assert shop.flows.enabled == set()


def test_an_extension_s_token_is_as_the_platform_writes_it(world: World) -> None:
    customer = world.add_customer("anna@example.com")
    options: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    claims = jwt.decode(
        world.extension_token(customer), SECRET, algorithms=["HS256"], audience="client-1", options=options
    )
    assert claims.pop("jti")
    assert claims == {
        "dest": "demo-store.myshopify.com", "aud": "client-1", "sub": f"gid://shopify/Customer/{customer.id}",
        "iat": int(NOON), "nbf": int(NOON), "exp": int(NOON) + 300,
    }  # fmt: skip
    stranger = jwt.decode(world.extension_token(), SECRET, algorithms=["HS256"], audience="client-1", options=options)
    assert "sub" not in stranger
