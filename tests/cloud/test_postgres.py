"""The same promises on PostgreSQL."""

import getpass
import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from cloud_ward import SITE, alarm, explanation, finding, message, recording, strip
from sqlalchemy import select
from test_commit import broken

from cloud_service.access import audit
from cloud_service.database.columns import Table
from cloud_service.database.connection import open_database
from cloud_service.database.event_tables import EventRow, FindingRow
from cloud_service.ingest.commit import commit

BIN = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
INITDB = shutil.which("initdb") or (BIN and shutil.which(str(BIN / "initdb")))
pytestmark = [pytest.mark.postgres, pytest.mark.skipif(not INITDB, reason="initdb is not installed")]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A cluster of our own on a free port; PostgreSQL refuses to run as root, so root hands it to `postgres`."""
    folder = tmp_path_factory.mktemp("postgres")
    user = "postgres" if os.geteuid() == 0 else None
    data = folder / "data"
    data.mkdir()
    if user:
        account = pwd.getpwnam(user)
        for parent in (folder, *folder.parents[:2]):
            parent.chmod(parent.stat().st_mode | 0o055)
        os.chown(data, account.pw_uid, account.pw_gid)
    programs = Path(INITDB).parent
    run = {"check": True, "user": user, "stdout": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([programs / "initdb", "-D", data, "-A", "trust", "-E", "UTF8", "--no-sync"], **run)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1"
    subprocess.run([programs / "pg_ctl", "-D", data, "-w", "-o", options, "-l", data / "log", "start"], **run)
    yield f"postgresql://{user or getpass.getuser()}@127.0.0.1:{port}/postgres"
    subprocess.run([programs / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **run)


def test_postgres_keeps_the_promises(server):
    database = open_database(server)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Table.metadata) == []
    about = finding()
    events = [recording(), about, strip(about), explanation(about), alarm(about)]
    batch = [message(one) for one in events]
    assert commit(database, [*batch, *batch]).new == len(events)
    again = commit(database, [message(finding(rev=2)), message(finding(rev=1)), *batch])
    assert (again.new, again.known) == (2, len(events))
    poison = [broken(id="nul\x00"), broken(seq=2**80), broken(id="\ud800")]
    done = commit(database, [*poison, message(finding(onset=9))])
    assert (done.new, done.refused) == (1, len(poison))
    assert len(done.receipts()[SITE, "bed-1"].rejected) >= 1
    with database.read() as session:
        assert session.get_one(FindingRow, about.id).rev == 2
        assert len(list(session.scalars(select(EventRow)))) == len(events) + 3
    with database.write() as session:
        audit.record(session, actor="a", action="b", subject="c")
    with database.read() as session:
        assert audit.verify(session).entries == 1
    database.close()
