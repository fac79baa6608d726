"""`make install-check` runs the page on installing as it stands; without root or tools it is skipped and says so."""

import os
import re
import subprocess
import sys

import pytest

from installed.debian import ROOT, Skipped, require
from installed.install_check import PAGE, seconds_of
from installed.results import Results
from installed.written_steps import steps_of

STEPS = ("program", "clinic", "let-in", "provision", "backup", "device", "upgrade", "remove",
         "package-clinic", "package-let-in", "package-device", "package-remove")  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_each_block_of_the_page_is_a_list_of_commands_a_shell_can_read(name):
    steps = steps_of(PAGE, name)
    assert steps
    for step in steps:
        subprocess.run(["sh", "-n", "-c", step], check=True)
        assert not re.search(r"\b(sudo|apt|sudoedit)\b|git (clone|pull)", step), step


def test_the_example_of_a_buzzer_gives_each_priority_its_pulses_and_is_silent_without_one(tmp_path):
    text = PAGE.read_text().split("<!-- example: buzzer -->")[1].split("```sh\n")[1].split("```")[0]
    script, gpioset = tmp_path / "bedside-buzzer", tmp_path / "gpioset"
    script.write_text(text)
    gpioset.write_text('#!/bin/sh\necho "$@"\n')
    for file in (script, gpioset):
        file.chmod(0o700)

    def said(sound):
        path = f"{tmp_path}:{os.environ['PATH']}"
        command = [str(script), "17", sound, "high"]
        return subprocess.run(
            command, env={"PATH": path}, capture_output=True, text=True, check=True, timeout=20
        ).stdout

    pulses = {sound: said(sound).count("100ms") for sound in ("high", "medium", "low", "none")}
    assert pulses == {"high": 10, "medium": 3, "low": 1, "none": 0}
    assert said("low") == "--toggle 100ms,50ms,0 17=1\n"


def test_what_the_check_does_by_itself_is_left_out_and_the_rest_of_the_line_is_kept():
    assert steps_of(PAGE, "program")[0] == "cd /opt/bedside && make setup"
    assert steps_of(PAGE, "upgrade")[0] == "cd /opt/bedside && make setup"


def test_what_is_installed_is_removed():
    put = set(re.findall(r"(/(?:usr|etc)/[\w/.-]+\.conf) ", "\n".join(steps_of(PAGE, "program"))))
    assert put
    gone = " ".join(steps_of(PAGE, "remove"))
    assert all(file in gone for file in put if "sysusers" in file or "tmpfiles" in file)
    assert all(unit.name in gone for unit in (ROOT / "systemd").glob("*.service"))


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30.0), ("1min 30s", 90.0), ("500ms", 0.5), ("0", 0.0), ("infinity", 0.0), ("", 0.0)]
)
def test_a_span_is_read_as_systemd_writes_it(text, seconds):
    assert seconds_of(text) == pytest.approx(seconds)


def test_without_root_or_a_tool_it_is_skipped_with_the_reason(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(Skipped, match="root is needed"):
        require("sh")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(Skipped, match="no-such-tool is not installed"):
        require("sh", "no-such-tool")


def test_a_skip_is_no_failure_and_says_why():
    command = [sys.executable, "-m", "installed", "install"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PATH": "/nonexistent"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith("skipped: ")


def test_a_step_that_fails_is_in_the_table():
    results = Results()
    with results.step("one") as told:
        told("12 events kept")
    with pytest.raises(KeyError), results.step("two"):
        raise KeyError
    assert results.table().splitlines()[2:] == ["| one | 12 events kept |", "| two | FAILED |"]
