import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_agent.cli import main
from edge_agent.sources.decoders import KINDS, bitalino, cyton, shimmer3


@pytest.fixture
def capture(tmp_path):
    path = tmp_path / "capture.bin"

    def write(octets):
        path.write_bytes(octets)
        return str(path)

    return write


def decoded(capsys, *arguments):
    assert main(["decode", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_json_says_what_came_and_what_did_not(capture, capsys):
    samples = np.random.default_rng(0).normal(0, 100, (8, 40)).astype(np.float32)
    octets = cyton.encode(samples)
    answer = decoded(capsys, "--protocol", "cyton", capture(octets[: 33 * 10] + b"noise" + octets[33 * 13 :]))
    assert list(answer) == ["protocol", "fs", "units", "channels", "samples", "gaps", "counters", "notes"]
    assert (answer["protocol"], answer["fs"]) == ("cyton", 250)
    assert answer["units"] == ["uV"] * 8
    assert answer["channels"] == [f"EXG{n}" for n in range(1, 9)]
    np.testing.assert_allclose(answer["samples"], np.delete(samples, [10, 11, 12], axis=1), atol=0.02)
    assert answer["gaps"] == [{"at": 10, "lost": 3}]
    counters = answer["counters"]
    assert (counters["frames_ok"], counters["bytes_skipped"], counters["lost"], counters["resyncs"]) == (37, 5, 3, 1)
    assert {"bad_footer", "bad_crc"} < set(counters)


@pytest.mark.parametrize("protocol", KINDS)
def test_every_protocol_decodes(protocol, capture, capsys):
    octets = KINDS[protocol].encode(np.full((4, 40), 5.0))
    answer = decoded(capsys, "--protocol", protocol, capture(octets))
    assert {len(row) for row in answer["samples"]} in ({40}, {39})
    assert len(answer["samples"]) == len(answer["channels"]) == len(answer["units"])


def test_what_is_no_sample_is_null(capture, capsys):
    answer = decoded(capsys, "--protocol", "text", capture(b"\n1\n!\n2\n"))
    assert answer["samples"] == [[1, None, 2]]
    assert answer["fs"] is None


def test_the_bytes_tell_what_the_flags_leave_open(capture, capsys):
    two = bitalino.encode(np.random.default_rng(0).integers(0, 1024, (2, 50)))
    assert len(decoded(capsys, "--protocol", "bitalino", capture(two))["channels"]) == 2
    inquiry = bytes.fromhex("FF 02 80 00 00 00 00 00 03 01 1D 1E 1F")
    octets = b"\xff" + inquiry + b"\xff" + shimmer3.encode(np.zeros((2, 30)), inquiry=inquiry)
    answer = decoded(capsys, "--protocol", "shimmer3", capture(octets))
    assert (answer["fs"], answer["channels"], len(answer["samples"][0])) == (256, ["LL-RA", "LA-RA"], 30)


def test_flags_say_what_a_person_knows(capture, capsys):
    path = capture(KINDS["olimex"].encode(np.full((6, 9), 612)))
    answer = decoded(
        capsys, "--protocol", "olimex", path, "--mv-per-count", "0.01", "--zero-count", "512", "--fs", "256"
    )
    assert (answer["fs"], answer["units"][0]) == (256, "mV")
    assert answer["samples"][0] == pytest.approx([1.0] * 9)
    path = capture(cyton.encode(np.full((8, 9), 48.0), gain=12))
    assert decoded(capsys, "--protocol", "cyton", path, "--gain", "12")["samples"][0][0] == pytest.approx(48, abs=0.05)


def test_people_get_a_table(capture, capsys):
    octets = cyton.encode(np.full((8, 40), 5.0))
    assert main(["decode", "--protocol", "cyton", capture(octets[:330] + octets[396:])]) == 0
    out = capsys.readouterr().out
    assert "cyton, 250 Hz, 38 samples of 8 channels" in out
    assert "10           2 or more" in out


@pytest.mark.parametrize("content", [b"", b"Ready\r\nno electrode\r\n", bytes(500)])
@pytest.mark.parametrize("protocol", ["text", "olimex"])
def test_a_capture_without_a_sample_is_no_success(protocol, content, capture, capsys):
    path = capture(content)
    assert main(["decode", "--protocol", protocol, path]) == 2
    out, err = capsys.readouterr()
    assert "0 samples" in out
    assert "holds no sample" in err
    assert "\nTry: " in err
    assert main(["decode", "--protocol", protocol, path, "--json"]) == 2
    assert [json.loads(line)["type"] for line in capsys.readouterr().out.splitlines()] == ["error"]


def test_what_is_printed_between_the_samples_is_said(capture, capsys):
    lines = b"".join(b"%d\n" % n + (b"BPM: 74\n" if n % 20 == 19 else b"") for n in range(200))
    answer = decoded(capsys, "--protocol", "text", "--fs", "250", capture(lines))
    assert answer["samples"] == [list(range(200))]
    assert answer["notes"] == ["read: numbers alone; not read: BPM (10 lines)"]


def test_a_dash_is_stdin(tmp_path):
    octets = cyton.encode(np.zeros((8, 3)))
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent", "decode", "--protocol", "cyton", "-", "--json"],
        input=octets,
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert len(json.loads(done.stdout)["samples"][0]) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--protocol", "polar", "FILE"], "unknown protocol"),
        (["--protocol", "cyton", "nowhere.bin"], "cannot be read"),
        (["--protocol", "bitalino", "--channels", "9", "FILE"], "1 to 6 channels"),
        (["--protocol", "cyton", "--gain", "0", "FILE"], "above 0"),
        (["FILE"], "--protocol"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_remedy(arguments, said, capture, capsys):
    path = capture(b"\xa0")
    assert main(["decode", *(path if word == "FILE" else word for word in arguments)]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "\nTry: " in err
