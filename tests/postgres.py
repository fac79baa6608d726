"""A PostgreSQL server of the tests' own, on a free port of this machine, and empty databases in it."""

import getpass
import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, make_url, text

from tests.brokers import free_port


def initdb() -> Path | None:
    """Find PostgreSQL's programs; Debian keeps them, by version, where no PATH looks."""
    by_version = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    newest = str(by_version[-1]) if by_version else None
    found = shutil.which("initdb") or shutil.which("initdb", path=newest)
    return Path(found) if found else None


@contextmanager
def running_postgres() -> Iterator[str]:
    """Run a server and give its URL; as it refuses to run as root, root hands it to `postgres`."""
    user = "postgres" if os.geteuid() == 0 else None
    # Not below pytest's own folder: every other run of pytest takes that away from all users but its own.
    with TemporaryDirectory(prefix="bedside-postgres-") as folder:
        if user:
            account = pwd.getpwnam(user)
            os.chown(folder, account.pw_uid, account.pw_gid)
        programs, data = initdb().parent, Path(folder) / "data"
        port = free_port()
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
        run = {"check": True, "user": user, "stdout": subprocess.DEVNULL, "cwd": "/"}
        subprocess.run([programs / "initdb", "-D", data, "-A", "trust", "-E", "UTF8", "--no-sync"], **run)
        subprocess.run([programs / "pg_ctl", "-D", data, "-w", "-o", options, "-l", data / "log", "start"], **run)
        try:
            yield f"postgresql://{user or getpass.getuser()}@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **run)


def empty_database(server: str) -> str:
    """Make a database on a running server; its URL."""
    name = f"clinic_{secrets.token_hex(4)}"
    engine = create_engine(make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)
