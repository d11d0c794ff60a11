"""Every door has somebody who watches it."""

from __future__ import annotations

from connectors.shopify import BOUNCE_PATH, EXTENSION_PATH, FLOW_PATH, PIXEL_PATH, PROXY_PATH
from connectors.woocommerce.companion import COMPANION_PATH
from engine.shops import Shop
from tests.plugin.conftest import PREFIX, House, Merchant, Shopper

# What anybody may ask for: it tells nothing about any shop.
OPEN = {"/static/<path:filename>", "/health", "/ready", "/metrics", BOUNCE_PATH}

# Who is admitted where; everywhere else it is the merchant.
OWNERS = {
    PROXY_PATH: "shopper",
    EXTENSION_PATH: "extension",
    PIXEL_PATH: "anybody",
    "/visits": "anybody",
    "/look.css": "anybody",
    FLOW_PATH: "flow",
    COMPANION_PATH: "companion",
    # The shopper's pages on our own address.
    "/s/<door>": "shopper",
    # Whoever has the link of a question: its last part is what vouches for them.
    "/s": "anybody",
    "/embed.js": "anybody",
    # The same views that extensions ask, with tokens of ours.
    "/api/v1/shopper": "extension",
    # Whoever was written to: the last part of their link vouches for them.
    "/u": "anybody",
    "/api": "api",
    # Nobody is known there yet: the store vouches at the end of that way.
    "/woocommerce": "anybody",
    "/sign-in": "anybody",
    # Whoever scans a badge: only staff come further than to a page that says so.
    "/at": "anybody",
}


def test_every_route_has_an_owner_or_tells_nothing(house: House) -> None:
    for rule in house.app.url_map.iter_rules():
        owner = getattr(house.app.view_functions[rule.endpoint], "owner", None)
        if rule.rule in OPEN:
            assert owner is None
        else:
            owned = next((o for path, o in OWNERS.items() if f"{rule.rule}/".startswith(f"{path}/")), "merchant")
            assert owner == owned, rule.rule


def test_only_posts_change_anything_and_nothing_else_takes_one(house: House) -> None:
    rules = {str(r): r.methods or set() for r in house.app.url_map.iter_rules() if "POST" in (r.methods or set())}
    # The shopper's pages stand behind doors too, and what extensions ask is asked with tokens of ours.
    twice = {f"/s/<door>{path.removeprefix(PROXY_PATH)}" for path in rules if path.startswith(f"{PROXY_PATH}/")}
    twice |= {
        f"/api/v1/shopper{path.removeprefix(EXTENSION_PATH)}" for path in rules if path.startswith(f"{EXTENSION_PATH}/")
    }
    assert twice <= set(rules)
    assert set(rules) - twice == {
        "/api-keys",
        "/api-keys/<int:key_id>/revoke",
        "/api-keys/hook",
        "/api-keys/hook/remove",
        "/api/v1/customers/<external_id>/token",
        "/api/v1/events",
        "/s/<door>/enter",
        "/s/<door>/enter/<token>",
        "/s/<door>/leave",
        "/other-sites",
        "/other-sites/close",
        "/other-sites/move",
        "/other-sites/open",
        *(f"/companion/{what}" for what in ("account", "claim", "enter", "erase", "export", "health", "redeem")),
        "/campaigns/<key>",
        "/contests",
        "/batches",
        "/batches/<int:batch_no>/book",
        "/batches/<int:batch_no>/forget",
        "/batches/<int:batch_no>/undo",
        "/customers/<int:customer_id>/erase",
        "/customers/<int:customer_id>/points",
        "/customers/<int:customer_id>/tier",
        "/customers/many",
        "/drafts/<int:draft_id>",
        "/expiry",
        "/welcome",
        "/earning",
        "/earning/actions",
        "/earning/collections",
        "/earning/promotions",
        "/earning/remove",
        "/extension/earn",
        "/extension/redeem",
        "/extensions/pixel",
        "/flow/usage",
        "/gifts",
        "/look",
        "/imports",
        "/imports/<int:import_id>/book",
        "/imports/<int:import_id>/forget",
        "/imports/<int:import_id>/undo",
        "/lifecycle/rules",
        "/parked/deliveries/<int:delivery_id>/replay",
        "/parked/effects/<int:effect_id>/replay",
        "/lifecycle/benchmarks",
        "/lifecycle/benchmarks/file",
        "/lifecycle/count",
        "/lifecycle/spend",
        "/lifecycle/spend/file",
        "/mails",
        "/u/<int:shop_id>/<int:customer_id>/<key>",
        "/visits",
        "/pixel",
        "/redemptions/<int:redemption_id>/hand-over",
        "/redemptions/<int:redemption_id>/refuse",
        "/redemptions/<int:redemption_id>/take-back",
        "/referral/advocates/<int:customer_id>/<decision>",
        "/referral/figures",
        "/referral/review/<int:screening_id>/<decision>",
        "/referral/review/<int:screening_id>/ring",
        "/referral/weights",
        "/rewards",
        "/rewards/withdraw",
        "/privacy/erasures/<request_id>",
        *(f"/proxy/you/{what}" for what in ("data", "erase", "keep", "language", "mails", "program")),
        "/proxy/birthday",
        "/proxy/cart",
        "/proxy/deeds",
        "/proxy/invited",
        "/referral",
        "/proxy/redeem",
        "/proxy/scratch",
        "/proxy/device",
        "/proxy/share/copy/<code>",
        "/companion/birthday",
        "/companion/choose",
        "/companion/deed",
        "/companion/earn",
        "/companion/history",
        "/companion/opened",
        "/companion/order",
        "/companion/scratch",
        *(f"/companion/{what}" for what in ("birthday", "choose", "deed", "earn", "history", "order")),
        "/companion/share",
        "/segments/<int:segment_id>/<deed>",
        "/segments/<wanted>",
        "/segments/new",
        "/store/disconnect",
        "/store/look",
        "/woocommerce",
        "/woocommerce/grant",
        "/s/<int:shop_id>/<int:survey_id>/<key>",
        "/surveys",
        "/surveys/<int:survey_id>/looked-after",
        "/tiers",
        "/value",
        "/proxy/r/<code>",
        "/people/<int:staff_id>/remove",
        "/people/<int:staff_id>/role",
        "/people/invite",
        "/people/newcomers",
        "/sign-in/link",
        "/sign-in/link/<end>",
        "/sign-in/passkey",
        "/you/name",
        "/you/passkeys",
        "/you/passkeys/<int:passkey_id>/remove",
        "/you/sessions/<int:session_id>/end",
        "/you/sessions/end-others",
        "/you/sign-out",
    }
    assert all("GET" not in methods for path, methods in rules.items())


def test_a_page_load_without_a_token_goes_to_fetch_one(merchant: Merchant) -> None:
    answer = merchant.client.get(f"/customers?shop={merchant.shop.domain}&embedded=1&stage=lead")
    assert answer.status_code == 302
    assert BOUNCE_PATH in answer.headers["Location"]
    assert "stage%3Dlead" in answer.headers["Location"]


def test_a_post_without_a_token_is_refused(merchant: Merchant) -> None:
    assert merchant.client.post("/parked/deliveries/1/replay").status_code == 401


def test_a_token_in_the_query_opens_pages_and_posts_nothing(merchant: Merchant) -> None:
    path = f"/parked/deliveries/1/replay?id_token={merchant.token()}"
    assert merchant.client.post(path).status_code == 401


def test_a_token_that_has_ended_is_asked_for_again(merchant: Merchant) -> None:
    old = merchant.token(exp=1, nbf=1, iat=1)
    answer = merchant.client.get("/", headers={"Authorization": f"Bearer {old}"})
    assert answer.status_code == 401
    assert answer.headers["X-Shopify-Retry-Invalid-Session-Request"] == "1"


def test_a_proxied_page_without_its_signature_is_refused(stranger: Shopper) -> None:
    assert stranger.client.get("/proxy/").status_code == 401
    assert stranger.client.get(f"/proxy/?{stranger.query()}".replace("signature=", "signature=0")).status_code == 401


def test_a_forged_customer_is_refused(shopper: Shopper) -> None:
    query = shopper.query().replace("logged_in_customer_id=7", "logged_in_customer_id=8")
    assert shopper.client.get(f"/proxy/?{query}").status_code == 401


def test_a_shop_that_we_do_not_know_is_not_found(house: House, shop: Shop) -> None:
    unknown = Shopper(
        house.app.test_client(), Shop(**{n: getattr(shop, n) for n in Shop.__slots__} | {"domain": "x.myshopify.com"})
    )
    assert unknown.get().status_code == 404


def test_the_policy_names_this_shop_s_admin_alone(merchant: Merchant, next_door: Shop) -> None:
    for path in ("/", "/customers", "/customers/1", "/activity", "/extensions", "/privacy", "/privacy/exports/none"):
        policy = merchant.open(path).headers["Content-Security-Policy"]
        assert f"frame-ancestors https://{merchant.shop.domain} https://admin.shopify.com" in policy
        assert "default-src 'none'" in policy
        assert "script-src 'self' https://cdn.shopify.com;" in policy
        assert "style-src 'self';" in policy
        assert "unsafe" not in policy
        assert next_door.domain not in policy


def test_pages_outside_of_the_admin_are_framed_by_nobody(merchant: Merchant) -> None:
    for path in ("/nowhere", "/health", "/?shop=x"):
        assert "frame-ancestors 'none'" in merchant.client.get(path).headers["Content-Security-Policy"]


def test_the_theme_s_own_scripts_and_styles_are_let_alone(stranger: Shopper) -> None:
    answer = stranger.get()
    assert answer.mimetype == "application/liquid"
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src" not in policy
    assert "default-src" not in policy


def test_an_error_on_the_shop_s_site_brings_its_style_from_us(stranger: Shopper) -> None:
    answer = stranger.client.get("/proxy/")
    assert 'href="https://perennial.example/static/app.css' in answer.text
    assert "style-src https://perennial.example;" in answer.headers["Content-Security-Policy"]


def test_no_page_is_kept_by_a_cache_and_files_are_kept_for_ever(merchant: Merchant, stranger: Shopper) -> None:
    assert merchant.open("/").headers["Cache-Control"] == "private, no-store"
    assert stranger.get().headers["Cache-Control"] == "private, no-store"
    with merchant.client.get("/static/app.css") as file:
        assert "max-age=31536000" in file.headers["Cache-Control"]


def test_no_page_writes_a_token_down(merchant: Merchant) -> None:
    for path in ("/", "/customers", "/activity"):
        assert "id_token" not in merchant.open(path).text


def test_links_of_the_shopper_s_begin_with_the_shop_s_path_and_never_with_ours(stranger: Shopper) -> None:
    page = stranger.get().text
    assert PROXY_PATH not in page
    assert f"return_url={PREFIX}/" in page
