"""Workers on PostgreSQL claim each job once, and pass over what another is claiming."""

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from sqlalchemy import select

from cloud_service.database.connection import open_database
from cloud_service.database.learning_tables import LearningJobRow
from cloud_service.learning.jobs import claim, start_job

pytestmark = pytest.mark.postgres


def _programs():
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which("initdb")
    return Path(found).parent if found else next((folder for folder in folders if (folder / "initdb").exists()), None)


@pytest.fixture(scope="module")
def url():
    """A throw-away PostgreSQL on a socket of its own; as root it runs as the user postgres."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    who = {}
    folder = Path(tempfile.mkdtemp(prefix="bedside-pg-"))
    if os.geteuid() == 0:
        try:
            account = pwd.getpwnam("postgres")
        except KeyError:
            pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        who = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    data = folder / "data"
    made = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
    subprocess.run(made, check=True, capture_output=True, cwd=folder, **who)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    start = [programs / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start"]
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, **who)
    yield f"postgresql://postgres@/postgres?host={folder}"
    stop = [programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop"]
    subprocess.run(stop, check=True, capture_output=True, cwd=folder, **who)
    shutil.rmtree(folder)


@pytest.fixture
def database(url):
    database = open_database(url)
    with database.write() as session:
        session.query(LearningJobRow).delete()
    yield database
    database.close()


def test_each_job_is_claimed_once(database):
    jobs = {start_job(database, task="ecg-beats", by="test").id for _ in range(8)}
    claimed, barrier = [], threading.Barrier(4)

    def work(name):
        barrier.wait()
        for _ in range(4):
            claimed.append(claim(database, name))  # noqa: PERF401  each claim is a transaction of its own

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    got = [job for job in claimed if job is not None]
    assert sorted(got) == sorted(jobs)


def test_a_job_that_is_being_claimed_is_passed_over_not_waited_for(database):
    first, second = (start_job(database, task="ecg-beats", by="test").id for _ in range(2))
    with database.write() as session:
        session.scalars(select(LearningJobRow).where(LearningJobRow.id == first).with_for_update()).one()
        assert claim(database, "other") == second
    assert claim(database, "third") == first
