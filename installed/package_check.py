"""Install the Debian package, use it as docs/installing.md says, upgrade it with data, take it away."""

import shutil
from pathlib import Path

from installed import package
from installed.booted import booted
from installed.debian import StepFailed, System, copy_of, make_base, require
from installed.install_check import CLINIC_STATE, STATE, Machine
from installed.results import Results

PACKAGES = "/srv"
"""Where the packages lie in the container."""


def check(*, folder: Path, results: Results) -> None:
    """Go through all steps; the first that fails ends it.

    Raises
    ------
    Skipped : this machine cannot build a package, or boot a system in a container.
    StepFailed : a step did not happen.
    """
    require("debootstrap", "systemd-nspawn", "nsenter", "git", "pgrep", "dpkg-deb")
    with results.step("build the package, and a newer one") as said:
        first, second = (package.build(folder / "packages", behind=behind) for behind in ("", "+1"))
        said(f"{first.stat().st_size >> 20} MB")
    with results.step("make a Debian"):
        base = make_base(folder, "amd64")
    with copy_of(base) as root:
        for file in (first, second):
            shutil.copy(file, root / PACKAGES.lstrip("/"))
        with booted(root) as system:
            PackagedMachine(system, results).use(first.name, second.name)


class PackagedMachine(Machine):
    """A booted system that knows nothing of this program but its package."""

    def __init__(self, system: System, results: Results) -> None:
        super().__init__(system, results, programs="/usr/bin")

    def use(self, first: str, second: str) -> None:
        """All steps, in the order in which a machine meets them."""
        step = self._results.step
        with step("install; nothing starts by itself"):
            self._system.run(f"dpkg -i {PACKAGES}/{first}")
            self._nothing_runs()
        with step("start the clinic, let a device in"):
            self._type("package-clinic")
            self._wait_for_clinic()
            self._type("package-let-in")
        with step("start the device; what it says reaches the clinic"):
            self._write_settings()
            self._type("package-device")
            self._agent.wait_active()
            self._wait_for_events()
            self._wait_for_receipts()
            self._doctor_finds_it()
        with step("upgrade with data") as said:
            said(self._upgrade_package(second))
        with step("remove: settings and what was recorded stay"):
            self._type("package-remove")
            self._nothing_runs()
            self._system.run("! test -e /usr/lib/bedside && ! test -e /usr/bin/edge-agent")
            for file in ("/etc/bedside/edge-agent.toml", f"{STATE}/events.db", f"{CLINIC_STATE}/clinic.db"):
                self._system.run(f"test -s {file}")
        with step("purge: what was recorded stays"):
            self._system.run("dpkg --purge bedside")
            self._nothing_is_left()

    def _nothing_runs(self) -> None:
        running = self._system.run("pgrep -f '/usr/lib/bedside|edge-agent|cloud-service'", check=False).strip()
        if running:
            raise StepFailed(f"processes run: {running}")

    def _upgrade_package(self, package_name: str) -> str:
        before, pid = self._events(), self._agent.pid
        self._system.run(f"dpkg -i {PACKAGES}/{package_name}")
        for unit in (self._clinic, self._agent):
            unit.wait_active()
        if self._agent.pid == pid:
            raise StepFailed("the daemon was not started anew by the upgrade")
        self._wait_for_events()
        self._doctor_finds_it()
        lost = before - self._events()
        if lost:
            raise StepFailed(f"{len(lost)} of {len(before)} events are gone after the upgrade")
        return f"{len(before)} events kept"
