"""The command line of learning: releasing by who holds the machine."""

import json

import pytest

from biosignal.model.bundle import pack
from cloud_service.cli import main
from tests.bundles import bundle_files


@pytest.fixture
def cli(tmp_path, models_dir, capsys, monkeypatch):
    monkeypatch.setenv("BEDSIDE_CLOUD_LEARNING__MODELS_DIR", str(models_dir))

    def run(*arguments):
        code = main([*arguments, "--state-dir", str(tmp_path / "clinic"), "--json"])
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return code, lines

    return run


def test_a_bundle_is_signed_listed_and_withdrawn(cli, tmp_path):
    file = tmp_path / "new.bundle"
    file.write_bytes(pack(bundle_files(version="1.0.5")))
    code, lines = cli("release", "add", str(file))
    assert (code, lines[-1]["ok"]) == (3, False)
    code, lines = cli("release", "add", str(file), "--unchecked", "a test of the refusal")
    assert code == 0
    assert lines[0]["target"] == "ecg-beats/1.0.5.bundle"
    _, lines = cli("release", "list")
    assert [line["target"] for line in lines if line["type"] == "release"] == ["ecg-beats/1.0.5.bundle"]
    assert lines[0]["unchecked"] == "a test of the refusal"
    assert cli("release", "withdraw", "ecg-beats/1.0.5.bundle")[0] == 0
    assert cli("release", "withdraw", "ecg-beats/1.0.5.bundle")[0] == 3


def test_the_root_for_devices_is_written(cli, tmp_path):
    assert cli("release", "init")[0] == 0
    assert cli("release", "root", str(tmp_path / "root.json"))[0] == 0
    assert json.loads((tmp_path / "root.json").read_bytes())["signed"]["_type"] == "root"
    assert cli("release", "refresh")[1][0]["signed"] is False


def test_a_file_that_is_no_bundle_is_an_input_error(cli, tmp_path):
    file = tmp_path / "new.bundle"
    assert cli("release", "add", str(file), "--unchecked", "x")[0] == 2
    file.write_bytes(b"not a zip")
    assert cli("release", "add", str(file), "--unchecked", "x")[0] == 2
