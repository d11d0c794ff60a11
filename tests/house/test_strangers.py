"""What a stranger gets: no address of a package registry, and nothing of the machine that wrote a file."""

from __future__ import annotations

import re

from tests.house.sources import ROOT, project_files

# Written with brackets so that this file does not find itself. Lock files name no download hosts: every
# machine has its own index, and a mirror's address is nobody's business.
HOSTS = re.compile(rb"p[y]pi\.org|files\.p[y]thonhosted|registry\.n[p]mjs|d[e]b\.debian|p[y]pi/simple")
# Directories in which many people keep many things; their names alone give nothing away.
SHARED = {"/", "/app", "/home", "/mnt", "/opt", "/root", "/srv", "/tmp", "/usr/src", "/var/tmp"}


def test_no_file_names_a_registry() -> None:
    assert not [str(path) for path in project_files() if HOSTS.search((ROOT / path).read_bytes())]


def test_no_file_names_a_path_of_this_machine() -> None:
    own = [f"{place}/".encode() for place in (ROOT, ROOT.parent) if str(place) not in SHARED]
    guilty = [
        str(path)
        for path in project_files()
        if any(re.search(rb"(?<![\w.])" + re.escape(name), (ROOT / path).read_bytes()) for name in own)
    ]
    assert not guilty
