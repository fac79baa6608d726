"""Debian systems below a folder: made once, copied for each run, with this project's clone at /opt/bedside.

Needs root, and of the distribution's packages ``debootstrap``, for a boot ``systemd-container``, for another processor
``qemu-user-static``.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
PACKAGES = ("systemd", "systemd-sysv", "dbus", "udev", "python3", "python3-venv", "git", "make", "ca-certificates")
HOME = "/opt/bedside"
PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
KEPT = ("PIP_", "UV_", "SSL_CERT", "REQUESTS_CA", "CURL_CA", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
BINFMT = Path("/proc/sys/fs/binfmt_misc")
AARCH64 = (
    r":bedside-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/usr/bin/qemu-aarch64-static:F"
)


class Skipped(Exception):
    """This machine cannot do it; says what is missing."""


class StepFailed(Exception):
    """A step did not happen, or not as promised."""


@dataclass(frozen=True)
class System:
    """A system below a folder: commands run in it as root, with the network of the host and a clean environment."""

    root: Path
    enter: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, command: str, *, within_s: float = 600.0, check: bool = True) -> str:
        """Run a shell command at the project's clone; what it wrote on stdout.

        Raises
        ------
        StepFailed : it failed, with the end of what it said, or took longer.
        """
        clean = [f"{name}={value}" for name, value in self.environment.items()]
        where = ["/usr/bin/env", "-i", "HOME=/root", f"PATH={PATHS}", "LANG=C.UTF-8", "TERM=dumb", *clean]
        full = [*self.enter, *where, "sh", "-c", f"cd {HOME} 2>/dev/null; {command}"]
        try:
            done = subprocess.run(full, capture_output=True, text=True, timeout=within_s, check=False)
        except subprocess.TimeoutExpired as error:
            raise StepFailed(f"`{command}` took longer than {within_s:.0f} s") from error
        if check and done.returncode:
            said = " | ".join((done.stdout + done.stderr).strip().splitlines()[-6:])
            raise StepFailed(f"`{command}` ended with {done.returncode}: {said}")
        return done.stdout


def require(*tools: str) -> None:
    """Look for root and for tools.

    Raises
    ------
    Skipped : one of them is absent.
    """
    if os.geteuid() != 0:
        raise Skipped("root is needed to make and enter a system of its own: run it with sudo")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise Skipped(f"{', '.join(missing)} is not installed: apt install debootstrap systemd-container")


def make_base(folder: Path, architecture: str) -> Path:
    """Make a Debian of this architecture below `folder`, unless it stands there already; takes some minutes.

    Raises
    ------
    Skipped : the distribution cannot be reached.
    """
    base = folder / architecture
    if (base / ".whole").exists():
        return base
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    command = ["debootstrap", f"--arch={architecture}", "--variant=minbase", f"--include={','.join(PACKAGES)}"]
    log = folder / f"{architecture}.log"
    with log.open("wb") as file:
        done = subprocess.run([*command, SUITE, str(base), MIRROR], stdout=file, stderr=file, check=False)
    if done.returncode:
        raise Skipped(f"no Debian could be made from {MIRROR}; {log} says why")
    (base / ".whole").touch()
    return base


@contextlib.contextmanager
def copy_of(base: Path, revision: str | None = None) -> Iterator[Path]:
    """Copy a system, and clone this project into it where a revision is named; both go away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="bedside-system-"))
    try:
        root = folder / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(root)], check=True)
        _share_network_files(root)
        if revision is not None:
            place_clone(root, revision)
        yield root
    finally:
        # Never into another file system: /dev of the host may still be mounted in there.
        subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], check=False)


def place_clone(root: Path, revision: str) -> None:
    """Put a fresh clone of what is committed here into a system."""
    clone = root / HOME.lstrip("/")
    shutil.rmtree(clone, ignore_errors=True)
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(clone)], check=True)
    subprocess.run(["git", "-C", str(clone), "checkout", "-q", "--detach", revision], check=True)


def revision_of(name: str) -> str:
    """Give the commit that a name stands for.

    Raises
    ------
    StepFailed : there is none.
    """
    done = subprocess.run(
        ["git", "-C", str(ROOT), "rev-parse", "--verify", "-q", f"{name}^{{commit}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StepFailed(f"there is no revision {name}")
    return done.stdout.strip()


def kept_environment() -> dict[str, str]:
    """Give what a package index behind a proxy needs."""
    return {name: value for name, value in os.environ.items() if name.upper().startswith(KEPT)}


@contextlib.contextmanager
def changed_root(root: Path) -> Iterator[System]:
    """Enter a system without booting it."""
    mounts = [(["mount", "-t", "proc", "proc"], root / "proc"), (["mount", "--bind", "/dev"], root / "dev")]
    done: list[Path] = []
    try:
        for command, target in mounts:
            subprocess.run([*command, str(target)], check=True)
            done.append(target)
        yield System(root, ("chroot", str(root)), kept_environment())
    finally:
        for target in reversed(done):
            subprocess.run(["umount", "-l", str(target)], check=False)


def emulate_aarch64() -> None:
    """Let this kernel run programs for aarch64.

    Raises
    ------
    Skipped : the emulator is absent, or the kernel does not take it.
    """
    if not Path("/usr/bin/qemu-aarch64-static").exists():
        raise Skipped("qemu-aarch64-static is not installed: apt install qemu-user-static")
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=False)
    if any("aarch64" in entry.name for entry in BINFMT.glob("*")):
        return
    try:
        (BINFMT / "register").write_text(AARCH64, encoding="ascii")
    except OSError as error:
        raise Skipped(f"the kernel takes no emulator: {error.strerror}") from error


def _share_network_files(root: Path) -> None:
    subprocess.run(["cp", "-a", "--remove-destination", "/etc/ssl", str(root / "etc")], check=True)
    for name in ("hosts", "resolv.conf", "pip.conf"):
        if (Path("/etc") / name).exists():
            shutil.copy(Path("/etc") / name, root / "etc" / name, follow_symlinks=True)
