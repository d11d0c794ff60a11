"""The PostgreSQL that comes along, so that a laptop needs no database server.

`Embedded(data_dir)` runs a real PostgreSQL for as long as somebody uses the directory: the first process
to come starts it, the last to leave stops it. To use it is to hold a shared lock on a file, which the
kernel takes back when a process ends in whatever way, so a killed process is never counted. The server
listens on a Unix socket in a directory that only we may enter, and on no network.

    data_dir/cluster    the data (a link to it, where root's account cannot reach data_dir)
    data_dir/gate       held while somebody starts or stops the server
    data_dir/users      held, shared, by everybody who uses it
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg.conninfo import make_conninfo

from engine.postgres_programs import (
    PostgresUnavailable,
    account_for,
    can_reach,
    is_server,
    make_directory,
    pg_programs,
    run,
    version,
)

__all__ = ["Embedded", "PostgresUnavailable", "pg_programs"]

log = logging.getLogger(__name__)

DATABASE = "perennial"
SOCKET_PREFIX = "perennial-"
START_SECONDS = 120  # recovery after a crash reads up to max_wal_size
LONGEST_SOCKET_HOME = 60  # a socket's path may have 104 bytes (macOS); "/perennial-..." and its name need 34

DISPOSABLE = """
# A test run's data is thrown away: nothing is worth waiting for.
fsync = off
synchronous_commit = off
full_page_writes = off
"""


class Embedded:
    """A PostgreSQL of our own in `data_dir`.

    `durable=False` is for tests: quick, unsafe, and the data is thrown away when the last user has left.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        self.data_dir = data_dir.absolute()
        self.cluster = self.data_dir / "cluster"
        self.durable = durable
        self._process = os.getpid()
        self._use: int | None = None
        self._server: list[str] = []

    def start(self) -> str:
        """Have the server run, be one of its users, and return the SQLAlchemy URL of our database.

        May be called again, to bring back a server that has died. Raises PostgresUnavailable.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self._gate():
            if not self._answers():
                self._launch()
            if self._use is None:
                self._use = self._open("users")
                fcntl.flock(self._use, fcntl.LOCK_SH)
                atexit.register(self.stop)
            self._server = self._postmaster()
            return f"postgresql+psycopg://postgres@/{DATABASE}?host={quote(self._socket_dir())}&port=5432"

    def stop(self) -> None:
        """Leave. The last to leave stops the server; a forked child, which inherited us, stops nothing."""
        if self._use is None or os.getpid() != self._process:
            return
        atexit.unregister(self.stop)
        use, self._use = self._use, None
        thrown_away = not self.data_dir.exists()
        with contextlib.nullcontext() if thrown_away else self._gate():
            if _is_last(use):
                end = self._interrupt if thrown_away else self._shut_down
                end()
            os.close(use)

    def __enter__(self) -> str:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _open(self, name: str) -> int:
        return os.open(self.data_dir / name, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)

    @contextlib.contextmanager
    def _gate(self) -> Iterator[None]:
        """One process at a time starts or stops the server; the others wait here."""
        gate = self._open("gate")
        try:
            fcntl.flock(gate, fcntl.LOCK_EX)
            yield
        finally:
            os.close(gate)

    # -- what is there

    def _postmaster(self) -> list[str]:
        """The lines of postmaster.pid, if there is one: [0] process, [1] data, [4] the socket's directory."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
            return lines if len(lines) > 4 else []
        return []

    def _socket_dir(self) -> str:
        return (self._postmaster() or [""] * 5)[4]

    def _answers(self) -> bool:
        """Whether a server runs. One that is still recovering is waited for."""
        for _ in range(START_SECONDS * 10):
            if not is_server(self._postmaster(), self.cluster.resolve()):
                return False
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self._conninfo()).close()
                return True
            threading.Event().wait(0.1)
        raise PostgresUnavailable(f"The server runs but does not answer; see {self.cluster}/log")

    def _conninfo(self) -> str:
        return make_conninfo(host=self._socket_dir(), port=5432, user="postgres", dbname="postgres")

    # -- starting and stopping, behind the gate

    def _launch(self) -> None:
        """Start the server, of a new cluster if there is none yet."""
        if not self.cluster.exists():
            self._create()
        cluster, left = self.cluster.resolve(), self._postmaster()
        if left and left[1] == str(cluster):  # by a killed server, not by the one this was copied from
            _remove_socket_dir(left[4])
        self._disown()
        self._configure()
        try:
            self._run("pg_ctl", "start", *_pg_ctl_options(cluster), "-l", f"{cluster}/boot.log")
        except PostgresUnavailable as failure:
            boot_log = (self.cluster / "boot.log").read_text()[-2000:]
            raise PostgresUnavailable(f"{failure}\n{self.cluster}/boot.log ends:\n{boot_log}") from None
        with psycopg.connect(self._conninfo(), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if known.fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _create(self) -> None:
        """A new cluster, made aside and put in place when complete: a killed start leaves no half of one."""
        programs, account = pg_programs(), account_for(self.cluster)
        draft = make_directory(self.data_dir, "cluster-", account)
        options = ["--username=postgres", "--auth-local=trust", "--auth-host=reject", "--data-checksums"]
        options += ["--encoding=UTF8", "--locale=C"]
        if version(programs)[0] >= 17:  # sorts by code point as C does, but also knows a capital É
            options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self.durable:
            options += ["--no-sync"]
        run(programs, "initdb", "--pgdata", str(draft), *options, account=account)
        with (draft / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude 'perennial.conf'\n")
        if self.cluster.is_symlink():  # to a cluster that is gone
            self.cluster.unlink()
        if draft.parent == self.data_dir:
            draft.rename(self.cluster)
        else:
            self.cluster.symlink_to(draft)

    def _disown(self) -> None:
        """After a reboot the number in postmaster.pid may be a stranger's, and PostgreSQL would not start.

        The number of a process that has just ended takes its place. The other lines stay: by them PostgreSQL
        recognises processes of the old server that still run, and waits for them.
        """
        if lines := self._postmaster():
            with subprocess.Popen([sys.executable, "-c", ""]) as ended:
                pass
            (self.cluster / "postmaster.pid").write_text("\n".join([str(ended.pid), *lines[1:], ""]))

    def _configure(self) -> None:
        account = account_for(self.cluster)
        home = Path(tempfile.gettempdir())
        if len(str(home)) > LONGEST_SOCKET_HOME or not can_reach(home, account):
            home = Path("/tmp")  # noqa: S108 (the directory made in it is private)
        conf = self.cluster / "perennial.conf"
        occasion = "" if self.durable else DISPOSABLE
        place = f"unix_socket_directories = '{make_directory(home, SOCKET_PREFIX, account)}'\n"
        conf.write_text((Path(__file__).parent / "postgres.conf").read_text() + occasion + place)
        conf.chmod(0o644)  # root writes it, the account reads it; the directory around it is private

    def _shut_down(self) -> None:
        socket_dir, cluster = self._socket_dir(), self.cluster.resolve()
        try:
            self._run("pg_ctl", "stop", "--mode", "fast", *_pg_ctl_options(cluster))
        except PostgresUnavailable as failure:
            log.warning("the embedded PostgreSQL had already ended", extra={"said": str(failure)})
        _remove_socket_dir(socket_dir)
        if not self.durable:
            shutil.rmtree(cluster, ignore_errors=True)
            self.cluster.unlink(missing_ok=True)

    def _interrupt(self) -> None:
        """Stop a server whose directory was thrown away, and with it all that pg_ctl would need."""
        if is_server(self._server, Path(self._server[1])):
            os.kill(int(self._server[0]), signal.SIGINT)
        _remove_socket_dir(self._server[4])

    def _run(self, program: str, *arguments: str) -> None:
        made_by = int((self.cluster / "PG_VERSION").read_text())
        run(pg_programs(made_by), program, *arguments, account=account_for(self.cluster))


def _pg_ctl_options(cluster: Path) -> list[str]:
    return ["--wait", "--silent", "--timeout", str(START_SECONDS), "-D", str(cluster)]


def _remove_socket_dir(path: str) -> None:
    if Path(path).name.startswith(SOCKET_PREFIX):  # one of ours, and never a directory of the system
        shutil.rmtree(path, ignore_errors=True)


def _is_last(use: int) -> bool:
    """Whether nobody else holds the lock that we hold, shared: then it can be made exclusive."""
    try:
        fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
