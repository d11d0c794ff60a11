"""The bridge in a real browser: the admin's frame, ID tokens for fetches, the second try, the bounce page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.wrappers import Request, Response

from sandbox import App, Courier, World, create_app
from sandbox.signing import BadToken, read_id_token
from tests.browser import chromium
from tests.sandbox.conftest import SECRET, Mailbox
from tests.serving import served

PAGE = """<!doctype html><meta name="shopify-api-key" content="client-1"><script src="%s/app-bridge.js"></script>
<p id="out">waiting</p><script>
fetch("/api").then(answer => answer.text()).then(text => {
  document.getElementById("out").textContent = text;
  shopify.toast.show("Saved");
});
</script>"""
BOUNCE = '<!doctype html><script src="%s/app-bridge.js" data-api-key="client-1"></script>'


class EmbeddedApp:
    """Says no to the first fetch, and sends a page without a good token to the bounce page."""

    def __init__(self, world: World, bridge: str) -> None:
        self.world, self.bridge = world, bridge
        self.seen: list[str] = []

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.answer(Request(environ))(environ, start_response)

    def good(self, token: str) -> bool:
        try:
            return bool(read_id_token(token, "client-1", SECRET, self.world.clock()))
        except BadToken:
            return False

    def answer(self, request: Request) -> Response:
        self.seen.append(request.path)
        if request.path == "/bounce":
            return Response(BOUNCE % self.bridge, mimetype="text/html")
        if request.path == "/api":
            if self.seen.count("/api") == 1:
                return Response("again", 401, {"X-Shopify-Retry-Invalid-Session-Request": "1"})
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            return Response("known by its token" if self.good(token) else "a stranger")
        if not self.good(request.args.get("id_token", "")):
            return Response(status=302, headers={"Location": "/bounce?shop=x&shopify-reload=%2Finside%3Fa%3D1"})
        return Response(PAGE % self.bridge, mimetype="text/html")


@pytest.fixture
def places(mailbox: Mailbox) -> Iterator[tuple[EmbeddedApp, str, str]]:
    """The app, its own address, and the platform's."""
    world = World(App("client-1", SECRET), courier=Courier(send=mailbox))
    world.install()
    with served(create_app(world)) as bridge:
        embedded = EmbeddedApp(world, bridge)
        with served(embedded) as url:
            world.shop().app = App("client-1", SECRET, app_url=url)
            yield embedded, url, bridge


# The admin takes its toasts away again after some seconds: what they said is kept for whoever looks late.
TOASTS = """
    window.toasts = [];
    new MutationObserver((seen) => {
        for (const each of seen) for (const made of each.addedNodes)
            if (made.classList?.contains("toast")) window.toasts.push(made.textContent);
    }).observe(document, { childList: true, subtree: true });
"""


@pytest.fixture
def page() -> Iterator[Any]:
    with chromium() as browser:
        page = browser.new_page()
        page.add_init_script(TOASTS)
        yield page


def test_an_embedded_page_is_known_by_its_tokens(places: tuple[EmbeddedApp, str, str], page: Any) -> None:
    embedded, _, bridge = places
    page.goto(f"{bridge}/shops/demo-store.myshopify.com/admin/apps/client-1")
    frame = page.frame_locator("#app")
    frame.locator("#out", has_text="known by its token").wait_for()
    page.wait_for_function("window.toasts.includes('Saved')")
    assert embedded.seen.count("/api") == 2


def test_a_page_with_an_old_token_comes_back_with_a_fresh_one(places: tuple[EmbeddedApp, str, str], page: Any) -> None:
    embedded, own, bridge = places
    page.goto(f"{bridge}/shops/demo-store.myshopify.com/admin/apps/client-1")
    page.frame_locator("#app").locator("#out", has_text="known").wait_for()
    frame = page.frames[1]
    frame.goto(f"{own}/inside?id_token=old")
    page.frame_locator("#app").locator("#out", has_text="known").wait_for()
    assert "/bounce" in embedded.seen
    landed = urlsplit(page.frames[1].url)
    assert landed.path == "/inside"
    assert embedded.good(parse_qs(landed.query)["id_token"][0])
