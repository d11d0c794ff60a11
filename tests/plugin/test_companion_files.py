"""The plugin's files: small, escaped, translated, without a build, and packed the same way each time."""

from __future__ import annotations

import gettext
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from connectors.woocommerce import companion
from plugin.companion.archive import packed, version
from plugin.companion.translations import DOMAIN, LANGUAGES, PLUGIN, compiled, template

FILES = sorted(file for file in PLUGIN.rglob("*") if file.is_file())
CODE = [file for file in FILES if file.suffix == ".php"]
SAID = ["ar", "fa_IR", "ro_RO"]
HOLE = re.compile(r"%(?:\d\$)?s")
CALLS = re.compile(r"\b(?:__|_e|_x|_n|_nx|esc_html__|esc_html_e|esc_attr__|esc_attr_e|esc_html_x|esc_attr_x)\((.*)")


def text(name: str) -> str:
    return (PLUGIN / name).read_text("utf-8")


def catalog(file: Path) -> Catalog:
    with file.open("rb") as given:
        return read_po(given)


def head(name: str) -> str:
    found = re.search(rf"^ \* {name}: +(.+)$", text("perennial.php"), flags=re.MULTILINE)
    assert found is not None
    return found[1]


def test_nothing_lies_about_and_nothing_is_large() -> None:
    kinds = {"php", "css", "js", "json", "po", "mo", "pot", "txt"}
    assert {file.suffix[1:] for file in FILES} == kinds
    assert [file.name for file in CODE if file.read_text("utf-8").count("\n") > 400] == []
    assert [file.name for file in FILES if file.suffix in (".js", ".css") and file.stat().st_size > 12_000] == []
    assert sum(file.stat().st_size for file in CODE) < 165_000


@pytest.mark.parametrize("file", CODE, ids=lambda file: file.name)
def test_no_file_does_anything_when_it_is_asked_for_by_itself(file: Path) -> None:
    assert re.search(
        r"^defined\( '(ABSPATH|WP_UNINSTALL_PLUGIN)' \) \|\|.* exit;$", file.read_text("utf-8"), flags=re.M
    )


@pytest.mark.parametrize("file", CODE, ids=lambda file: file.name)
def test_every_text_goes_through_the_plugin_s_own_domain(file: Path) -> None:
    for rest in CALLS.findall(file.read_text("utf-8")):
        assert f", '{DOMAIN}' )" in rest, rest


@pytest.mark.parametrize("file", CODE, ids=lambda file: file.name)
def test_what_is_printed_is_escaped_and_what_comes_in_is_cleaned(file: Path) -> None:
    code = file.read_text("utf-8")
    printed = [line.strip() for line in code.splitlines() if re.search(r"\becho\b.*\$", line)]
    # What a piece of ours made is escaped where it was made, and carries that name.
    assert [line for line in printed if not re.search(r"\b(esc_|get_language_attributes)|echo \$escaped;", line)] == []
    given = re.compile(r"(?:\s=|return) .*\$_(?:GET|POST|COOKIE|SERVER|REQUEST)")
    cleaned = re.compile(r"(?:sanitize_text_field|esc_url_raw)\( wp_unslash\(")
    came_in = [line.strip() for line in code.splitlines() if given.search(line)]
    assert [line for line in came_in if not cleaned.search(line)] == []
    forbidden = r"\b(eval|extract|create_function|unserialize|base64_decode|curl_init|file_get_contents|error_log)\("
    assert not re.search(forbidden, code)
    assert "$wpdb->query" not in code or "$wpdb->prepare" in code


@pytest.mark.parametrize("file", CODE, ids=lambda file: file.name)
def test_the_oldest_php_that_we_promise_understands_it(file: Path) -> None:
    code = re.sub(r"^\s*(?:\*|/\*|//).*$", "", file.read_text("utf-8"), flags=re.MULTILINE)
    newer = (r"\?->", r"\bmatch\s*\(", r"\breadonly (?:class|\w+ \$)", r"\benum \w+", r"#\[", r"\bmixed \$")
    assert [form for form in newer if re.search(form, code)] == []
    assert not re.search(r"\bstr_(?:contains|starts_with|ends_with)\(", code)


def test_orders_are_touched_by_woocommerce_s_classes_alone() -> None:
    code = "".join(file.read_text("utf-8") for file in CODE)
    assert not re.search(r"\b(get|update|add|delete)_post_meta\(|\bwp_posts\b|\bget_posts\(|\bWP_Query\b", code)
    for feature in ("custom_order_tables", "cart_checkout_blocks"):
        assert f"declare_compatibility( '{feature}', __FILE__, true )" in text("perennial.php")


def test_everything_that_is_kept_is_cleaned_up() -> None:
    code = "".join(file.read_text("utf-8") for file in CODE if file.name != "uninstall.php")
    cookies = set(re.findall(r"const COOKIE +?= '(\w+)'", code))
    assert cookies == {"perennial_ref", "perennial_device"}
    assert all(cookie in text("readme.txt") for cookie in cookies)
    assert all(cookie in text("includes/class-perennial-privacy.php") for cookie in cookies)
    assert all(f"Perennial_{part}::forget();" in text("uninstall.php") for part in ("Referral", "Visitor"))
    kept = set(re.findall(r"const (?:OPTION|FAULT|EPOCH|RULES) +?= '(\w+)'", code))
    assert kept == {"perennial_connection", "perennial_fault", "perennial_epoch", "perennial_rules"}
    assert all(f"'{name}'" in text("uninstall.php") for name in kept)
    assert "_transient_perennial_" in text("uninstall.php")
    assert "user_meta" not in code


def test_directions_are_logical_and_nothing_comes_from_elsewhere() -> None:
    style = re.sub(r"/\*.*?\*/", "", text("assets/perennial.css"), flags=re.DOTALL)
    physical = r"(?<![\w-])(left|right|top|bottom|width|height|margin-(?:left|right)|padding-(?:left|right))\s*:"
    assert not re.search(physical, style)
    assert not re.search(r"(text-align|float):\s*(left|right)|@import|url\(", style)
    selectors = re.findall(r"^([^\s{}][^{}]*)\{", style.replace("@media (scripting: enabled) { ", ""), flags=re.M)
    assert all(selector.startswith(".perennial") for selector in selectors)
    shown = "".join(text(name) for name in ("includes/class-perennial-view.php", "assets/blocks.js"))
    assert "http" not in shown.replace("https://schemas.wp.org", "")
    assert "style=" not in shown


def test_the_editor_s_script_is_small_and_does_nothing_forbidden() -> None:
    code = text("assets/blocks.js")
    assert not re.search(r"\beval\b|new Function|document\.cookie|innerHTML|\bimport\b|XMLHttpRequest|fetch\(", code)
    node = shutil.which("node")
    if node is not None:
        done = subprocess.run([node, "--check", str(PLUGIN / "assets" / "blocks.js")], check=False, timeout=60)
        assert done.returncode == 0


def test_each_block_has_a_shortcode_and_is_drawn_by_the_server() -> None:
    names = {json.loads(file.read_text("utf-8"))["name"] for file in PLUGIN.glob("blocks/*/block.json")}
    pieces = ("balance", "rewards", "history", "tiers", "ways", "tickets", "referral", "earn", "cart", "badge")
    assert names == {f"perennial/{piece}" for piece in pieces}
    assert set(re.findall(r"'(perennial/\w+)'", text("assets/blocks.js"))) == names
    drawn = re.findall(r"^\t\t'(\w+)' +=> array\( 'Perennial_", text("includes/class-perennial-blocks.php"), flags=re.M)
    assert tuple(drawn) == pieces
    assert all(f"[perennial_{piece}" in text("readme.txt") for piece in pieces)
    for file in PLUGIN.glob("blocks/*/block.json"):
        told = json.loads(file.read_text("utf-8"))
        assert told["textdomain"] == DOMAIN
        assert told["editorScript"] == "perennial-blocks"


def test_the_plugin_speaks_to_the_app_s_own_paths() -> None:
    code = "".join(file.read_text("utf-8") for file in CODE)
    asked = set(re.findall(r"(?:Perennial_Client::(?:ask|tell)|self::patient)\(\s*'(\w+)'", code)) | {"enter"}
    asks = {"account", "redeem", "claim", "choose", "deed", "birthday", "scratch", "history", "earn", "order"}
    assert asked == asks | {"export", "erase", "enter", "share", "opened"}
    assert code.count(f"'{companion.COMPANION_PATH}/") == 2
    assert f"const SPACE = '{companion.NAMESPACE}'" in code
    assert set(companion.HEADERS.values()) == {f"X-Perennial-{n}" for n in ("Shop", "Timestamp", "Nonce", "Signature")}


def test_the_order_s_meta_is_what_we_read_from_orders() -> None:
    from commerce.reading import REFERRAL_ATTRIBUTES

    (meta,) = re.findall(r"const META +?= '(\w+)'", text("includes/class-perennial-referral.php"))
    assert meta in REFERRAL_ATTRIBUTES


# --- languages


def test_the_template_holds_every_text_of_the_plugin() -> None:
    kept, wanted = catalog(LANGUAGES / f"{DOMAIN}.pot"), template()
    assert {(m.id, m.context) for m in kept if m.id} == {(m.id, m.context) for m in wanted if m.id}


@pytest.mark.parametrize("language", SAID)
def test_every_language_says_everything_with_the_same_holes(language: str) -> None:
    said = catalog(LANGUAGES / f"{DOMAIN}-{language}.po")
    assert {(m.id, m.context) for m in said if m.id} == {(m.id, m.context) for m in template() if m.id}
    for message in said:
        if not message.id:
            continue
        one = message.id[0] if isinstance(message.id, tuple) else message.id
        forms = message.string if isinstance(message.string, tuple | list) else [message.string]
        for form in map(str, forms):
            assert form.strip(), message.id
            assert sorted(HOLE.findall(form)) == sorted(HOLE.findall(str(one))), message.id
    assert len([m for m in said if m.id and m.string == m.id]) <= 3, "names stay, sentences do not"


@pytest.mark.parametrize("language", SAID)
def test_what_wordpress_reads_is_what_the_translators_wrote(language: str) -> None:
    raw = (LANGUAGES / f"{DOMAIN}-{language}.mo").read_bytes()
    count, originals, translations, hashes = (int.from_bytes(raw[at : at + 4], "little") for at in (8, 12, 16, 24))
    # WordPress reads no other layout: the two tables beside each other, and the place after them named.
    assert (originals, translations, hashes) == (28, 28 + 8 * count, 28 + 16 * count)
    said, read = catalog(LANGUAGES / f"{DOMAIN}-{language}.po"), gettext.GNUTranslations(io.BytesIO(raw))
    for message in said:
        if isinstance(message.id, str) and message.id and not message.context:
            assert read.gettext(message.id) == message.string
        elif message.context:
            assert read.pgettext(message.context, str(message.id)) == message.string
    assert "%s" in read.ngettext("%s point", "%s points", 7)
    assert compiled(said)[28:200] == raw[28:200]


# --- the package


def test_the_package_is_the_same_each_time_and_holds_one_folder() -> None:
    assert packed() == packed()
    with ZipFile(io.BytesIO(packed())) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    assert names == [f"perennial/{file.relative_to(PLUGIN).as_posix()}" for file in FILES]


def test_one_version_is_said_everywhere() -> None:
    (defined,) = re.findall(r"define\( 'PERENNIAL_VERSION', '([\d.]+)' \)", text("perennial.php"))
    (stable,) = re.findall(r"^Stable tag: (.+)$", text("readme.txt"), flags=re.MULTILINE)
    assert head("Version") == defined == stable == template().version == version()
    assert f"= {defined} =" in text("readme.txt")
    (php,) = re.findall(r"^Requires PHP: (.+)$", text("readme.txt"), flags=re.MULTILINE)
    assert head("Requires PHP") == php == "7.4"
