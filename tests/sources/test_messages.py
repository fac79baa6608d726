"""What the readers say to a person when they cannot read: each message names the thing and a way on."""

import ast
import contextlib
import io
from contextlib import redirect_stderr, redirect_stdout
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import edge_agent.sources
from biosignal.errors import BedsideError
from edge_agent.cli import main
from edge_agent.sources.formats_of_others import FORMATS
from edge_agent.sources.port import RecordUnreadable
from edge_agent.sources.resolve import CSV, EDF, NPZ, Places, resolve
from tests.sources.edf_files import sine, write_edf

ROOT = Path(edge_agent.sources.__file__).parent
NAMES_IT = {"file", "header", "record", "folder", "stream", "lead"}
"""What a message has to name where its way on is the general one, which speaks of what the message names."""


def raised():
    """Every error that the readers raise: where, its class, the names of what it is given."""
    for path in sorted(ROOT.rglob("*.py")):
        module = import_module(".".join(("edge_agent.sources", *path.relative_to(ROOT).with_suffix("").parts)))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
                continue
            kind = getattr(module, getattr(node.exc.func, "id", ""), None)
            if isinstance(kind, type) and issubclass(kind, BedsideError):
                given = {keyword.arg for keyword in node.exc.keywords}
                yield pytest.param(kind, given, ast.unparse(node.exc), id=f"{path.stem}-{node.lineno}")


@pytest.mark.parametrize(("kind", "given", "text"), tuple(raised()))
def test_every_message_of_a_reader_says_what_to_do_next(kind, given, text):
    if "remedy" in given:
        return
    assert len(kind.remedy) > len("try again")
    if kind is RecordUnreadable:  # `check the file that the message names`
        assert given & NAMES_IT, text


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_format_of_others_is_called_by_its_name_and_a_way_on_is_given(tmp_path, suffix):
    path = tmp_path / f"recording{suffix}"
    path.write_bytes(b"\x00\x01" * 300)
    with pytest.raises(RecordUnreadable, match="this file is not read") as refused:
        resolve(str(path), Places(data_dir=None, cache_dir=tmp_path))
    assert refused.value.advice != RecordUnreadable.remedy


def test_a_format_of_others_with_a_header_beside_it_is_a_record(tmp_path):
    np.arange(500, dtype="<i2").tofile(tmp_path / "E1.mat")
    (tmp_path / "E1.hea").write_text("E1 1 250 500\nE1.mat 16 200/mV 16 0 0 0 0 II\n")
    source = resolve(str(tmp_path / "E1.mat"), Places(data_dir=None, cache_dir=tmp_path))
    assert source.recording_facts().length == 500


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A good file of each suffix that is read; bytes by suffix."""
    folder = tmp_path_factory.mktemp("whole")
    wave = (100 * sine(4, 250)).astype(int)
    edf = write_edf(folder / "x.edf", [("ECG", 250, "uV", wave.astype(float))]).read_bytes()
    np.savez(folder / "x.npz", II=wave, fs_hz=250)
    text = "time,ecg\n" + "".join(f"{n * 4},{value}\n" for n, value in enumerate(wave))
    lists = '{"signal": [' + ", ".join(map(str, wave)) + '], "sampling_frequency": 250}'
    return {
        **dict.fromkeys(CSV, text.encode()),
        **dict.fromkeys(EDF, edf),
        **dict.fromkeys(NPZ, (folder / "x.npz").read_bytes()),
        ".json": lists.encode(),
        ".hea": b"x 1 250 1000\nx.dat 16 200/mV 16 0 0 0 0 II\n",
    }


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_whatever_becomes_of_a_file_a_person_gets_samples_or_a_sentence(whole, tmp_path_factory, data):
    suffix = data.draw(st.sampled_from(sorted(whole)))
    content = bytearray(whole[suffix][: data.draw(st.integers(0, len(whole[suffix])))])
    for _ in range(data.draw(st.integers(0, 6))):
        if content:
            content[data.draw(st.integers(0, min(len(content), 600) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("broken")
    path = folder / f"x{suffix}"
    path.write_bytes(content)
    (folder / "x.dat").write_bytes(b"\1\0" * 1000)
    with contextlib.suppress(BedsideError):  # any other error fails the test
        source = resolve(str(path), Places(data_dir=None, cache_dir=folder))
        source.open("rec")
        assert sum(item.length for item in source.read()) >= 0


@pytest.mark.parametrize("content", [b"", b"\0" * 3000, b"hello\n", b"<html>404</html>\n", b"PK\3\4" + b"\0" * 900])
@pytest.mark.parametrize("suffix", [*CSV, *EDF, *NPZ, ".hea"])
def test_what_is_no_recording_ends_with_a_line_that_says_what_to_try(tmp_path, suffix, content):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["replay", str(path)])
    assert code == 2
    assert "Traceback" not in err.getvalue()
    assert err.getvalue().strip().splitlines()[-1].startswith("Try: ")
