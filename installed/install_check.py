"""Install both units as docs/installing.md says, and go through what an installed machine goes through."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

from installed.booted import Unit, booted, wait_for
from installed.debian import ROOT, StepFailed, System, changed_root, copy_of, make_base, require, revision_of
from installed.results import Results
from installed.written_steps import steps_of

PAGE = ROOT / "docs" / "installing.md"
STATE, CLINIC_STATE = "/var/lib/bedside", "/var/lib/bedside-cloud"
CLINIC_SETTINGS = "/etc/bedside/cloud-service.env"
SMALL_DISK_MB = 48
RESTART_S = 60.0
KEYS = "SELECT CASE typeof(id) WHEN 'blob' THEN lower(hex(id)) ELSE replace(id, '-', '') END, rev FROM events"
FINDINGS = "SELECT count(*) FROM events WHERE kind = 'finding'"


def check(*, folder: Path, before: str, results: Results) -> None:
    """Go through all steps; the first that fails ends it.

    Raises
    ------
    Skipped : this machine cannot boot a system in a container.
    StepFailed : a step did not happen.
    """
    require("debootstrap", "systemd-nspawn", "nsenter", "git", "pgrep")
    old, new = revision_of(before), revision_of("HEAD")
    with results.step("make a Debian"):
        base = make_base(folder, "amd64")
    with copy_of(base, new) as root:
        with results.step("make setup, of this version and of the one before"), changed_root(root) as system:
            _set_up(system, old, new)
        with booted(root) as system:
            Machine(system, results).go_through(new)


def _set_up(system: System, old: str, new: str) -> None:
    """Fill the cache of packages with what both versions need: the booted system has no network."""
    system.run("git config --global --add safe.directory '*'")
    for revision in (new, old):
        system.run(f"git checkout -q --detach {revision} && rm -rf .venv && make setup", within_s=1800)


class Machine:
    """A booted system, with both units on it."""

    def __init__(self, system: System, results: Results, *, programs: str = ".venv/bin") -> None:
        self._system = system
        self._programs = programs
        self._results = results
        self._agent = Unit(system, "edge-agent")
        self._clinic = Unit(system, "cloud-service")

    def go_through(self, new: str) -> None:
        """All steps, in the order in which a machine meets them."""
        step = self._results.step
        with step("the version before: install both units, start the clinic, let a device in"):
            self._type("program")
            self._name_the_folder_of_the_clinic()
            self._type("clinic")
            self._wait_for_clinic()
            self._type("let-in")
        with step("the version before: start the device"):
            self._write_settings()
            self._type("device")
            self._agent.wait_active()
            self._wait_for_events()
        with step("upgrade with data; doctor finds the daemon") as told:
            told(self._upgrade(new))
        with step("what the device says reaches the clinic"):
            self._wait_for_receipts()
        for unit in (self._agent, self._clinic):
            with step(f"kill -9 of {unit.name}") as told:
                told(f"runs again after {unit.signal_and_wait('KILL', RESTART_S):.0f} s")
                self._wait_for_events()
            with step(f"hang of {unit.name} (SIGSTOP)") as told:
                told(self._hang(unit))
        with step("a full disk, a start on it, and room again") as told:
            told(self._full_disk())
        with step("remove"):
            self._type("remove")
            self._nothing_is_left()

    # ---- steps ---------------------------------------------------------------------------------------------------

    def _type(self, name: str) -> None:
        for line in steps_of(PAGE, name):
            # What doctor says of the broker or of a version before is looked at apart.
            self._system.run(line, within_s=1800, check="edge-agent doctor" not in line)

    def _name_the_folder_of_the_clinic(self) -> None:
        """Version 0.1.0 did not find it by itself; later ones do, so the upgrade takes this away."""
        self._system.run(f"echo BEDSIDE_CLOUD_STATE_DIR={CLINIC_STATE} > {CLINIC_SETTINGS}")

    def _wait_for_clinic(self) -> None:
        self._clinic.wait_active()
        ready = f"test -s {CLINIC_STATE}/certificates/ca.pem && test -s {CLINIC_STATE}/clinic.db && echo yes"
        wait_for(lambda: self._system.run(ready, check=False).strip() == "yes", 60, "the clinic has made its state")

    def _write_settings(self) -> None:
        login = json.loads(self._system.run(f"cat {CLINIC_STATE}/bed-1.json"))
        self._system.run(f"install -m 644 {CLINIC_STATE}/certificates/ca.pem /etc/bedside/clinic.pem")
        tree: dict[str, dict[str, object]] = {
            "device": {"name": "bed-1", "site": "home"},
            "source": {"record": "excerpt", "passes": 0, "speed": 10.0},
            "store": {"free_reserve_mb": 4, "waveform_budget_mb": 16},
            "sync": {
                "host": "127.0.0.1",
                "port": int(login.get("port", 8883)),
                "tls": True,
                "ca_file": "/etc/bedside/clinic.pem",
                "username": login["username"],
                "password": login["password"],
            },
        }
        lines = [
            line
            for section, values in tree.items()
            for line in (f"[{section}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items()))
        ]
        file = self._system.root / "etc/bedside/edge-agent.toml"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _doctor_finds_it(self) -> None:
        said = self._system.run(
            f"{self._programs}/edge-agent doctor --config /etc/bedside/edge-agent.toml --json", check=False
        ).splitlines()
        checks = [json.loads(line) for line in said if line.startswith("{")]
        daemon = [check for check in checks if check.get("name") == "daemon"]
        if not daemon or daemon[0]["level"] != "ok" or f"process {self._agent.pid}," not in daemon[0]["cause"]:
            raise StepFailed(f"doctor does not find the daemon that runs: {daemon}")

    def _upgrade(self, new: str) -> str:
        before = self._events()
        self._system.run(f"git checkout -q --detach {new} && rm {CLINIC_SETTINGS}")
        self._type("upgrade")
        for unit in (self._clinic, self._agent):
            unit.wait_active()
        self._wait_for_events()
        self._doctor_finds_it()
        after = self._events()
        if not before <= after:
            raise StepFailed(f"{len(before - after)} of {len(before)} events are gone after the upgrade")
        return f"{len(before)} events kept"

    def _hang(self, unit: Unit) -> str:
        watched_s = seconds_of(unit.shown("WatchdogUSec"))
        if not watched_s:
            return "this unit has no watchdog: not tried"
        taken_s = unit.signal_and_wait("STOP", watched_s + seconds_of(unit.shown("TimeoutStopUSec")) + RESTART_S)
        self._wait_for_events()
        return f"runs again after {taken_s:.0f} s"

    def _full_disk(self) -> str:
        with self._small_disk():
            self._agent.wait_active()
            self._wait_for_events()
            self._system.run(f"dd if=/dev/zero of={STATE}/ballast bs=4k", check=False)
            before, pid, findings = self._events(), self._agent.pid, self._ask(FINDINGS)
            wait_for(lambda: self._ask(FINDINGS) >= findings + 3, 90, "findings are stored on a full disk")
            if self._agent.pid != pid:
                raise StepFailed("the daemon ended on the full disk")
            self._system.run("systemctl restart edge-agent")
            self._agent.wait_active()
            time.sleep(10)
            if not self._agent.is_active:
                raise StepFailed("the daemon does not stay up when it starts on a full disk")
            self._system.run(f"rm {STATE}/ballast")
            self._wait_for_events()
            lost = before - self._events()
            if lost:
                raise StepFailed(f"{len(lost)} of {len(before)} events are gone after a start on a full disk")
            return f"{len(before)} events kept on {SMALL_DISK_MB} MB"

    def _nothing_is_left(self) -> None:
        left = self._system.run(
            "pgrep -f /opt/bedside; getent passwd bedside-edge bedside-cloud; "
            "systemctl list-units --all --plain --no-legend edge-agent cloud-service; "
            "ls -d /opt/bedside /usr/lib/bedside /etc/bedside 2>/dev/null",
            check=False,
        )
        if left.strip():
            raise StepFailed(f"left behind: {' | '.join(left.split(chr(10)))}")
        self._system.run(f"test -s {STATE}/events.db && test -s {CLINIC_STATE}/clinic.db")

    # ---- looking -------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _small_disk(self) -> Iterator[None]:
        """Let the state of the device lie on a disk of its own, with a fixed size."""
        options = f"size={SMALL_DISK_MB}m,mode=0700,uid=$(id -u bedside-edge),gid=$(id -g bedside-edge)"
        self._system.run("systemctl stop edge-agent && systemctl reset-failed edge-agent || true")
        self._system.run(f"mount -t tmpfs -o {options} tmpfs {STATE}")
        self._system.run("systemctl start edge-agent")
        try:
            yield
        finally:
            self._system.run(f"systemctl stop edge-agent; umount -l {STATE}; systemctl start edge-agent", check=False)

    def _wait_for_events(self) -> None:
        """Wait until the daemon that runs now stores something."""
        last = self._newest()
        wait_for(lambda: self._newest() > last, 90, "the daemon stores events")

    def _wait_for_receipts(self) -> None:
        newest = self._newest()
        oldest_waiting = "SELECT coalesce(min(n), 1 << 62) FROM outbox"
        wait_for(lambda: self._ask(oldest_waiting) > newest, 120, "the clinic receipts what the device stored")

    def _newest(self) -> int:
        return self._ask("SELECT coalesce(max(n), 0) FROM events") if self._has_store() else 0

    def _has_store(self) -> bool:
        return self._system.run(f"test -s {STATE}/events.db && echo yes", check=False).strip() == "yes"

    def _events(self) -> set[str]:
        """(id, rev) of every event that the device holds; later versions store an id in fewer bytes."""
        return set(self._rows(KEYS))

    def _ask(self, sql: str) -> int:
        return int(self._rows(sql)[0].strip("[]"))

    def _rows(self, sql: str) -> list[str]:
        program = (
            "import json, sqlite3, sys; store = sqlite3.connect(sys.argv[1], uri=True, timeout=20); "
            "[print(json.dumps(row)) for row in store.execute(sys.argv[2])]"
        )
        return self._system.run(
            f"runuser -u bedside-edge -- python3 -c '{program}' file:{STATE}/events.db?mode=ro \"{sql}\""
        ).splitlines()


def seconds_of(text: str) -> float:
    """Read a span as `systemctl show` writes it: `30s`, `1min 30s`, 0 where there is none."""
    units = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0}
    total = 0.0
    for part in text.split():
        number = part.rstrip("abcdefghijklmnopqrstuvwxyz")
        total += float(number) * units[part[len(number) :]] if number and part != number else 0.0
    return total
