"""How exposed the units are, by systemd's own count."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "systemd"
MOST = 1.0  # of 10


@pytest.mark.fault
@pytest.mark.reliability("exposure")
@pytest.mark.parametrize("name", ["edge-agent.service", "cloud-service.service"])
def test_a_unit_is_hardly_exposed(name, reliability):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(FOLDER / name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    match = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if match is None:
        pytest.skip("this systemd cannot judge a unit offline")
    reliability.note("exposure", unit=name, exposure=float(match[1]))
    assert float(match[1]) <= MOST
