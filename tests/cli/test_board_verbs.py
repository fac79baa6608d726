"""The verbs about boards, on a board that another process emulates."""

import json
import os
import select
import subprocess
import sys

import pytest


@pytest.fixture
def emulate(tmp_path):
    made = []

    def run(*arguments):
        link = tmp_path / "port"
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_agent", "emulate", "--link", str(link), *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            env=dict(os.environ),
        )
        made.append(process)
        assert select.select([process.stdout], [], [], 30)[0]
        told = []
        while not told or not told[-1].startswith("port ="):
            told.append(process.stdout.readline().rstrip())
            assert process.poll() is None
        assert told[0] == str(link)
        return link

    yield run
    for process in made:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def lines(out):
    return [json.loads(line) for line in out.splitlines()]


def test_an_emulated_board_is_identified_recorded_and_decoded(edge, emulate, tmp_path):
    port = emulate("--protocol", "healthypi4")
    code, out, _ = edge("identify", port, "--json")
    told = lines(out)
    assert code == 0
    assert told[0]["protocol"] == told[-1]["protocol"] == "healthypi4"
    assert told[0]["confidence"] >= 0.9

    code, out, _ = edge("identify", port)
    assert code == 0
    assert "healthypi4" in out

    code, out, _ = edge("record", port, "--protocol", "healthypi4", "--out", tmp_path / "out", "--seconds", "1")
    assert code == 0
    assert "0 gaps" in out
    code, out, _ = edge("decode", "--protocol", "healthypi4", tmp_path / "out" / "board.bytes", "--json")
    assert code == 0
    decoded = json.loads(out)
    assert decoded["gaps"] == []
    assert decoded["units"][0] == "mV"
    code, out, _ = edge("replay", tmp_path / "out" / "board")
    assert code == 0


def test_a_port_that_is_not_there_and_a_silent_one_are_told_apart(edge, emulate, tmp_path):
    code, _, err = edge("identify", tmp_path / "nothing")
    assert code == 2
    assert "Try:" in err
    port = emulate("--protocol", "cyton")
    code, out, _ = edge("identify", port, "--seconds", "0.2")
    assert code == 1
    assert "silent" in out
    code, _, err = edge("identify", port, "--seconds", "0.2", "--probe")
    assert code == 2
    assert "--probe cyton" in err
    code, out, _ = edge("identify", port, "--seconds", "0.2", "--probe", "cyton", "--json")
    assert code == 0
    assert lines(out)[-1]["answered"] is True


def test_a_protocol_record_or_script_that_is_not_there_is_refused(edge, tmp_path):
    (tmp_path / "fault.toml").write_text('[[fault]]\nwhat = "hail"\nat = 1\n')
    for arguments in (
        ("emulate", "--protocol", "morse"),
        ("emulate", "--protocol", "cyton", "--record", "nothing"),
        ("emulate", "--protocol", "cyton", "--fault", tmp_path / "fault.toml"),
        ("emulate", "--protocol", "cyton", "--speed", "0"),
        ("record", tmp_path / "port", "--protocol", "morse", "--out", tmp_path / "out"),
        ("calibrate", tmp_path / "port", "--protocol", "morse"),
    ):
        code, _, err = edge(*arguments)
        assert code == 2, arguments
        assert err.splitlines()[-1].startswith("Try:")
