"""What the Debian package is made of, as far as it can be said without building it (`make deb-check` does)."""

import re
import subprocess
import sys

import pytest

from biosignal import __version__
from installed import package
from installed.debian import ROOT, StepFailed

PAGE = ROOT / "docs" / "installing.md"


@pytest.fixture
def placed(tmp_path):
    package.place_units(ROOT / "systemd", tmp_path)
    return tmp_path


def test_its_units_start_the_programs_where_the_package_puts_them(placed):
    for unit in package.UNITS:
        text = (placed / "usr/lib/systemd/system" / unit).read_text()
        assert f"\nExecStart=/{package.PROGRAMS}/bin/{unit.removesuffix('.service')} " in text
        assert "/opt/bedside" not in text


def test_it_puts_down_every_file_that_an_install_by_hand_does_but_the_one_for_a_gpu(placed):
    files = {path.name for path in (ROOT / "systemd").iterdir()} - {"edge-agent-gpu.conf"}
    assert files == {*package.UNITS, *package.PLACED}
    assert all((placed / place).read_text() for place in package.PLACED.values())


def test_its_commands_are_those_of_the_programs(placed):
    declared = re.search(r"\[project\.scripts\]\n(.*?)\n\n", (ROOT / "pyproject.toml").read_text(), re.DOTALL)[1]
    assert {line.split(" = ")[0] for line in declared.splitlines()} == set(package.COMMANDS)
    for name in package.COMMANDS:
        assert str((placed / "usr/bin" / name).readlink()) == f"/{package.PROGRAMS}/bin/{name}"


@pytest.mark.parametrize("script", [package.AFTER, package.BEFORE, package.GONE])
def test_its_scripts_can_be_read_by_a_shell_and_do_nothing_where_no_systemd_runs(script, tmp_path):
    file = tmp_path / "script"
    for word in ("configure", "upgrade", "remove"):
        file.write_text(script.replace("/run/systemd/system", str(tmp_path / "none")))
        command = ["/bin/sh", str(file), word]
        done = subprocess.run(command, env={"PATH": "/nonexistent"}, capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_no_script_touches_what_was_recorded():
    for script in (package.AFTER, package.BEFORE, package.GONE):
        assert not re.search(r"(rm|mv|chown)[^\n]*/var/", script)


def test_its_version_is_that_of_the_programs(tmp_path):
    assert package.version_of(ROOT) == __version__
    (tmp_path / "biosignal").mkdir()
    (tmp_path / "biosignal" / "__init__.py").write_text("")
    with pytest.raises(StepFailed, match="names no version"):
        package.version_of(tmp_path)


def test_where_it_cannot_be_built_it_is_skipped_with_the_reason():
    done = subprocess.run(
        [sys.executable, "-m", "installed", "package"],
        cwd=ROOT,
        env={"PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout.startswith("skipped: dpkg-deb, git")


def test_the_page_names_the_package_that_is_built():
    text = PAGE.read_text()
    assert "make deb" in text
    assert f"/{package.PROGRAMS}/bin/cloud-service" in text
