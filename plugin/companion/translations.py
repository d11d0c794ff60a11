"""The texts of the store's plugin, as translators and WordPress take them: a template (.pot), a file a language (.po),
and what WordPress reads (.mo).

``python -m plugin.companion.translations`` writes the template anew from the plugin's own files, brings each language
up to it, and compiles; what has no translation yet stays English in the shop. A test compares all of them.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

PLUGIN = Path(__file__).parents[1] / "extensions" / "wordpress" / "perennial"
LANGUAGES = PLUGIN / "languages"
DOMAIN = "perennial"

_STRING = r"'((?:[^'\\]|\\.)*)'"
_CALL = re.compile(rf"\b(?:__|esc_html__|esc_attr__)\(\s*{_STRING}\s*,\s*'{DOMAIN}'\s*\)")
_PLURAL = re.compile(rf"\b_n\(\s*{_STRING}\s*,\s*{_STRING}\s*,[^,]+,\s*'{DOMAIN}'\s*\)")
_NOTE = re.compile(r"/\* (translators: .*?) \*/")
_HEADER = re.compile(r"^ \* (?:Plugin Name|Description): +(.+)$", flags=re.MULTILINE)

# A template that was made from the same texts is the same file, whenever it was made.
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Text:
    """One text: its plural and the note for translators, where it has one; `context` as WordPress names it."""

    text: str
    where: str
    plural: str = ""
    context: str = ""
    note: str = ""


def texts() -> Iterator[Text]:
    """Every text of the plugin, file by file."""
    yield from (
        Text(found, "perennial.php") for found in _HEADER.findall((PLUGIN / "perennial.php").read_text("utf-8"))
    )
    for file in sorted(PLUGIN.rglob("*.php")):
        yield from _of_code(file)
    for file in sorted(PLUGIN.glob("blocks/*/block.json")):
        yield from _of_block(file)


def _of_code(file: Path) -> Iterator[Text]:
    where, note = str(file.relative_to(PLUGIN)), ""
    for line in file.read_text("utf-8").splitlines():
        if said := _NOTE.search(line):
            note = said[1]
            continue
        found = [Text(_plain(t), where, note=note) for t in _CALL.findall(line)]
        found += [Text(_plain(one), where, _plain(many), note=note) for one, many in _PLURAL.findall(line)]
        yield from found
        note = "" if found else note


def _of_block(file: Path) -> Iterator[Text]:
    said, where = json.loads(file.read_text("utf-8")), str(file.relative_to(PLUGIN))
    yield Text(said["title"], where, context="block title")
    yield Text(said["description"], where, context="block description")
    yield from (Text(word, where, context="block keyword") for word in said["keywords"])


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def template() -> Catalog:
    """All texts, each once, with nothing said yet."""
    catalog = Catalog(project="Perennial", version="1.1.0", creation_date=_EPOCH, revision_date=_EPOCH, charset="utf-8")
    _head(catalog)
    for each in texts():
        name = (each.text, each.plural) if each.plural else each.text
        notes = [each.note] if each.note else []
        catalog.add(name, locations=[(each.where, 1)], auto_comments=notes, context=each.context or None)
    return catalog


def _head(catalog: Catalog) -> None:
    """The head of a file, without the blanks that the library would leave for people to fill in."""
    catalog.header_comment, catalog.fuzzy = "# The texts of the Perennial plugin. Apache-2.0.", False
    catalog.msgid_bugs_address, catalog.last_translator, catalog.language_team = "", "Perennial", "Perennial"
    catalog.revision_date = _EPOCH


def write() -> list[str]:
    """Bring the template, every language and what is compiled up to date; answers the names of the files."""
    wanted, written = template(), [f"{DOMAIN}.pot"]
    with (LANGUAGES / f"{DOMAIN}.pot").open("wb") as out:
        write_po(out, wanted, width=0, include_lineno=False)
    for file in sorted(LANGUAGES.glob("*.po")):
        with file.open("rb") as given:
            catalog = read_po(given, locale=file.stem.partition("-")[2])
        catalog.update(wanted, no_fuzzy_matching=True)
        catalog.obsolete.clear()
        _head(catalog)
        with file.open("wb") as out:
            write_po(out, catalog, width=0, include_lineno=False)
        file.with_suffix(".mo").write_bytes(compiled(catalog))
        written += [file.name, file.with_suffix(".mo").name]
    return written


def compiled(catalog: Catalog) -> bytes:
    """What WordPress reads: what is translated, sorted, behind two tables of lengths and places.

    WordPress wants to be told where a table of hashes would be, though there is none: the library that made the catalog
    says 0 there, and every text would stay English.
    """
    said = {"": "".join(f"{name}: {value}\n" for name, value in catalog.mime_headers)}
    for each in catalog:
        if each.id and each.string and not each.fuzzy:
            names = each.id if isinstance(each.id, (list, tuple)) else (each.id,)
            forms = each.string if isinstance(each.string, (list, tuple)) else (each.string,)
            said[(f"{each.context}\x04" if each.context else "") + "\0".join(names)] = "\0".join(forms)
    pairs = sorted((key.encode(), text.encode()) for key, text in said.items())
    tables = 28 + 16 * len(pairs)
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, tables)
    places, strings, at = [b"", b""], b"", tables
    for column in (0, 1):
        for pair in pairs:
            places[column] += struct.pack("<2I", len(pair[column]), at)
            strings += pair[column] + b"\0"
            at += len(pair[column]) + 1
    return head + places[0] + places[1] + strings


if __name__ == "__main__":
    sys.stdout.write("\n".join(write()) + "\n")
