"""A program of the owner's signals the alarms at the bed: real child processes, whatever they do."""

import os
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.events import AlarmEvent, AlarmState, Priority, SounderState
from edge_agent.findings.alarms import AlarmMachine
from edge_agent.findings.sounder import AGAIN_S, Signal, Sounder, SounderSettings, signal_of
from edge_agent.operate.settings_file import load_settings
from tests.agent.conftest import until

ALARM = AlarmEvent(
    id="a", rev=0, device="bed-1", recording="r", finding="f", kind="asystole", leads=("II",),
    priority=Priority.HIGH, state=AlarmState.ACTIVE, at=0, by="device",
)  # fmt: skip
# Each run takes its behaviour from the file `next`, and writes its last two arguments when it comes to its end.
PROGRAM = """#!/bin/sh
case "$(cat "$1/next" 2>/dev/null)" in
  fail) exit 3 ;;
  hang) sleep 30 & wait ;;
esac
echo "$2 $3" >> "$1/runs"
"""


def program(folder):
    path = Path(folder) / "sounder.sh"
    path.write_text(PROGRAM)
    path.chmod(0o700)
    return path


class Bed:
    """A sounder whose time and alarms are set by hand, and what its program was told."""

    def __init__(self, folder, **settings):
        self.folder, self.now_s, self.alarms = Path(folder), 0.0, ()
        command = (str(program(folder)), str(folder))
        self.settings = SounderSettings(signal_command=command, signal_limit_s=settings.pop("limit_s", 2.0), **settings)
        self.sounder = Sounder(self.settings, lambda: self.alarms, now_s=lambda: self.now_s)

    def behave(self, how):
        (self.folder / "next").write_text(how)

    def look(self, after_s=0.0):
        self.now_s += after_s
        self.sounder.look()

    @property
    def runs(self):
        file = self.folder / "runs"
        return file.read_text().splitlines() if file.exists() else []


def alarm(priority, state):
    return replace(ALARM, id=f"{priority}{state}", priority=priority, state=state)


@pytest.mark.parametrize(
    ("state", "signal"),
    [
        (AlarmState.ACTIVE, Signal(sound=Priority.HIGH, light=Priority.HIGH)),
        (AlarmState.AUDIO_PAUSED, Signal(light=Priority.HIGH)),
        (AlarmState.LATCHED, Signal(light=Priority.HIGH)),
        (AlarmState.ACKNOWLEDGED, Signal()),
        (AlarmState.RESOLVED, Signal()),
    ],
)
def test_a_pause_and_an_acknowledgement_silence_and_only_the_latter_puts_out_the_light(state, signal):
    assert signal_of([alarm(Priority.HIGH, state)]) == signal


def test_the_highest_that_sounds_and_the_highest_that_lights_are_named_apart():
    standing = [alarm(Priority.HIGH, AlarmState.AUDIO_PAUSED), alarm(Priority.LOW, AlarmState.ACTIVE)]
    assert signal_of(standing) == Signal(sound=Priority.LOW, light=Priority.HIGH)


STANDING = st.lists(
    st.builds(alarm, st.sampled_from((Priority.LOW, Priority.MEDIUM, Priority.HIGH)), st.sampled_from(AlarmState)),
    max_size=3,
)
STEPS = st.lists(st.tuples(STANDING, st.sampled_from(("work", "work", "fail", "hang"))), min_size=1, max_size=6)


@settings(max_examples=15, deadline=None)
@example(steps=[([ALARM], "hang"), ([], "fail")])
@given(steps=STEPS)
def test_whatever_alarms_come_and_however_runs_end_the_last_run_says_what_is_so(steps):
    with TemporaryDirectory() as folder:
        bed = Bed(folder, limit_s=0.1)
        for alarms, how in steps:
            bed.behave(how)
            bed.alarms = alarms
            bed.look()
        bed.behave("work")
        bed.sounder._settings = replace(bed.settings, signal_limit_s=5.0)  # a loaded machine starts a shell late
        bed.look(AGAIN_S)
        wanted = signal_of(bed.alarms)
        assert bed.runs[-1] == f"{wanted.sound.value} {wanted.light.value}"
        assert bed.sounder.state is SounderState.WORKS


def test_it_is_run_at_the_start_again_while_an_alarm_is_signalled_and_not_while_none_is(tmp_path):
    bed = Bed(tmp_path, signal_repeat_s=5.0)
    bed.look()
    bed.look(after_s=1000)
    assert bed.runs == ["none none"]
    bed.alarms = [ALARM]
    bed.look()
    bed.look(after_s=4.9)
    assert bed.runs == ["none none", "high high"]
    bed.look(after_s=0.2)
    assert bed.runs == ["none none", "high high", "high high"]


def test_what_takes_too_long_is_killed_with_all_that_it_started(tmp_path):
    bed = Bed(tmp_path, limit_s=0.3)
    bed.behave("hang")
    began_s = time.monotonic()
    bed.look()
    assert time.monotonic() - began_s < 20
    assert "was killed" in bed.sounder.trouble
    until(lambda: not in_session_of(bed))
    assert bed.sounder.state is SounderState.FAILS
    bed.behave("work")
    bed.sounder._settings = replace(bed.settings, signal_limit_s=5.0)
    bed.look(after_s=AGAIN_S)
    assert bed.sounder.trouble is None


def in_session_of(bed):
    """Processes that run the program of a bed."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().decode(errors="replace") if entry.name.isdigit() else ""
        except OSError:
            continue
        found += [entry.name] if str(bed.folder / "sounder.sh") in line and int(entry.name) != os.getpid() else []
    return found


@pytest.mark.parametrize(
    ("command", "why"),
    [(("/nowhere/buzzer",), "No such file"), (("/bin/false",), "exit code 1"), (("/etc/passwd",), "Permission denied")],
)
def test_a_program_that_fails_says_why(command, why):
    sounder = Sounder(SounderSettings(signal_command=command), lambda: ())
    sounder.look()
    assert why in sounder.trouble


def test_alarms_that_cannot_be_asked_for_end_nothing(tmp_path):
    bed = Bed(tmp_path)
    answers = [RuntimeError("a test"), (ALARM,)]

    def alarms():
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, RuntimeError):
            raise answer
        return answer

    bed.sounder._alarms = alarms
    bed.sounder.start()
    until(lambda: bed.runs[-1:] == ["high high"])
    bed.sounder.stop()
    assert bed.runs[-1] == "none none"


def test_no_program_is_run_where_none_is_set():
    sounder = Sounder(SounderSettings(), lambda: (ALARM,))
    sounder.start()
    assert sounder.state is SounderState.NONE
    sounder.stop()


def test_the_sound_of_a_machine_of_alarms_follows_the_person(tmp_path):
    machine, bed = AlarmMachine("bed-1"), Bed(tmp_path)
    machine.adopt([ALARM], at=0)
    bed.alarms = machine.alarms
    bed.look()
    machine.acknowledge("a", "nurse", 1)
    bed.alarms = machine.alarms
    bed.look()
    assert bed.runs == ["none high", "none none"]


def test_a_program_is_read_from_the_settings_and_a_time_that_cannot_be_is_refused(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text('[alarms]\nsignal_command = ["/opt/buzzer", "--pin", "17"]\n')
    assert load_settings(file, environment={}).alarms.signal_command == ("/opt/buzzer", "--pin", "17")
    file.write_text("[alarms]\nsignal_limit_s = 0\n")
    with pytest.raises(BadInput, match="signal_limit_s"):
        load_settings(file, environment={})
