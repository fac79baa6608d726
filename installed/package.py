"""A Debian package of what is committed: the programs with their libraries and models, units, users and udev rules.

It is for the Python of this machine and for its processor, and needs no index where it is installed. The programs stand
below ``/usr/lib/bedside``, so that they do not meet a checkout in ``/opt/bedside``.
"""

import gzip
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from installed.debian import ROOT, Skipped, StepFailed

PYTHON = Path("/usr/bin/python3")
UV = ROOT / ".venv" / "bin" / "uv"
PROGRAMS = "usr/lib/bedside"
COMMANDS = ("edge-agent", "cloud-service")
UNNEEDED = (".lock", ".gitignore", "CACHEDIR.TAG")
UNITS = ("edge-agent.service", "cloud-service.service")
TYPED = "/opt/bedside/.venv"
"""Where the units look for the programs, as they are committed."""
PLACED = {"bedside.sysusers": "usr/lib/sysusers.d/bedside.conf", "bedside.tmpfiles": "usr/lib/tmpfiles.d/bedside.conf",
          "70-bedside.rules": "usr/lib/udev/rules.d/70-bedside.rules"}  # fmt: skip
AFTER = """#!/bin/sh
set -e
if [ "$1" = configure ] && [ -d /run/systemd/system ]; then
    systemd-sysusers bedside.conf
    systemd-tmpfiles --create bedside.conf
    udevadm control --reload || true
    systemctl daemon-reload
    systemctl try-restart cloud-service.service edge-agent.service
fi
"""
BEFORE = """#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl disable --now edge-agent.service cloud-service.service
fi
"""
GONE = """#!/bin/sh
set -e
[ ! -d /run/systemd/system ] || systemctl daemon-reload
if [ "$1" = purge ]; then
    rm -rf /etc/bedside
    userdel bedside-edge 2>/dev/null || true
    userdel bedside-cloud 2>/dev/null || true
    echo "what was recorded stays in /var/lib/bedside and /var/lib/bedside-cloud"
fi
"""
CONTROL = """Package: bedside
Version: {version}
Architecture: {architecture}
Section: science
Priority: optional
Maintainer: Bedside <bedside@localhost>
Installed-Size: {size_kb}
Depends: python3 (>= {python}), python3 (<< {next_python}), systemd
Recommends: mosquitto
Suggests: postgresql
Description: bedside ECG and EEG daemon, and the clinic's service behind it
 Reads live ECG and EEG, says what it found, and sends it to a clinic's service
 that clinicians watch. Both programs are in this package, with their models and
 libraries; neither starts before it is told to.
 .
 Research software, not a medical device.
"""


def build(out: Path, *, revision: str = "HEAD", behind: str = "") -> Path:
    """Build the package of a revision of this repository below `out`; a minute or two.

    `behind` is put behind its version, such as ``+1`` for a newer one of the same.

    Raises
    ------
    Skipped : a tool is missing, or this is no Debian.
    StepFailed : a step did not happen.
    """
    _require()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bedside-package-") as folder:
        source, root = Path(folder) / "source", Path(folder) / "root"
        _take_out(source, revision)
        _install(source, root / PROGRAMS)
        place_units(source / "systemd", root)
        _place_documents(source, root)
        _refuse_traces(root, folder)
        version = f"{version_of(source)}{behind}"
        _describe(root, version)
        package = out / f"bedside_{version}_{_said('dpkg', '--print-architecture')}.deb"
        _run("dpkg-deb", "--root-owner-group", "-Zzstd", "-z9", "--build", str(root), str(package))
    return package


def version_of(source: Path) -> str:
    """Read the version of a checkout as Debian orders versions."""
    text = (source / "biosignal" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "([0-9][0-9A-Za-z.]*)"', text, re.MULTILINE)
    if found is None:
        raise StepFailed("biosignal/__init__.py names no version")
    return found[1]


def _require() -> None:
    missing = [str(tool) for tool in ("dpkg-deb", "git", PYTHON, UV) if shutil.which(tool) is None]
    if missing:
        raise Skipped(f"{', '.join(missing)} is missing: this needs Debian or Ubuntu, and `make setup`")


def _take_out(source: Path, revision: str) -> None:
    source.mkdir()
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", revision], capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(source)], input=archive, check=True)


def _install(source: Path, programs: Path) -> None:
    _run(str(UV), "venv", "--quiet", "--relocatable", "--no-project", "--python", str(PYTHON), str(programs))
    python = str(programs / "bin" / "python")
    install = (str(UV), "pip", "install", "--quiet", "--link-mode", "copy", "--python", python)
    _run(*install, "--require-hashes", "-r", str(source / "requirements" / "base.txt"))
    _run(*install, "--no-deps", str(source))
    for trace in (*programs.rglob("direct_url.json"), *(programs / name for name in UNNEEDED)):
        trace.unlink(missing_ok=True)
    # Written here, because the units may write nowhere but into their state.
    compiled = ("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(programs.parents[2]))
    # Some libraries ship files of other Pythons, which cannot be compiled.
    _run(str(PYTHON), *compiled, "-p", "/", str(programs / "lib"), may_fail=True)


def place_units(units: Path, root: Path) -> None:
    """Put units, users, folders and rules where a package puts them, and the commands where a shell finds them."""
    for name in UNITS:
        text = (units / name).read_text(encoding="utf-8")
        _write(root / "usr/lib/systemd/system" / name, text.replace(TYPED, f"/{PROGRAMS}"))
    for name, place in PLACED.items():
        _write(root / place, (units / name).read_text(encoding="utf-8"))
    commands = root / "usr" / "bin"
    commands.mkdir(parents=True)
    for name in COMMANDS:
        (commands / name).symlink_to(f"/{PROGRAMS}/bin/{name}")


def _place_documents(source: Path, root: Path) -> None:
    documents = root / "usr/share/doc/bedside"
    _write(documents / "copyright", (source / "LICENSE").read_text(encoding="utf-8"))
    changes = (source / "CHANGELOG.md").read_bytes()
    (documents / "changelog.gz").write_bytes(gzip.compress(changes, mtime=0))


def _refuse_traces(root: Path, folder: str) -> None:
    """Nothing may point to where it was built: there it is not any more."""
    scripts = [path for path in (root / PROGRAMS / "bin").iterdir() if path.is_file() and not path.is_symlink()]
    found = [path.name for path in (*scripts, root / PROGRAMS / "pyvenv.cfg") if folder.encode() in path.read_bytes()]
    if found:
        raise StepFailed(f"these point to where the package was built: {', '.join(sorted(found)[:8])}")


def _describe(root: Path, version: str) -> None:
    major, minor = _said(str(PYTHON), "-c", "import sys; print(*sys.version_info[:2])").split()
    size_kb = sum(path.lstat().st_size for path in root.rglob("*") if not path.is_dir()) >> 10
    control = CONTROL.format(
        version=version,
        architecture=_said("dpkg", "--print-architecture"),
        size_kb=size_kb,
        python=f"{major}.{minor}",
        next_python=f"{major}.{int(minor) + 1}",
    )
    _write(root / "DEBIAN" / "control", control)
    for name, script in (("postinst", AFTER), ("prerm", BEFORE), ("postrm", GONE)):
        _write(root / "DEBIAN" / name, script, mode=0o755)


def _write(path: Path, text: str, *, mode: int = 0o644) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _run(*command: str, may_fail: bool = False) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode and not may_fail:
        said = " | ".join((done.stdout + done.stderr).strip().splitlines()[-6:])
        raise StepFailed(f"`{' '.join(command[:4])}` ended with {done.returncode}: {said}")
