"""The command line says what is wrong in sentences, and with the right status."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.fernet import Fernet

from engine.settings import read
from engine.work import Database
from plugin import cli
from plugin.demo import machine
from tests.ground import Clock

ENOUGH = {
    "PERENNIAL_URL": "http://127.0.0.1:8080",
    "PERENNIAL_SEAL_KEYS": Fernet.generate_key().decode(),
    "SHOPIFY_CLIENT_ID": "client",
    "SHOPIFY_CLIENT_SECRET": "a secret of sixteen and more",
}


def build(environment: Mapping[str, str]) -> Any:
    known = read(environment)
    return SimpleNamespace(settings=known, database=Database(known.database_url or "", Clock()))


def test_without_a_command_it_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([], {}, build, Path()) == 2
    assert "demo" in capsys.readouterr().err


def test_every_wrong_setting_is_listed_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["settings"], {"PERENNIAL_PORT": "x", "PERENNIAL_PROT": "1"}, build, Path()) == 2
    said = capsys.readouterr().err
    assert "PERENNIAL_PORT must be a whole number" in said
    assert "PERENNIAL_PROT is not a setting" in said
    assert "SHOPIFY_CLIENT_SECRET is not set" in said


def test_settings_are_shown_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    given = ENOUGH | {"DATABASE_URL": "postgresql://me:hidden-word@127.0.0.1:9/none"}
    assert cli.main(["settings"], given, build, Path()) == 0
    said = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert (said["database_url"], said["shopify_client_secret"], said["seal_keys"]) == ("(set)", "(set)", "(set)")
    assert (said["port"], said["shopify_old_client_secret"]) == ("8080", "(not set)")
    assert "hidden-word" not in str(said)


def test_a_database_that_does_not_answer_is_said_without_its_password(capsys: pytest.CaptureFixture[str]) -> None:
    given = ENOUGH | {"DATABASE_URL": "postgresql://me:hidden-word@127.0.0.1:9/none"}
    assert cli.main(["migrate"], given, build, Path()) == 1
    said = capsys.readouterr().err
    assert said.startswith("The database does not answer:")
    assert "hidden-word" not in said


def test_a_taken_port_is_known_before_the_server_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="Address already in use"):
            cli._hold("127.0.0.1", port)
    cli._hold("127.0.0.1", port).close()


@pytest.mark.skipif(sys.platform != "linux", reason="NOT TESTED: only Linux shares a port between processes")
def test_of_two_that_start_at_one_moment_one_serves() -> None:
    """The second is told so even before the first listens: later, each would be asked a part of what is the other's."""
    port = machine.open_port()
    with cli._hold("127.0.0.1", port) as held:
        assert os.get_inheritable(held.fileno()), "the process that this one becomes holds it on"
        with pytest.raises(OSError, match="Address already in use"):
            cli._hold("127.0.0.1", port)
        cli._hold("127.0.0.1", machine.open_port()).close()
    cli._hold("127.0.0.1", port).close()


def test_data_that_is_no_file_is_refused_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["demo", "--data", str(tmp_path)], {}, build, tmp_path) == 2
    assert "is not a file" in capsys.readouterr().err
    assert not (tmp_path / "var").exists()
