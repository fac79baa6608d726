"""The command line and its settings: what it does, and what it says when it cannot."""

import argparse
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import httpx
import pytest

from biosignal import __version__
from cloud_service.cli import main, parser
from cloud_service.errors import ExposedWithoutTls, SettingsWrong
from cloud_service.settings import load_settings, require_safe_listener

ROOT = Path(__file__).parents[2]
tomllib = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")


def test_flags_win_over_environment_and_environment_over_file(tmp_path):
    file = tmp_path / "cloud.toml"
    file.write_text('state_dir = "a"\n[http]\nport = 1\nhost = "localhost"\n[mqtt]\ntls = false\n')
    made = load_settings(file, {"BEDSIDE_CLOUD_HTTP__PORT": "2", "BEDSIDE_CLOUD_DEMO": "yes"}, {"http.port": 3})
    assert (made.http.port, made.http.host, made.mqtt.tls, made.demo) == (3, "localhost", False, True)
    assert load_settings(file, {"BEDSIDE_CLOUD_HTTP__PORT": "2"}).http.port == 2


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("[http]\nhots = 1\n", r"cloud\.toml:2.*http\.hots"),
        ("[http]\nport = true\n", r"cloud\.toml:2.*http\.port"),
        ("http = 1\n", r"cloud\.toml:1.*http is a section"),
        ("[http\n", "not TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_line(tmp_path, content, where):
    file = tmp_path / "cloud.toml"
    file.write_text(content)
    with pytest.raises(SettingsWrong, match=where):
        load_settings(file)


def test_under_systemd_the_state_lies_where_the_unit_may_write(monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/bedside-cloud")
    assert load_settings().state_dir == Path("/var/lib/bedside-cloud")
    assert load_settings(flags={"state_dir": "elsewhere"}).state_dir == Path("elsewhere")
    monkeypatch.delenv("STATE_DIRECTORY")
    assert load_settings().state_dir == Path("bedside-cloud")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "clinic.example"])
def test_nothing_listens_beyond_this_machine_without_tls(host):
    with pytest.raises(ExposedWithoutTls):
        require_safe_listener(host, tls=False)
    require_safe_listener(host, tls=True)
    require_safe_listener("127.0.0.1", tls=False)


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_device_gets_credentials_that_only_their_owner_can_read(fresh, capsys):
    state = ["--state-dir", str(fresh), "--json"]
    output = fresh / "bed-1.json"
    assert main(["device", "add", "bed-1", "--site", "ward", "--output", str(output), *state]) == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    password = json.loads(output.read_text())["password"]
    assert password not in capsys.readouterr().out
    assert stat.S_IMODE((fresh / "broker" / "accounts.json").stat().st_mode) == 0o600
    assert password not in (fresh / "broker" / "accounts.json").read_text()
    assert main(["device", "add", "bed-1", *state]) == 2
    assert main(["device", "add", "a/b", *state]) == 2
    assert main(["device", "revoke", "bed-1", *state]) == 0
    assert "bed-1" not in (fresh / "broker" / "accounts.json").read_text()
    capsys.readouterr()
    assert main(["audit", "verify", *state]) == 0
    assert [line["type"] for line in lines(capsys)] == ["audit", "summary"]


def test_a_provisioned_device_has_settings_that_its_daemon_takes(fresh, tmp_path, capsys):
    state = ["--state-dir", str(fresh), "--json"]
    made, on_device = tmp_path / "bed-2", tmp_path / "bed-2"
    command = ["device", "provision", "bed-2", "--site", "ward", "--output", str(made), "--on-device", str(on_device)]
    assert main([*command, "--host", "127.0.0.1", "--pages", "https://127.0.0.1:8443/", *state]) == 0
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in made.iterdir()}
    assert modes == {"edge-agent.toml": 0o600, "clinic.pem": 0o644, "root.json": 0o644}
    settings = tomllib.loads((made / "edge-agent.toml").read_text())
    assert settings["device"] == {"name": "bed-2", "site": "ward"}
    assert settings["sync"]["password"] not in capsys.readouterr().out
    checked = subprocess.run(
        [Path(sys.executable).parent / "edge-agent", "check-config", made / "edge-agent.toml"],
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stderr
    assert 'url = "https://127.0.0.1:8443/updates/"' in checked.stdout
    assert f'ca_file = "{on_device}/clinic.pem"' in checked.stdout


def test_no_device_is_sent_to_a_name_the_broker_cannot_prove(fresh, tmp_path, capsys):
    command = ["device", "provision", "bed-3", "--output", str(tmp_path / "bed-3"), "--host", "clinic.example"]
    assert main([*command, "--state-dir", str(fresh)]) == 2
    said = capsys.readouterr().err
    assert "not for this name" in said
    assert "broker.names" in said.splitlines()[-1]
    assert not (tmp_path / "bed-3").exists()
    assert main(["device", "list", "--state-dir", str(fresh)]) == 0
    assert "bed-3" not in capsys.readouterr().out


def test_the_broker_proves_the_names_it_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("BEDSIDE_CLOUD_BROKER__NAMES", "clinic.example,10.0.0.5")
    state = ["--state-dir", str(tmp_path / "state")]
    for name, host in (("bed-1", "clinic.example"), ("bed-2", "10.0.0.5")):
        command = ["device", "provision", name, "--output", str(tmp_path / name), "--host", host, *state]
        assert main(command) == 0
        assert f'host = "{host}"' in (tmp_path / name / "edge-agent.toml").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["serve", "--host", "0.0.0.0", "--port", "0"], 3, "without TLS"),
        (["serve", "--config", "missing.toml"], 2, "settings file"),
        (["user", "list", "--database-url", "sqlite:////nowhere/at/all.db"], 1, "database"),
        (["user", "disable", "nobody"], 2, "no such user"),
    ],
)
def test_a_failure_ends_with_what_to_try(tmp_path, capsys, arguments, code, says):
    assert main([*arguments, "--state-dir", str(tmp_path / "state")]) == code
    text = capsys.readouterr().err
    assert says in text
    assert text.splitlines()[-1].startswith("Try: ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nosuch"],
        ["serve", "--port", "x"],
        ["user", "add"],
        ["user", "role", "a", "nurse"],
        ["user", "list", "--nosuch"],
        ["release"],
    ],
)
def test_a_wrong_command_line_is_two_lines_that_end_with_what_to_try(capsys, arguments):
    assert main(arguments) == 2
    what, advice = capsys.readouterr().err.splitlines()
    assert what.startswith("cloud-service: ")
    assert advice.startswith("Try: `cloud-service")
    assert what.count(",") < 9


def test_a_wrong_verb_is_told_the_nearest(capsys):
    assert main(["brokr"]) == 2
    assert "(nearest: broker)" in capsys.readouterr().err
    assert main(["user", "lst", "--json"]) == 2
    out, _ = capsys.readouterr()
    assert json.loads(out)["ok"] is False


def test_the_version_and_the_help_are_for_people(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"cloud-service {__version__}\n"
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert "``" not in out
    assert "imported" not in out


def flags_without_help(parser, path=""):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, verb in action.choices.items():
                yield from flags_without_help(verb, f"{path} {name}")
        elif action.option_strings and not action.help:
            yield f"{path} {action.option_strings[0]}"


def test_every_flag_says_what_it_does():
    assert list(flags_without_help(parser())) == []


@pytest.mark.parametrize("verb", [("user", "list"), ("device", "list"), ("serve", "--port", "0"), ("broker",)])
def test_a_state_folder_that_cannot_be_made_is_a_sentence(tmp_path, capsys, verb):
    (tmp_path / "file").write_text("")
    assert main([*verb, "--state-dir", str(tmp_path / "file" / "state")]) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert "the state folder cannot be made" in err
    assert err.splitlines()[-1].startswith("Try: give another folder with --state-dir")


def test_a_file_that_cannot_be_written_is_a_sentence(fresh, capsys):
    (fresh / "file").write_text("")
    output = fresh / "file" / "bed.json"
    assert main(["device", "add", "bed-9", "--output", str(output), "--state-dir", str(fresh)]) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert str(output.parent) in err


def test_what_nobody_foresaw_still_ends_with_what_to_try(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("cloud_service.cli.load_settings", lambda *_: 1 / 0)
    assert main(["user", "list", "--state-dir", str(tmp_path)]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("Try: ")


@pytest.mark.parametrize(
    "verb", [("serve", "--port", "0"), ("ingest", "--replay-dead-letters")], ids=lambda verb: verb[0]
)
def test_who_stores_events_starts_on_no_damaged_database(tmp_path, capsys, verb):
    assert main(["user", "list", "--state-dir", str(tmp_path), "--json"]) == 0
    capsys.readouterr()
    file = tmp_path / "clinic.db"
    # Its last page: nothing that a start needs anyway.
    with file.open("r+b") as content:
        content.seek(-4096, os.SEEK_END)
        content.write(b"\xff" * 4096)
    assert main([*verb, "--state-dir", str(tmp_path), "--json"]) != 0
    assert "the database is damaged" in capsys.readouterr().err


def test_a_taken_port_is_named(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port), "--state-dir", str(tmp_path)]) == 2
    assert str(port) in capsys.readouterr().err


@pytest.mark.broker
def test_serve_starts_with_its_broker_and_stops_when_told(tmp_path):
    command = [sys.executable, "-m", "cloud_service.cli", "serve", "--with-broker", "--kind", "embedded", "--port", "0"]
    flags = ["--broker-port", "0", "--state-dir", str(tmp_path / "state"), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, text=True, env=environment) as process:
        said = [json.loads(process.stdout.readline()) for _ in range(3)]
        assert [line["type"] for line in said] == ["first-admin", "broker", "ready"]
        with httpx.Client(base_url=said[2]["url"]) as client:
            file = Path(said[0]["password_file"])
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            password = file.read_text().strip()
            me = client.post("/api/v1/login", json={"name": "admin", "password": password}).json()
            assert me["role"] == "admin"
            assert password not in json.dumps(said)
            change = {"old": password, "new": "correct horse battery"}
            client.post("/api/v1/me/password", json=change, headers={"X-CSRF-Token": me["csrf"]}).raise_for_status()
            assert not file.exists()
            assert client.get("/healthz").json()["ok"] is True
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=20)[0]
        assert process.returncode == 0
        assert json.loads(rest.splitlines()[-1]) == {"ok": True, "type": "summary"}
    with socket.socket() as probe:
        probe.settimeout(2)
        assert probe.connect_ex(("127.0.0.1", said[1]["port"])) != 0
