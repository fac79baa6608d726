import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cloud_service.settings import HttpSettings

FOLDER = Path(__file__).resolve().parents[2] / "systemd"
UNITS = ("edge-agent.service", "cloud-service.service")
MOST_EXPOSED = {"edge-agent.service": 1.3, "cloud-service.service": 1.0}
"""Of 10, as `systemd-analyze security` counts. docs/threat-model.md names what keeps the daemon from 1.0."""


def unit(name):
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(FOLDER / name, encoding="utf-8")
    return parser


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_hardened(name):
    service = unit(name)["Service"]
    for key in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "RestrictNamespaces", "LockPersonality"):
        assert service[key] == "yes", key
    assert {"MemoryMax", "LimitNOFILE", "TasksMax"} <= set(service)
    assert service["IPAddressDeny"] == "any"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert service["User"] != "root"
    assert service["Restart"] == "always"


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_watched_by_systemd(name):
    service = unit(name)["Service"]
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 0
    assert unit(name)["Unit"]["StartLimitBurst"] == "5"


def test_the_clinic_may_open_all_the_connections_it_allows():
    service, allowed = unit("cloud-service.service")["Service"], HttpSettings().connections
    assert int(service["LimitNOFILE"]) >= 2 * (allowed + 1000)  # both doors, and as much again for files


@pytest.mark.parametrize("name", UNITS)
def test_the_users_of_the_units_are_made(name):
    assert f"u {unit(name)['Service']['User']} " in (FOLDER / "bedside.sysusers").read_text()


@pytest.mark.parametrize("name", UNITS)
def test_systemd_accepts_the_unit(name, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    # The program and the user exist only where it is installed; everything else is checked as it is.
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", (FOLDER / name).read_text(), flags=re.MULTILINE)
    (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)], capture_output=True, text=True, timeout=60
    )
    ours = [line for line in done.stderr.splitlines() if name in line]
    assert ours == []


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_the_unit_little_exposed(name):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(FOLDER / name)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    match = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if match is None:
        pytest.skip(f"this systemd cannot judge a unit offline: {done.stderr.strip()[:100]}")
    assert float(match[1]) <= MOST_EXPOSED[name]


def test_sysusers_and_tmpfiles_lines_are_well_formed():
    for line in lines("bedside.sysusers"):
        assert re.fullmatch(r'u \S+ - "[^"]+" /\S+|m \S+ \S+', line), line
    for line in lines("bedside.tmpfiles"):
        assert re.fullmatch(r"[dz] /\S+ 0[0-7]{3} \S+ \S+ -", line), line


def test_udev_rules_are_well_formed_and_open_nothing_to_everybody():
    term = re.compile(
        r'(ACTION|SUBSYSTEM|DRIVER|MODE|GROUP|TAG|SYMLINK|GOTO|LABEL|ATTRS?\{\w+\}|ENV\{\w+\})(==|!=|\+=|=)"[^"]*"'
    )
    labels, jumps = set(), set()
    for line in lines("70-bedside.rules"):
        for part in line.split(", "):
            assert term.fullmatch(part), part
            labels |= {part} if part.startswith("LABEL") else set()
            jumps |= {part.replace("GOTO", "LABEL")} if part.startswith("GOTO") else set()
        assert 'MODE="0666"' not in line
    assert labels == jumps


def lines(name):
    return [line for line in (FOLDER / name).read_text().splitlines() if line and not line.startswith("#")]
