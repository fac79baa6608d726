"""The udev rules, run by udev itself on boards that only exist as a tree of files in a mount namespace of their own."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

RULES = Path(__file__).resolve().parents[2] / "systemd" / "70-bedside.rules"
TTY = "1-1:1.0/ttyUSB0/tty/ttyUSB0"
PORT = "1-1:1.0/ttyUSB0"

# /dev and /run are hidden as well: udevadm makes links and notes even when it only tests.
SCRIPT = r"""
set -e
mount --make-rprivate /
mkdir -p /etc/udev/rules.d
for place in /sys /run /dev /etc/udev/rules.d; do mount -t tmpfs tmpfs $place; done
mknod -m 666 /dev/null c 1 3
cp "$RULES" /etc/udev/rules.d/
board=/sys/devices/pci0000:00/usb1/1-1
port=$board/1-1:1.0/ttyUSB0
mkdir -p $port/tty/ttyUSB0 /sys/class/tty /sys/bus/usb /sys/bus/usb-serial/drivers/ftdi_sio
ln -s /sys/bus/usb $board/subsystem
printf 'DEVTYPE=usb_device\n' > $board/uevent
echo $VENDOR > $board/idVendor
echo $PRODUCT > $board/idProduct
[ -z "$SERIAL" ] || echo $SERIAL > $board/serial
ln -s /sys/bus/usb $board/1-1:1.0/subsystem
printf 'DEVTYPE=usb_interface\n' > $board/1-1:1.0/uevent
ln -s /sys/bus/usb-serial $port/subsystem
ln -s /sys/bus/usb-serial/drivers/ftdi_sio $port/driver
printf 'DRIVER=ftdi_sio\n' > $port/uevent
echo 16 > $port/latency_timer
ln -s /sys/class/tty $port/tty/ttyUSB0/subsystem
printf 'MAJOR=188\nMINOR=0\nDEVNAME=ttyUSB0\n' > $port/tty/ttyUSB0/uevent
udevadm test --action=add /devices/pci0000:00/usb1/1-1/$DEVICE 2>&1
"""


def plugged_in(vendor, product, serial="", device=TTY):
    """Plug in a board that is not there; what udev says it does."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("udevadm"):
        pytest.skip("needs root, unshare and udevadm")
    facts = {"RULES": str(RULES), "VENDOR": vendor, "PRODUCT": product, "SERIAL": serial, "DEVICE": device}
    environment = {"PATH": os.environ["PATH"], "SYSTEMD_DEVICE_VERIFY_SYSFS": "0", **facts}
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    if "mount: " in done.stderr or "unshare: " in done.stderr:
        pytest.skip(f"no mount namespace can be made here: {done.stderr.strip()[:100]}")
    if "DEVPATH=" not in done.stdout:
        pytest.skip("this udevadm takes no device that is only a tree of files")
    return done.stdout


@pytest.mark.parametrize(
    ("vendor", "product", "board"),
    [
        ("0403", "6015", "openbci"),
        ("0403", "6001", "serial"),
        ("1a86", "7523", "serial"),
        ("10c4", "ea60", "serial"),
        ("2341", "0043", "arduino"),
        ("2a03", "0043", "arduino"),
        ("2341", "804d", "healthypi"),
        ("1158", "0001", "healthypi"),
    ],
)
def test_a_board_goes_to_its_group_keeps_its_name_and_is_left_alone_by_modem_software(vendor, product, board):
    said = plugged_in(vendor, product, "A-1")
    assert f"\nBEDSIDE_BOARD={board}\n" in said
    assert f"\nDEVLINKS=/dev/bedside/{board}-A-1\n" in said
    assert "\nID_MM_DEVICE_IGNORE=1\n" in said
    assert re.search(r"70-bedside\.rules:\d+ GROUP ", said)
    assert re.search(r"70-bedside\.rules:\d+ MODE 0660", said)


def test_a_board_without_a_serial_number_has_no_name_of_its_own():
    said = plugged_in("1a86", "7523")
    assert "\nBEDSIDE_BOARD=serial\n" in said
    assert "/dev/bedside" not in said


def test_other_devices_are_left_alone():
    said = plugged_in("046d", "c31c", "A-1")
    assert "BEDSIDE_BOARD" not in said
    assert not re.search(r"70-bedside\.rules:\d+ (GROUP|MODE|LINK)", said)


def test_an_ftdi_bridge_is_told_to_hold_no_bytes_back():
    said = plugged_in("0403", "6015", "A-1", device=PORT)
    assert re.search(r"70-bedside\.rules:\d+ ATTR '\S+/latency_timer' writing '1'", said)
