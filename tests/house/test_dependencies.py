"""Every dependency is wanted, explained, pinned and hashed, and production needs none of development's."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys

import pytest

from tests.house.sources import ROOT, project_files, python_files

# Parts that a direct dependency's documentation hands out: Flask's, requests' retries, shopifyapp's errors.
COMES_WITH = {"werkzeug", "jinja2", "markupsafe", "click", "itsdangerous", "urllib3", "httpx"}
# These may use development dependencies: the sandbox executes GraphQL, the demo reads its data from packages.
DEVELOPMENT = {"tests", "sandbox", "bench"}


def direct(name: str) -> list[str]:
    """The packages that a requirements/*.in asks for, without what it includes."""
    lines = (ROOT / "requirements" / f"{name}.in").read_text().splitlines()
    found = (re.match(r"[a-z][a-z0-9-]*", line) for line in lines)
    return list(dict.fromkeys(match[0] for match in found if match))


def pins(name: str) -> list[str]:
    """The entries of a lock file: a pin with its hashes, as one line."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if re.match(r"[a-z0-9]", line)]


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_every_direct_dependency_is_pinned(name: str) -> None:
    pinned = {pin.split("==")[0] for pin in pins(name)}
    assert set(direct(name)) <= pinned


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_every_pin_has_hashes_and_no_host(name: str) -> None:
    assert [pin for pin in pins(name) if not re.search(r"--hash=sha256:[0-9a-f]{64}", pin)] == []
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_development_pins_what_production_pins() -> None:
    def versions(name: str) -> set[str]:
        return {re.split(r"[ ;]", pin)[0] for pin in pins(name)}

    assert versions("runtime") <= versions("dev")


def test_every_direct_dependency_has_its_line_of_reason() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    explained = re.findall(r"^\| `([a-z0-9-]+)", page, flags=re.MULTILINE)
    assert sorted(explained) == sorted({*direct("runtime"), *direct("dev")})


def test_the_scheduler_stays_below_four() -> None:
    assert "apscheduler>=3.11.3,<4" in (ROOT / "requirements" / "runtime.in").read_text()


def test_the_program_imports_only_what_production_installs() -> None:
    installed = {*direct("runtime"), *COMES_WITH}
    own = {path.parts[0].removesuffix(".py") for path in project_files() if path.suffix == ".py"}
    packages = importlib.metadata.packages_distributions()
    foreign = sorted(
        {
            f"{path}: {module}"
            for path, module_tree in python_files()
            if path.parts[0] not in DEVELOPMENT
            for module in imported(module_tree) - own - sys.stdlib_module_names
            if not installed & {canonical(name) for name in packages.get(module, [])}
        }
    )
    assert not foreign


def imported(module: ast.Module) -> set[str]:
    """The top-level names of everything that a module imports, at whatever depth."""
    names = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it: `Flask_SQLAlchemy` is `flask-sqlalchemy`."""
    return re.sub(r"[-_.]+", "-", name).lower()
