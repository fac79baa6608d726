import json
import subprocess
import sys

import pytest


def last(text):
    return text.strip().splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["dance"],
        ["replay"],
        ["replay", "excerpt", "--speed", "0"],
        ["replay", "excerpt", "--speed", "fast"],
        ["replay", "excerpt", "--what"],
        ["replay", "nothing-here"],
        ["replay", "synthetic/adult"],
        ["replay", "excerpt", "--lead", "V9"],
        ["check-config", "nothing.toml"],
        ["check-config", "--set", "source.kind=telepathy"],
        ["check-config", "--set", "source"],
        ["run", "--config", "nothing.toml"],
        ["bundle", "nothing-here"],
    ],
)
def test_a_usage_or_input_error_ends_with_what_to_try_and_exit_code_2(edge, arguments):
    code, out, err = edge(*arguments)
    assert code == 2
    assert out == ""
    assert last(err).startswith("Try: ")


def test_an_error_in_json_form_is_an_object_on_stdout(edge):
    code, out, err = edge("replay", "nothing-here", "--json")
    told = json.loads(last(out))
    assert (code, told["type"], told["exit_code"]) == (2, "error", 2)
    assert last(err) == f"Try: {told['try']}"


def test_help_lists_every_verb_and_ends_with_0(capsys):
    from edge_agent.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    for verb in ("run", "replay", "report", "doctor", "check-config", "sources", "bundle"):
        assert f"\n    {verb}" in out


def test_check_config_shows_what_is_in_effect_and_masks_secrets(edge, tmp_path):
    file = tmp_path / "edge.toml"
    file.write_text("[sync]\nhost = 'broker.example'\npassword = 'hunter2'\n")
    code, out, _ = edge("check-config", file, "--set", "source.speed=3")
    assert code == 0
    assert 'host = "broker.example"' in out
    assert "speed = 3.0" in out
    assert "hunter2" not in out
    again = tmp_path / "again.toml"
    again.write_text(out.replace("********", "hunter2"))
    assert edge("check-config", again)[1] == out


def test_check_config_in_json_ends_with_a_summary(edge):
    _, out, _ = edge("check-config", "--json")
    assert json.loads(last(out))["type"] == "summary"


def test_an_unknown_key_is_refused_with_file_and_line(edge, tmp_path):
    file = tmp_path / "edge.toml"
    file.write_text("[device]\nnane = 'x'\n")
    code, _, err = edge("check-config", file)
    assert code == 2
    assert f"{file}:2" in err
    assert "device.name" in err


def test_sources_lists_kinds_and_ports(edge):
    code, out, _ = edge("sources", "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {"replay", "serial", "serial-text"} == {line["kind"] for line in told if line["type"] == "kind"}
    assert told[-1]["type"] == "summary"
    assert "serial-text" in edge("sources")[1]


def test_a_bundle_is_verified(edge, tmp_path):
    code, out, _ = edge("bundle", "--json")
    told = json.loads(out)
    assert (code, told["bundle"], told["golden_windows"]) == (0, "ecg-beats/1.0.0", 3)
    assert told["worst_difference"] <= told["tolerance"]
    assert "ecg-beats/1.0.0" in edge("bundle")[1]
    folder = tmp_path / "models" / "ecg-beats" / "1.0.0"
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes() + b"x")
    code, _, err = edge("bundle", folder)
    assert code == 3
    assert last(err).startswith("Try: ")


def test_something_strange_in_a_bundle_is_refused(edge, tmp_path):
    folder = tmp_path / "models" / "ecg-beats" / "1.0.0"
    (folder / "install.sh").write_text("rm -rf /")
    code, _, err = edge("bundle", folder)
    assert code == 2
    assert "install.sh" in err


def test_the_newest_bundle_is_taken_by_number(tmp_path):
    from biosignal.errors import BadInput
    from edge_agent.inference.bundle_folder import find_bundle

    below = tmp_path / "models" / "ecg-beats"
    for version in ("1.10.0", "1.9.0", "draft"):
        (below / version).mkdir()
        (below / version / "manifest.json").write_text("{}")
    (below / "2.0.0").mkdir()
    assert find_bundle("ecg-beats").name == "1.10.0"
    assert find_bundle("ecg-beats", version="1.9.0").name == "1.9.0"
    assert find_bundle("ecg-qrs") is None
    with pytest.raises(BadInput, match="version"):
        find_bundle("ecg-beats", version="3.0.0")


def test_starting_imports_no_room_that_the_verb_does_not_need():
    heavy = ("fastapi", "sqlalchemy", "wfdb", "pandas", "onnxruntime", "scipy", "paho", "cryptography", "serial")
    code = f"import sys; import edge_agent.cli; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
