"""Which sentences there are: those of the templates, those of the pages' code, and those that the domains say.

A sentence is an argument of `_`, `gettext`, `ngettext`, `say` or `say_many`, two words that `counted` counts, or the
docstring of a refusal.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import jinja2.ext
from babel import Locale
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po, write_po

HOUSE = Path(__file__).parents[2]
ROOMS = ("commerce", "engine", "loyalty", "referral", "lifecycle", "campaigns", "plugin")
# Those that no page shows: the terminal speaks English.
PASSED_OVER = ("plugin/demo", "plugin/cli.py", "plugin/translations")

ONE = ("_", "gettext", "say")
MANY = ("ngettext", "say_many")
KEYWORDS = (*ONE, *MANY, "counted")

Found = tuple[str, int, str | tuple[str, str]]


def collect(house: Path = HOUSE) -> Catalog:
    """Every sentence, with the places where it is said, in the order of the files."""
    catalog = Catalog(project="Perennial", charset="utf-8")
    for place, _line, said in sorted(_all(house), key=lambda found: found[:2]):
        # Where it stands is for whoever translates; a line's number would change with every commit.
        catalog.add(said, locations=[(place, 0)], flags=_flags(said))
    for message in catalog:
        message.locations = sorted(set(message.locations))
    return catalog


def update(file: Path, sentences: Catalog) -> int:
    """Add what is new to a catalogue, drop what nobody says any more, and answer how many sentences lack words."""
    catalog = Catalog(locale=file.stem, project="Perennial", charset="utf-8", header_comment="", fuzzy=False)
    if file.stat().st_size:
        with file.open("rb") as read:
            catalog = read_po(read, locale=file.stem)
    known = {message.id: message.string for message in catalog if message.id and message.string}
    made = Catalog(locale=file.stem, project="Perennial", charset="utf-8", fuzzy=False)
    made.header_comment = (
        f"# {Locale.parse(file.stem).english_name}: what the pages say. `make languages` keeps it complete."
    )
    for message in sentences:
        if message.id:
            made.add(message.id, known.get(message.id), message.locations, message.flags)
    with file.open("wb") as write:
        write_po(write, made, width=120, omit_header=False, sort_output=False, include_lineno=False)
    _without_dates(file)
    return sum(1 for message in made if message.id and not _whole(message))


def _without_dates(file: Path) -> None:
    """A date in the header would make two people's catalogues differ who changed nothing."""
    said = file.read_text("utf-8")
    file.write_text(re.sub(r'^"(POT-Creation-Date|PO-Revision-Date|Generated-By): .*\n', "", said, flags=re.M), "utf-8")


def _whole(message: Message) -> bool:
    return bool(message.string) and all(message.string if isinstance(message.string, tuple) else [message.string])


def _flags(said: str | tuple[str, str]) -> list[str]:
    patterns = (said,) if isinstance(said, str) else said
    return ["python-format"] if any("%(" in pattern for pattern in patterns) else []


def _all(house: Path) -> Iterator[Found]:
    for room in ROOMS:
        for file in sorted((house / room).rglob("*.py")):
            if not _passed_over(file, house):
                yield from _of_python(file, house)
    for file in sorted((house / "plugin" / "templates").rglob("*.html")):
        if not _passed_over(file, house):
            yield from _of_template(file, house)


def _passed_over(file: Path, house: Path) -> bool:
    return file.relative_to(house).as_posix().startswith(PASSED_OVER)


def _of_template(file: Path, house: Path) -> Iterator[Found]:
    options = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
    with file.open("rb") as read:
        for line, function, said, _ in jinja2.ext.babel_extract(read, KEYWORDS, (), options):
            given = [part for part in said if isinstance(part, str)] if isinstance(said, tuple) else [said]
            yield from _shaped(file.relative_to(house).as_posix(), line, function or "_", [g for g in given if g])


def _of_python(file: Path, house: Path) -> Iterator[Found]:
    place = file.relative_to(house).as_posix()
    tree = ast.parse(file.read_text("utf-8"))
    refusals = _refusals(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in KEYWORDS:
                given = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                yield from _shaped(place, node.lineno, name, given)
        elif isinstance(node, ast.ClassDef) and node.name in refusals and (said := ast.get_docstring(node)):
            yield place, node.lineno, " ".join(said.split())


def _refusals(tree: ast.Module) -> set[str]:
    """The classes of a file that are refusals, those that descend from another of the file among them."""
    found = {"Refusal"}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and found & {ast.unparse(each).rpartition(".")[2] for each in node.bases}:
            found.add(node.name)
    return found - {"Refusal"}


def _shaped(place: str, line: int, function: str, given: list[str]) -> Iterator[Found]:
    if function in ONE and given:
        yield place, line, given[0]
    elif function in MANY and len(given) >= 2:
        yield place, line, (given[0], given[1])
    elif function == "counted" and len(given) >= 2:
        yield place, line, (f"%(num)s {given[0]}", f"%(num)s {given[1]}")
