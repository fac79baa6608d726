"""A throw-away PostgreSQL from the distribution's binaries, listening on loopback."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from demo.parts import DemoFailed, free_port


class Postgres:
    """One cluster in a temporary folder."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [
            Path(where) for where in [shutil.which("initdb")] if where
        ]
        if not found:
            raise DemoFailed("there is no PostgreSQL on this machine", advice="apt-get install postgresql")
        self._bin = found[-1].parent
        self._folder = Path(tempfile.mkdtemp(prefix="bedside-pg-"))
        self._port = free_port()
        # PostgreSQL refuses to run as root.
        self._as: list[str] = []
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self._folder, account.pw_uid, account.pw_gid)
            self._as = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]

    @property
    def url(self) -> str:
        """SQLAlchemy URL."""
        return f"postgresql+psycopg://bedside@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Make the cluster and start it."""
        data = self._folder / "data"
        self._run("initdb", "-D", str(data), "-U", "bedside", "--auth=trust", "--no-sync", "--encoding=UTF8")
        options = f"-c listen_addresses=127.0.0.1 -c port={self._port} -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "-D", str(data), "-l", str(self._folder / "log"), "-w", "-o", options, "start")

    def stop(self) -> None:
        """Stop it and remove its folder."""
        if (self._folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self._folder / "data"), "-m", "fast", "-w", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        # pg_ctl's server keeps our pipes open; a file does not make us wait for it.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                [*self._as, str(self._bin / program), *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                check=False,
            )
            if done.returncode:
                said.seek(0)
                raise DemoFailed(f"{program} failed: {said.read().strip()[-300:]}")
