import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from biosignal.tasks import TASKS
from biosignal.tasks.lookup import models
from biosignal.tasks.task import Task, Wants
from edge_agent.operate import settings_file
from edge_agent.operate.settings import Settings
from edge_agent.operate.settings_file import Refused, keys, load_settings, parse_flag, shown

ROOT = Path(__file__).resolve().parents[2]


def load(tmp_path, text="", environment=None, flags=None):
    file = tmp_path / "edge.toml"
    file.write_text(text)
    return load_settings(file, environment=environment or {}, flags=flags)


def test_without_anything_the_defaults_hold():
    assert load_settings(environment={}) == Settings()


@pytest.fixture
def unit_settings(tmp_path, monkeypatch):
    """The folder of the installed unit's settings, and the state folder that belongs to it."""
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setattr(settings_file, "UNIT_SETTINGS_DIR", tmp_path.resolve())
    monkeypatch.setattr(settings_file, "UNIT_STATE_DIR", tmp_path / "state-of-the-unit")
    return tmp_path


def test_a_verb_run_by_hand_on_the_settings_of_the_unit_looks_into_its_state_folder(unit_settings):
    assert load(unit_settings).device.state_dir == unit_settings / "state-of-the-unit"
    chosen = load(unit_settings, "[device]\nstate_dir = '/elsewhere'\n")
    assert str(chosen.device.state_dir) == "/elsewhere"


def test_what_systemd_names_goes_before_the_folder_of_the_unit(unit_settings, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/bedside-2")
    assert str(load(unit_settings).device.state_dir) == "/var/lib/bedside-2"


def test_settings_elsewhere_know_nothing_of_the_unit(unit_settings):
    (unit_settings / "mine").mkdir()
    assert load(unit_settings / "mine").device.state_dir == Settings().device.state_dir


def test_the_folders_of_the_unit_are_those_that_its_files_name():
    unit = (ROOT / "systemd" / "edge-agent.service").read_text()
    assert f"--config {settings_file.UNIT_SETTINGS_DIR}/edge-agent.toml\n" in unit
    assert f"\nStateDirectory={settings_file.UNIT_STATE_DIR.relative_to('/var/lib')}\n" in unit


def test_flags_beat_the_environment_which_beats_the_file(tmp_path):
    text = "[sync]\nhost = 'file'\nport = 1\nresend_s = 1\n"
    environment = {"BEDSIDE_SYNC__PORT": "2", "BEDSIDE_SYNC__RESEND_S": "2.5"}
    sync = load(tmp_path, text, environment, {"sync.resend_s": 3.0}).sync
    assert (sync.host, sync.port, sync.resend_s) == ("file", 2, 3.0)


def test_an_unknown_key_is_refused_with_file_line_and_the_nearest_name(tmp_path):
    with pytest.raises(Refused) as caught:
        load(tmp_path, "[source]\nkind = 'replay'\n# a remark\nrecrod = 'excerpt'\n")
    text = str(caught.value)
    assert "edge.toml:4" in text
    assert "'source.recrod'" in text
    assert "'source.record'" in text
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[sauce]\nkind = 'x'\n", 2),
        ("top = 1\n", 1),
        ("[source]\nspeed = 2\n[inference.tensorrt]\nbatch = 3\n", 4),
        ("\n[empty]\n", 2),
        ("sync.hots = 'x'\n", 1),
        ("[limits.ecg-rhythm]\nvt_beat = 5\n", 2),
        ("[limits.ecg-rythm]\nvt_beats = 5\n", 2),
        ("[inference.versions]\necg-beat = '1.0.0'\n", 2),
        ("[sync]\nsite = 'ward'\n", 2),
    ],
)
def test_whatever_is_unknown_is_named_by_its_line(tmp_path, text, line):
    with pytest.raises(Refused, match=rf"edge\.toml:{line}: unknown"):
        load(tmp_path, text)


def test_an_unknown_variable_is_refused_by_its_name():
    with pytest.raises(Refused, match="BEDSIDE_SYNC__HOTS"):
        load_settings(environment={"BEDSIDE_SYNC__HOTS": "x"})
    load_settings(environment={"BEDSIDE_MODELS_DIR": "/models", "HOME__X": "1"})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[sync]\nport = 'x'\n", "a whole number"),
        ("[sync]\nport = true\n", "a whole number"),
        ("[sync]\nport = 70000\n", "must be a port"),
        ("[sync]\ntls = 1\n", "true or false"),
        ("[source]\nspeed = -1\n", "negative"),
        ("[source]\nspeed = nan\n", "a number"),
        ("[source]\nstall_s = 0\n", "above 0"),
        ("[device]\nname = 'a/b'\n", "topic"),
        ("[device]\nstate_dir = 3\n", "a path"),
        ("[analysis]\nmains_hz = 55\n", "50 or 60"),
        ("[limits.ecg-beats]\nmains_hz = 55\n", "50 or 60"),
        ("[limits.ecg-rhythm]\nvt_beats = 2.5\n", "a whole number"),
        ("[store]\nevents_budget_mb = 0\n", "above 0"),
        ("[updates]\nurl = 'file:///etc'\n", "http or https"),
        ("[updates.trial]\nretry_s = ['x']\n", "a list of numbers"),
        ("[operate]\nlog_level = 'loud'\n", "one of"),
        ("[inference.tensorrt]\npython_path = 'x'\n", "a list"),
        ("[sync]\nclient_cert = '/c.pem'\n", "together"),
        ("[sync]\nport = {a = 1}\n", "a whole number"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_line(tmp_path, text, why):
    with pytest.raises(Refused, match=why) as caught:
        load(tmp_path, text)
    assert "edge.toml:2" in str(caught.value)


def test_the_home_of_nobody_is_refused_with_its_line(tmp_path):
    with pytest.raises(Refused, match=r"edge\.toml:2"):
        load(tmp_path, '[device]\nstate_dir = "~0/state"\n')


def test_broken_toml_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(Refused, match="line 1"):
        load(tmp_path, "[source\n")
    with pytest.raises(Refused, match=r"nothing\.toml"):
        load_settings(tmp_path / "nothing.toml", environment={})
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(Refused, match="not TOML"):
        load_settings(tmp_path / "bytes.toml", environment={})


def test_secrets_are_masked_wherever_settings_are_shown(tmp_path):
    rows = dict(shown(load(tmp_path, "[sync]\npassword = 'hunter2'\n")))
    assert rows["sync.password"] == '"********"'
    assert "hunter2" not in str(rows)
    with pytest.raises(Refused) as caught:
        load(tmp_path, "[sync]\npassword = 12345\n")
    assert "12345" not in str(caught.value)


def test_what_is_shown_can_be_loaded_again(tmp_path):
    text = "[inference.tensorrt]\npython_path = ['/a', '/b']\n[source]\nmv_per_count = 0.5\n[device]\nsubject = 'p1'\n"
    settings = load(tmp_path, text)
    again = "\n".join(f"{path} = {value}" for path, value in shown(settings))
    assert load(tmp_path, again) == settings


def test_every_setting_can_be_given_by_environment():
    defaults = load_settings(environment={})
    rows = dict(shown(defaults))
    for path in keys():
        if path not in rows:  # a version, which has no default
            continue
        text = rows[path]
        plain = os.pathsep.join(text.strip("[]").split(", ")) if text.startswith("[") else text.strip('"')
        variable = "BEDSIDE_" + path.upper().replace(".", "__").replace("-", "_")
        assert load_settings(environment={variable: plain}) == defaults, path


def test_limits_are_read_into_the_classes_that_the_tasks_declare(tmp_path):
    text = "[limits.ecg-rhythm]\nbradycardia_per_min = 40\n[limits.ecg-beats]\nmains_hz = 50\n"
    limits = load(tmp_path, text).limits
    assert limits["ecg-rhythm"] == TASKS["ecg-rhythm"].limits(bradycardia_per_min=40.0)
    assert limits["ecg-beats"].mains_hz == 50.0
    assert set(limits) == {name for name, task in TASKS.items() if task.limits is not None}


def test_limits_that_contradict_each_other_are_refused_with_the_line_of_one(tmp_path):
    with pytest.raises(Refused, match=r"edge\.toml:3: limits\.ecg-rhythm: .*bradycardia must be below"):
        load(tmp_path, "[limits.ecg-rhythm]\nvt_beats = 7\nbradycardia_per_min = 130\n")


@dataclass(frozen=True, kw_only=True, slots=True)
class NightLimits:
    loudest_db: float = 60.0


def test_a_task_that_is_registered_later_has_its_limits_in_the_file(tmp_path, monkeypatch):
    text = "[limits.nights]\nloudest_db = 70\n"
    with pytest.raises(Refused, match=r"limits\.nights"):
        load(tmp_path, text)
    task = Task(name="nights", label="Nights", wants=Wants(), make=None, limits=NightLimits)
    monkeypatch.setitem(TASKS, "nights", task)
    assert load(tmp_path, text).limits["nights"] == NightLimits(loudest_db=70.0)
    with pytest.raises(Refused, match=r"did you mean 'limits\.nights\.loudest_db'"):
        load(tmp_path, "[limits.nights]\nloudest = 70\n")


def test_the_version_of_each_model_can_be_set(tmp_path):
    name = next(iter(models()))
    assert load(tmp_path, f"[inference.versions]\n{name} = '1.0.0'\n").inference.versions == {name: "1.0.0"}
    variable = f"BEDSIDE_INFERENCE__VERSIONS__{name.upper().replace('-', '_')}"
    assert load_settings(environment={variable: "1.2.0"}).inference.versions == {name: "1.2.0"}


@pytest.mark.parametrize(
    ("before", "now", "text", "value"),
    [
        ("analysis.mains_hz", ("limits.ecg-front.mains_hz", "limits.ecg-beats.mains_hz"), "60", 60.0),
        ("inference.beats", ("inference.versions.ecg-beats",), "'1.0.0'", "1.0.0"),
        ("updates.trial_windows", ("updates.trial.windows",), "20", 20),
    ],
)
def test_the_names_of_earlier_versions_still_count_and_the_new_name_is_said(tmp_path, before, now, text, value):
    sentences: list[str] = []
    file = tmp_path / "edge.toml"
    file.write_text(f"\n{before} = {text}\n")
    settings = load_settings(file, environment={}, on_renamed=sentences.append)
    assert sentences == [f"{file}:2: {before} is now called {' and '.join(now)}"]
    assert settings == load_settings(environment={}, flags=dict.fromkeys(now, value))
    assert load_settings(environment={}, flags=dict([parse_flag(f"{before}={value}")])) == settings
    variable = "BEDSIDE_" + before.upper().replace(".", "__")
    assert load_settings(environment={variable: str(value)}) == settings


def test_mains_of_an_earlier_version_that_were_switched_off_stay_off(tmp_path):
    assert load(tmp_path, "[analysis]\nmains_hz = 0\n") == Settings()


def test_a_stronger_source_wins_under_the_old_name_too(tmp_path):
    text = "[updates.trial]\nwindows = 5\n"
    assert load(tmp_path, text, {"BEDSIDE_UPDATES__TRIAL_WINDOWS": "7"}).updates.trial.windows == 7


def test_variables_of_the_clinics_service_are_not_ours():
    assert load_settings(environment={"BEDSIDE_CLOUD_HTTP__PORT": "1"}) == Settings()


def test_a_flag_without_a_value_is_refused():
    assert parse_flag("source.speed=3") == ("source.speed", 3.0)
    with pytest.raises(Refused, match=r"section\.key=value"):
        parse_flag("source.speed")
