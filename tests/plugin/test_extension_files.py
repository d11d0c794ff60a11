"""The extensions' own files: what the platform's command line and review ask of them, and that they agree with us.

JavaScript is parsed where there is a `node`; everywhere it is held to its size, and to what it must not do.
"""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import loyalty
from connectors.shopify import API_VERSION, EXTENSION_PATH, FLOW_PATH
from connectors.shopify.writes.announcements import EVENT_KEY
from connectors.shopify.writes.shop_fields import NAMESPACE
from engine.announcements import What
from plugin.flow import TITLES
from plugin.storefront import extension
from plugin.storefront.purchase import BoughtMeanwhile, FormTooOld, NotLoggedIn

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "plugin" / "extensions"
APP = tomllib.loads((ROOT / "shopify.app.toml").read_text("utf-8"))
LANGUAGES = ["ar", "en", "fa", "ro"]
TYPES = {"theme", "ui_extension", "web_pixel_extension", "flow_trigger", "flow_trigger_lifecycle_callback"}
BLOCKS = sorted((PLACE / "theme" / "blocks").glob("*.liquid"))
LIQUIDS = [*BLOCKS, *sorted((PLACE / "theme" / "snippets").glob("*.liquid"))]
SCRIPTS = sorted(PLACE.glob("*/src/*.js"))
SCHEMA = re.compile(r"\{% schema %\}(.*?)\{% endschema %\}", re.DOTALL)
KEY = re.compile(r"'([a-z_.]+)' \| t\b")
# What may stand in a page as it is: text of ours, what is escaped, numbers, and what the platform gives for attributes.
SAFE = re.compile(
    r".*\| (escape|t|url_encode)|'[a-z_.]+' \| t: \w+: \w+(, \w+: \w+)*|.*\| money \| strip_html|points \| at_least: 0"
    r"|reward\.points|written|rungs|rows|program\.tiers\.size \| at_most: 1|block\.shopify_attributes"
    r"|routes\.account_login_url"
)

# The platform's limits, in bytes where nothing else is said.
LIQUID, LOCALE, STYLE, SCRIPT, BUNDLE = 100_000, 15_000, 100_000, 10_000, 64_000
MOST_BLOCKS, MOST_SETTINGS = 30, 20


def extensions() -> list[tuple[Path, dict[str, Any]]]:
    """Every extension: its folder, and what its file says of it."""
    found = []
    for file in sorted(PLACE.glob("*/shopify.extension.toml")):
        told = tomllib.loads(file.read_text("utf-8"))
        for each in told.get("extensions", [told]):
            found.append(
                (file.parent, {"settings": told.get("settings", {}), "api_version": told.get("api_version")} | each)
            )
    return found


def of_type(kind: str) -> list[tuple[Path, dict[str, Any]]]:
    return [(folder, each) for folder, each in extensions() if each["type"] == kind]


def leaves(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def texts(file: Path) -> dict[str, str]:
    return dict(leaves(json.loads(file.read_text("utf-8"))))


# --- all of them


def test_the_app_s_file_leads_to_every_extension() -> None:
    (pattern,) = APP["extension_directories"]
    led_to = {path for path in ROOT.glob(pattern) if path.is_dir()}
    # The platform's command line takes folders that have its file; the plugin of the other platform has none.
    assert led_to - {PLACE / "wordpress"} == {folder for folder, _ in extensions()}
    assert not list((PLACE / "wordpress").rglob("*.toml"))


def test_every_extension_has_a_name_a_kind_and_an_id_of_its_own() -> None:
    told = [each for _, each in extensions()]
    assert {each["type"] for each in told} == TYPES
    assert all(5 <= len(each["name"]) <= 30 for each in told)
    assert len({each["uid"] for each in told}) == len(told)
    handles = [each["handle"] for each in told if "handle" in each]
    assert len(set(handles)) == len(handles)
    assert all(re.fullmatch(r"[a-z0-9-]{1,50}", handle) for handle in handles)


def test_no_extension_loads_anything_from_elsewhere() -> None:
    for file in [*BLOCKS, *(PLACE / "theme" / "snippets").iterdir(), *(PLACE / "theme" / "assets").iterdir(), *SCRIPTS]:
        found = re.findall(r"https?://[^\s\"'`]+", file.read_text("utf-8"))
        assert [address for address in found if not address.startswith(APP["application_url"])] == [], file.name


# --- the theme


def test_the_theme_s_blocks_are_small_and_work_without_script() -> None:
    """One script makes what they say exact, and keeps nothing. Another shows nothing: it is off until the merchant
    switches it on, and asks visitors' consent.
    """
    theme = PLACE / "theme"
    assert len(BLOCKS) <= MOST_BLOCKS
    assert sum(file.stat().st_size for file in LIQUIDS) <= LIQUID
    device, exact = sorted((theme / "assets").glob("*.js"))
    for script, used in ((device, {"device"}), (exact, {"cart", "earn", "points"})):
        assert {file.stem for file in BLOCKS if f'"{script.name}"' in file.read_text("utf-8")} == used
        assert len(gzip.compress(script.read_bytes())) <= SCRIPT
    assert "currentVisitorConsent" in device.read_text("utf-8")
    assert not re.search(r"localStorage|sessionStorage|document\.cookie", exact.read_text("utf-8"))
    assert not [file.name for file in LIQUIDS if re.search(r"<script|\son[a-z]+=|javascript:", file.read_text("utf-8"))]
    assert sum(len(gzip.compress(file.read_bytes())) for file in (theme / "assets").glob("*.css")) <= STYLE


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.stem)
def test_a_block_has_a_schema_within_the_limits(block: Path) -> None:
    (found,) = SCHEMA.findall(block.read_text("utf-8"))
    schema = json.loads(found)
    words = texts(PLACE / "theme" / "locales" / "en.default.schema.json")
    assert schema["target"] == ("body" if block.stem in ("launcher", "device") else "section")
    assert (PLACE / "theme" / "assets" / schema.get("stylesheet", schema.get("javascript"))).is_file()
    assert len(schema["settings"]) <= MOST_SETTINGS
    assert len({setting["id"] for setting in schema["settings"]}) == len(schema["settings"])
    named = [schema["name"], *(s[part] for s in schema["settings"] for part in ("label", "info"))]
    assert all(name.startswith("t:") and name[2:] in words for name in named)
    assert all(len(texts(file)[schema["name"][2:]]) <= 25 for file in PLACE.glob("theme/locales/*.schema.json"))


def test_nothing_floats_over_the_shop_s_pages() -> None:
    style = (PLACE / "theme" / "assets" / "perennial.css").read_text("utf-8")
    assert not re.search(r"position:\s*(fixed|sticky|absolute)|z-index", style)
    # Logical sides alone: right-to-left needs nothing of its own.
    assert not re.search(
        r"\b(left|right)\b(?!-to-)|(margin|padding)-(top|bottom)", re.sub(r"/\*.*?\*/", "", style, flags=re.S)
    )
    variables = set(re.findall(r"var\((--[a-z-]+), ", style))
    room = {f"--perennial-{name}" for name in ("tiers", "rungs", "rows")}
    assert variables - room == {f"--perennial-{name}" for name in ("accent", "on-accent", "radius", "gap")}
    assert style.count("var(") == len(re.findall(r"var\(--[a-z-]+, ", style)), "each has a value where no theme sets it"


@pytest.mark.parametrize("block", LIQUIDS, ids=lambda block: block.stem)
def test_a_block_says_nothing_but_translations_and_escapes_what_is_not_ours(block: Path) -> None:
    text = SCHEMA.sub("", block.read_text("utf-8"))
    said = set(KEY.findall(text))
    assert said or block.stem in ("device", "perennial-number", "perennial-side")
    assert said <= set(texts(PLACE / "theme" / "locales" / "en.default.json"))
    outputs = re.findall(r"\{\{-?\s*(.+?)\s*-?\}\}", text)
    assert [output for output in outputs if not SAFE.fullmatch(output)] == []
    assert text.count("{%") == text.count("%}")
    for word in ("if", "unless", "for", "case", "capture", "comment"):
        assert len(re.findall(rf"\{{%-? {word}\b", text)) == len(re.findall(rf"\{{%-? end{word}\b", text))
    assert "dir=\"{% render 'perennial-side' %}\"" in text or not said or block not in BLOCKS


def test_every_translation_is_used_and_blocks_read_the_app_s_own_fields() -> None:
    text = "".join(file.read_text("utf-8") for file in LIQUIDS)
    used = set(KEY.findall(text)) | {name[2:] for name in re.findall(r"t:[a-z_.]+", text)}
    known = {*texts(PLACE / "theme/locales/en.default.json"), *texts(PLACE / "theme/locales/en.default.schema.json")}
    assert used == known
    assert set(re.findall(r"customer\.metafields\.app\.([a-z_]+)", text)) == {"points", "tier", "referral_link"}
    assert set(re.findall(r"app\.metafields\.([a-z_.]+)", text)) == {
        f"{NAMESPACE}.program.value",
        f"{NAMESPACE}.look.value",
    }
    assert "metafields[" not in text


@pytest.mark.parametrize("place", ["theme", "shopper"])
def test_every_language_says_everything_and_is_small(place: str) -> None:
    kinds = ("", ".schema") if place == "theme" else ("",)
    for kind in kinds:
        files = {
            language: PLACE / place / "locales" / f"{language}{'.default' if language == 'en' else ''}{kind}.json"
            for language in LANGUAGES
        }
        english = texts(files["en"])
        for language, file in files.items():
            said = texts(file)
            assert list(said) == list(english), file.name
            assert file.stat().st_size <= LOCALE
            assert all(text.strip() for text in said.values())
            holes = re.compile(r"\{\{(\w+)\}\}")
            assert {key: sorted(holes.findall(text)) for key, text in said.items()} == {
                key: sorted(holes.findall(text)) for key, text in english.items()
            }
            if language != "en":
                assert [key for key, text in said.items() if text == english[key] and text != "{{title}}"] == []
    assert len(list((PLACE / place / "locales").iterdir())) == len(LANGUAGES) * len(kinds)


# --- the shopper's UI


def test_ui_extensions_have_the_platform_s_shape() -> None:
    told = of_type("ui_extension")
    targets = {each["handle"]: [t["target"] for t in each["targeting"]] for _, each in told}
    assert targets == {
        "perennial-points": ["customer-account.page.render"],
        "perennial-order": ["customer-account.order-status.block.render"],
        "perennial-checkout": ["purchase.checkout.block.render", "purchase.thank-you.block.render"],
    }
    for folder, each in told:
        assert each["api_version"] == API_VERSION == APP["webhooks"]["api_version"]
        assert each["capabilities"] == {"network_access": True}
        assert len(each.get("settings", {}).get("fields", [])) <= MOST_SETTINGS
        for target in each["targeting"]:
            module = (folder / target["module"]).read_text("utf-8")
            assert module.count("export default") == 1
            assert 'import "@shopify/ui-extensions/preact"' in module
    package = json.loads((PLACE / "shopper" / "package.json").read_text("utf-8"))
    assert package["dependencies"]["@shopify/ui-extensions"] == f"{API_VERSION.replace('-', '.')}.x"


def test_links_between_extensions_lead_to_a_page_that_is_there() -> None:
    pages = {
        each["handle"]
        for _, each in of_type("ui_extension")
        if any(target["target"].endswith(".page.render") for target in each["targeting"])
    }
    linked = {name for file in SCRIPTS for name in re.findall(r"extension:([a-z0-9-]+)/", file.read_text("utf-8"))}
    assert linked == pages == {"perennial-points"}


def test_the_code_says_nothing_but_translations() -> None:
    code = "".join(file.read_text("utf-8") for file in PLACE.glob("shopper/src/*.js"))
    known = texts(PLACE / "shopper" / "locales" / "en.default.json")
    whole = (
        set(re.findall(r"\bt\(\"([a-z_.-]+)\"", code))
        | {"checkout.used", "checkout.refused", "order.earned"}
        | {
            "checkout.heading",
            "checkout.earns",
            "checkout.earns_about",
        }
    )
    states = {f"codes.{state}" for state in ("making", "ready", "used", "ended", "returned")}
    refusals = {f"refused.{code}" for code in refusals_that_are_translated()}
    assert whole | states | refusals == set(known)


def refusals_that_are_translated() -> set[str]:
    (found,) = re.findall(r"KNOWN = \[(.*?)\]", (PLACE / "shopper" / "src" / "ask.js").read_text("utf-8"), re.DOTALL)
    return set(re.findall(r'"([a-z-]+)"', found))


def test_every_refusal_that_is_translated_is_one_of_ours() -> None:
    kinds = (FormTooOld, BoughtMeanwhile, NotLoggedIn, loyalty.NotEnoughPoints, loyalty.RewardUnknown)
    ours = {kind().code for kind in kinds}
    assert refusals_that_are_translated() == ours | {"signed-out", "not-installed"}


def test_the_addresses_are_those_of_the_app() -> None:
    url = APP["application_url"].rstrip("/")
    (asked,) = re.findall(r'ADDRESS = "([^"]+)"', (PLACE / "shopper" / "src" / "ask.js").read_text("utf-8"))
    ((_, callback),) = of_type("flow_trigger_lifecycle_callback")
    assert asked == f"{url}{EXTENSION_PATH}"
    assert callback["url"] == f"{url}{FLOW_PATH}"
    paths = {str(path) for file in SCRIPTS for path in re.findall(r"ask\([\"`](/[a-z]+)", file.read_text("utf-8"))}
    assert paths == {"/account", "/codes", "/earn", "/orders", "/redeem"}
    assert extension.pages.url_prefix == EXTENSION_PATH


# --- the pixel and the triggers


def test_the_pixel_runs_apart_and_with_consent() -> None:
    ((_, pixel),) = of_type("web_pixel_extension")
    assert pixel["runtime_context"] == "strict"
    assert pixel["customer_privacy"] == {
        "analytics": True, "marketing": True, "preferences": False, "sale_of_data": "disabled",
    }  # fmt: skip
    assert pixel["settings"]["type"] == "object"
    assert set(pixel["settings"]["fields"]) == {"account", "address"}
    code = (PLACE / "pixel" / "src" / "follow.js").read_text("utf-8")
    assert set(re.findall(r"settings\.(\w+)", code)) == {"account", "address"}
    assert set(re.findall(r'subscribe\("(\w+)"', code)) == {"page_viewed", "checkout_completed"}
    # Nothing of the shopper: of the event, only these are read.
    assert set(re.findall(r"(?:event|checkout)((?:\.\w+)+)", code)) == {
        ".context.document.location.search", ".context.document", ".data.checkout", ".token", ".order", ".order.id",
    }  # fmt: skip
    counting = (PLACE / "pixel" / "src" / "count.js").read_text("utf-8")
    shown = set(re.findall(r"\b(?:shown|at)\.(\w+)", counting))
    assert shown == {"location", "referrer", "pathname", "host", "search"}


def test_triggers_are_those_that_are_announced() -> None:
    triggers = {each["handle"]: each for _, each in of_type("flow_trigger")}
    assert set(triggers) == {str(what) for what in What}
    assert {each["name"].lower(): What(handle) for handle, each in triggers.items()} == TITLES
    for each in triggers.values():
        fields = each["settings"]["fields"]
        assert [field["type"] for field in fields].count("customer_reference") == 1
        keys = [field["key"] for field in fields if field["type"] != "customer_reference"]
        assert EVENT_KEY in keys
        assert all(re.fullmatch(r"[A-Za-z\s]+", key) for key in keys)
        assert len(each["handle"]) <= 30


# --- JavaScript


def test_scripts_are_small_and_do_nothing_forbidden() -> None:
    assert len(SCRIPTS) == 9
    forbidden = re.compile(r"\beval\b|new Function|document\.cookie|innerHTML|\bimport\(|XMLHttpRequest|console\.")
    for file in SCRIPTS:
        assert file.stat().st_size <= SCRIPT
        assert not forbidden.search(file.read_text("utf-8")), file.name
    whole = b"".join(file.read_bytes() for file in PLACE.glob("shopper/src/*.js"))
    assert len(gzip.compress(whole)) <= BUNDLE // 10, "leave room for the platform's own library"


@pytest.mark.skipif(shutil.which("node") is None, reason="THERE IS NO node: JavaScript was not parsed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda file: f"{file.parts[-3]}/{file.name}")
def test_a_script_is_javascript(script: Path) -> None:
    node = shutil.which("node")
    assert node is not None
    done = subprocess.run(
        [node, "--check", "--input-type=module", "-"],
        check=False,
        input=script.read_bytes(),
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
