"""The command line of learning: releasing by who holds the machine."""

import json

import pytest

from biosignal.model.bundle import pack
from cloud_service.cli import main
from tests.bundles import bundle_files
from tests.learning.adapters import ADAPTER, brought


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


def test_an_adapter_is_released_with_its_figures_and_refused_without_good_ones(cli, tmp_path):
    file, figures = tmp_path / "adapter.gguf", tmp_path / "figures.json"
    file.write_bytes(ADAPTER)
    good = dict(brought().figures)
    figures.write_text(json.dumps({**good, "corpus": {}, "findings": {}, "memory_mb": {}}))
    code, lines = cli("release", "adapter", str(file), "--figures", str(figures))
    assert (code, lines[0]["target"]) == (0, "words/1.0.0.bundle")
    bad = dict(brought(faithful=0.9).figures)
    figures.write_text(json.dumps({**bad, "corpus": {}, "findings": {}, "memory_mb": {}}))
    file.write_bytes(b"GGUF of another")
    code, lines = cli("release", "adapter", str(file), "--figures", str(figures))
    assert (code, lines[-1]["ok"]) == (3, False)
    assert "only 90.0% are faithful" in json.dumps(lines)
    assert cli("release", "adapter", str(file), "--figures", str(tmp_path / "none.json"))[0] == 2
