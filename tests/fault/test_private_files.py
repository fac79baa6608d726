"""Whatever the two programs write, nobody but their own user may read it, also where no unit of systemd says so."""

import os
import stat

import pytest
from fault_house import House, wait_for

OPEN_UMASK = 0o000


@pytest.fixture
def open_umask():
    before = os.umask(OPEN_UMASK)
    yield
    os.umask(before)


def readable_by_others(folder):
    return sorted(
        f"{path.relative_to(folder)} {stat.S_IMODE(path.lstat().st_mode):o}"
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink() and stat.S_IMODE(path.lstat().st_mode) & 0o077
    )


@pytest.mark.broker
def test_nobody_else_may_read_what_the_programs_write(tmp_path, open_umask):
    house = House(tmp_path, broker="embedded", speed=0, passes=1)
    house.device_state.mkdir(exist_ok=True)
    (house.device_state / "left-open-by-an-earlier-release.json").write_text("{}")
    (house.clinic_state / "left-open-by-an-earlier-release.json").write_text("{}")
    try:
        house.start()
        wait_for(lambda: (house.device_state / "status.json").exists(), 30, "the daemon says how it is")
        written = {path.name for path in (*house.device_state.rglob("*"), *house.clinic_state.rglob("*"))}
        assert {"events.db", "events.db-wal", "waveforms.db", "status.json", "clinic.db"} <= written
        assert readable_by_others(house.device_state) == []
        assert readable_by_others(house.clinic_state) == []
        assert stat.S_IMODE((tmp_path / "device.json").stat().st_mode) == 0o600
    finally:
        house.close()
