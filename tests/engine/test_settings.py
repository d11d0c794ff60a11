"""Settings: every mistake at once, no secret shown, and nothing that we do not know."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from engine.settings import BadSettings, read

ROOT = Path(__file__).parents[2]
# The same in every process: it is part of a test's name.
KEY = base64.urlsafe_b64encode(b"k" * 32).decode()
GOOD = {
    "PERENNIAL_URL": "https://perennial.example.com/",
    "PERENNIAL_SEAL_KEYS": KEY,
    "SHOPIFY_CLIENT_ID": "client",
    "SHOPIFY_CLIENT_SECRET": "a secret of the platform",
}


def mistakes(**changed: str) -> list[str]:
    with pytest.raises(BadSettings) as bad:
        read(GOOD | changed)
    return bad.value.mistakes


def test_the_few_that_are_needed_are_enough() -> None:
    settings = read(GOOD | {"PATH": "/bin", "HOME": "/x"})
    assert settings.app_url == "https://perennial.example.com"
    assert (settings.host, settings.port, settings.database_url) == ("127.0.0.1", 8080, None)
    assert (settings.body_limit, settings.log_style, settings.log_level) == (8 * 1024 * 1024, "json", "INFO")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(BadSettings) as bad:
        read({
            "PERENNIAL_PORT": "99999",
            "PERENNIAL_LOG_STYLE": "colourful",
            "PERENNIAL_SEAL_KEYS": "not-a-key",
            "SHOPIFY_CLIENT_SECRET": "short",
            "PERENNIAL_PROT": "8080",
            "DATABASE_URL": "mysql://x",
        })  # fmt: skip
    assert bad.value.mistakes == [
        "PERENNIAL_PROT is not a setting; check its spelling",
        "DATABASE_URL must be the address of a PostgreSQL database, such as postgresql://user:password@host/perennial",
        "PERENNIAL_URL is not set",
        "PERENNIAL_PORT must be a whole number from 1 to 65535",
        "PERENNIAL_SEAL_KEYS must be Fernet keys with commas between them, newest first; make one with: "
        "python app.py new-key",
        "PERENNIAL_LOG_STYLE must be one of json, words",
        "SHOPIFY_CLIENT_ID is not set",
        "SHOPIFY_CLIENT_SECRET is too short to be a secret: at least 16 characters",
    ]


@pytest.mark.parametrize(
    "name, value",
    [
        ("PERENNIAL_PORT", "0"), ("PERENNIAL_PORT", "-1"), ("PERENNIAL_PORT", "８０８０"), ("PERENNIAL_PORT", "80.5"),
        ("PERENNIAL_URL", "perennial.example.com"), ("PERENNIAL_URL", "ftp://x"), ("PERENNIAL_BODY_LIMIT", "1"),
        ("PERENNIAL_SEAL_KEYS", f"{KEY},nonsense"), ("SHOPIFY_PLATFORM_URL", "here"), ("SHOPIFY_TOKEN", "x"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_meant_is_refused(name: str, value: str) -> None:
    (mistake,) = mistakes(**{name: value})
    assert mistake.startswith(f"{name} ")
    assert KEY not in mistake


def test_a_secret_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a secret in a file, with a line's end\n")
    settings = read({name: value for name, value in GOOD.items() if name != "SHOPIFY_CLIENT_SECRET"} | {
        "SHOPIFY_CLIENT_SECRET_FILE": str(tmp_path / "secret")
    })  # fmt: skip
    assert settings.shopify_client_secret == "a secret in a file, with a line's end"


def test_a_secret_in_both_places_is_a_mistake(tmp_path: Path) -> None:
    assert mistakes(SHOPIFY_CLIENT_SECRET_FILE=str(tmp_path / "x")) == [
        "SHOPIFY_CLIENT_SECRET and SHOPIFY_CLIENT_SECRET_FILE are both set: keep one"
    ]


def test_a_file_that_cannot_be_read_is_a_mistake() -> None:
    given = {name: value for name, value in GOOD.items() if name != "PERENNIAL_SEAL_KEYS"}
    with pytest.raises(BadSettings, match="PERENNIAL_SEAL_KEYS cannot be read from the file") as bad:
        read(given | {"PERENNIAL_SEAL_KEYS_FILE": "/nowhere/at/all"})
    assert len(bad.value.mistakes) == 1


def test_secrets_are_not_shown() -> None:
    shown = repr(read(GOOD | {"DATABASE_URL": "postgresql://u:pass-word@host/db"}))
    for secret in (KEY, GOOD["SHOPIFY_CLIENT_SECRET"], "pass-word"):
        assert secret not in shown


@pytest.mark.slow
def test_the_command_line_lists_every_mistake_and_ends_with_two() -> None:
    environment = {"PATH": "/usr/bin:/bin", "PERENNIAL_PORT": "none", "SHOPIFY_CLIENT_SECRET": "short"}
    command = [sys.executable, "app.py", "settings"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    for name in (
        "PERENNIAL_PORT",
        "PERENNIAL_URL",
        "PERENNIAL_SEAL_KEYS",
        "SHOPIFY_CLIENT_ID",
        "SHOPIFY_CLIENT_SECRET",
    ):
        assert f"  - {name} " in done.stderr
    assert "Traceback" not in done.stderr


def test_the_grant_and_the_shop_that_it_needs_go_together() -> None:
    assert (read(GOOD).shopify_grant, read(GOOD).shopify_shop) == ("token_exchange", None)
    own = read(GOOD | {"SHOPIFY_GRANT": "client_credentials", "SHOPIFY_SHOP": "My-Store.myshopify.com"})
    assert own.shopify_shop == "my-store.myshopify.com"
    assert mistakes(SHOPIFY_GRANT="client_credentials") == [
        "SHOPIFY_SHOP is not set, and SHOPIFY_GRANT=client_credentials is for the one shop that it names"
    ]
    assert mistakes(SHOPIFY_SHOP="my-store.myshopify.com") == [
        "SHOPIFY_SHOP is set, which only SHOPIFY_GRANT=client_credentials knows what to do with"
    ]
    assert mistakes(SHOPIFY_GRANT="oauth", SHOPIFY_SHOP="my-store.example.com", PERENNIAL_PORT="x") == [
        "PERENNIAL_PORT must be a whole number from 1 to 65535",
        "SHOPIFY_GRANT must be one of token_exchange, authorization_code, client_credentials",
        "SHOPIFY_SHOP must be the address that a store has on the platform, such as my-store.myshopify.com",
    ]


ALONE = {name: value for name, value in GOOD.items() if not name.startswith("SHOPIFY")} | {"WOOCOMMERCE": "yes"}


def test_stores_of_woocommerce_need_nothing_of_shopify() -> None:
    settings = read(ALONE)
    assert (settings.woocommerce, settings.shopify_client_id, settings.shopify_client_secret) == (True, None, None)
    assert settings.woocommerce_private is False
    assert read(GOOD).woocommerce is False
    assert read(GOOD | {"WOOCOMMERCE": "yes"}).woocommerce is True


def test_a_house_without_any_platform_is_told_both_ways() -> None:
    with pytest.raises(BadSettings) as bad:
        read({name: value for name, value in ALONE.items() if name != "WOOCOMMERCE"})
    assert bad.value.mistakes == [
        "SHOPIFY_CLIENT_ID is not set",
        "SHOPIFY_CLIENT_SECRET is not set",
        "there is no platform to serve: set WOOCOMMERCE=yes, or what Shopify needs",
    ]


def test_half_of_shopify_beside_woocommerce_is_a_mistake() -> None:
    with pytest.raises(BadSettings) as bad:
        read(ALONE | {"SHOPIFY_CLIENT_ID": "client"})
    assert bad.value.mistakes == ["SHOPIFY_CLIENT_SECRET is not set, and Shopify needs both"]
    with pytest.raises(BadSettings, match="WOOCOMMERCE_PRIVAT is not a setting"):
        read(ALONE | {"WOOCOMMERCE_PRIVAT": "yes"})
    assert mistakes(WOOCOMMERCE="on") == ["WOOCOMMERCE must be one of yes, no"]
