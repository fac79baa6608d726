"""Every branch of what must not fail is taken by a test: the order of the outbox, the verifier, the audit chain."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = {
    "outbox": [
        "edge_agent/store/ids.py",
        "edge_agent/store/lanes.py",
        "edge_agent/store/rows.py",
        "edge_agent/sync/flight.py",
        "edge_agent/sync/turns.py",
    ],
    "verifier": [
        "edge_agent/updates/bounded_fetcher.py",
        "edge_agent/updates/disk.py",
        "edge_agent/updates/shelf.py",
        "edge_agent/updates/trial.py",
        "edge_agent/updates/tuf_client.py",
    ],
    "audit": ["cloud_service/access/anchors.py", "cloud_service/access/audit.py"],
}
TESTS = {
    "outbox": ["tests/store", "tests/sync"],
    "verifier": ["tests/updates"],
    "audit": [
        "tests/cloud/test_access.py",
        "tests/cloud/test_audit_anchors.py",
        "tests/cloud/test_postgres.py",
        "-k",
        "audit or test_postgres_keeps_the_promises",
    ],
}


@pytest.mark.fault
@pytest.mark.reliability("coverage")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("part", MODULES)
def test_every_branch_is_taken(part, tmp_path, reliability):
    settings = tmp_path / "coverage.ini"
    names = ",".join(MODULES[part])
    settings.write_text(f"[run]\nbranch = true\ninclude = {names}\ndata_file = {tmp_path / 'data'}\n")
    coverage = [sys.executable, "-m", "coverage"]
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not fault", *TESTS[part]]
    ran = run(*coverage, "run", f"--rcfile={settings}", *tests)
    assert ran.returncode == 0, ran.stdout[-2000:]
    report = tmp_path / "report.json"
    run(*coverage, "json", f"--rcfile={settings}", "-o", str(report))
    found = json.loads(report.read_text())["files"]
    assert sorted(found) == sorted(MODULES[part])
    missing = {
        name: [*file["missing_lines"], *map(tuple, file["missing_branches"])]
        for name, file in found.items()
        if file["missing_lines"] or file["missing_branches"]
    }
    branches = sum(file["summary"]["num_branches"] for file in found.values())
    taken = sum(file["summary"]["covered_branches"] for file in found.values())
    reliability.note("coverage", of=part, branches=branches, taken=taken, modules=len(found))
    assert missing == {}


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1700, check=False)
