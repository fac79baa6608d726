import pytest

from edge_agent.operate.settings import Settings
from edge_agent.operate.settings_file import SettingsRefused, keys, load_settings, parse_flag, shown


def load(tmp_path, text="", environment=None, flags=None):
    file = tmp_path / "edge.toml"
    file.write_text(text)
    return load_settings(file, environment=environment or {}, flags=flags)


def test_without_anything_the_defaults_hold():
    assert load_settings(environment={}) == Settings()


def test_flags_beat_the_environment_which_beats_the_file(tmp_path):
    text = "[sync]\nhost = 'file'\nport = 1\nresend_s = 1\n"
    environment = {"BEDSIDE_SYNC__PORT": "2", "BEDSIDE_SYNC__RESEND_S": "2.5"}
    sync = load(tmp_path, text, environment, {"sync.resend_s": 3.0}).sync
    assert (sync.host, sync.port, sync.resend_s) == ("file", 2, 3.0)


def test_an_unknown_key_is_refused_with_file_line_and_the_nearest_name(tmp_path):
    with pytest.raises(SettingsRefused) as caught:
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
    ],
)
def test_whatever_is_unknown_is_named_by_its_line(tmp_path, text, line):
    with pytest.raises(SettingsRefused, match=rf"edge\.toml:{line}: unknown"):
        load(tmp_path, text)


def test_an_unknown_variable_is_refused_by_its_name():
    with pytest.raises(SettingsRefused, match="BEDSIDE_SYNC__HOTS"):
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
        ("[analysis]\nmains_hz = 55\n", "50, 60"),
        ("[operate]\nlog_level = 'loud'\n", "one of"),
        ("[inference.tensorrt]\npython_path = 'x'\n", "a list"),
        ("[sync]\nclient_cert = '/c.pem'\n", "together"),
        ("[sync]\nport = {a = 1}\n", "a whole number"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_line(tmp_path, text, why):
    with pytest.raises(SettingsRefused, match=why) as caught:
        load(tmp_path, text)
    assert "edge.toml:2" in str(caught.value)


def test_broken_toml_and_a_missing_file_are_refused(tmp_path):
    with pytest.raises(SettingsRefused, match="line 1"):
        load(tmp_path, "[source\n")
    with pytest.raises(SettingsRefused, match=r"nothing\.toml"):
        load_settings(tmp_path / "nothing.toml", environment={})
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsRefused, match="not TOML"):
        load_settings(tmp_path / "bytes.toml", environment={})


def test_secrets_are_masked_wherever_settings_are_shown(tmp_path):
    rows = dict(shown(load(tmp_path, "[sync]\npassword = 'hunter2'\n")))
    assert rows["sync.password"] == '"********"'
    assert "hunter2" not in str(rows)
    with pytest.raises(SettingsRefused) as caught:
        load(tmp_path, "[sync]\npassword = 12345\n")
    assert "12345" not in str(caught.value)


def test_what_is_shown_can_be_loaded_again(tmp_path):
    text = "[inference.tensorrt]\npython_path = ['/a', '/b']\n[source]\nmv_per_count = 0.5\n[device]\nsubject = 'p1'\n"
    settings = load(tmp_path, text)
    again = "\n".join(f"{path} = {value}" for path, value in shown(settings))
    assert load(tmp_path, again) == settings


def test_every_setting_can_be_given_by_environment(tmp_path):
    for path in keys():
        name = "BEDSIDE_" + path.upper().replace(".", "__")
        default = dict(shown(load_settings(environment={})))[path]
        plain = default.strip('"') if not default.startswith("[") else ""
        assert load_settings(environment={name: plain}) == load_settings(environment={}), path


def test_a_flag_without_a_value_is_refused():
    assert parse_flag("source.speed=3") == ("source.speed", 3.0)
    with pytest.raises(SettingsRefused, match=r"section\.key=value"):
        parse_flag("source.speed")
