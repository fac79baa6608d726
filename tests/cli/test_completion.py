import shutil
import subprocess

import pytest

from edge_agent.cli import _parser
from edge_agent.completion import SHELLS, verbs_of


@pytest.fixture(scope="module")
def scripts(tmp_path_factory):
    """The scripts of all shells, as files."""
    import contextlib
    import io

    from edge_agent.cli import main

    folder, written = tmp_path_factory.mktemp("shells"), {}
    for shell in SHELLS:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            assert main(["completion", shell]) == 0
        written[shell] = folder / shell
        written[shell].write_text(out.getvalue())
    return written


def completed(scripts, folder, *words):
    """What bash offers behind these words, the last of which is begun."""
    line = " ".join(f"'{word}'" for word in ("edge-agent", *words))
    code = (
        f'source "{scripts["bash"]}"; COMP_WORDS=({line}); COMP_CWORD={len(words)}; _edge_agent; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", code], cwd=folder, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def test_bash_completes_verbs(scripts, tmp_path):
    assert completed(scripts, tmp_path, "re") == ["replay", "report", "record"]
    assert set(completed(scripts, tmp_path, "")) == {verb.name for verb in verbs_of(_parser(), {})}
    assert completed(scripts, tmp_path, "--v") == ["--version"]


def test_bash_completes_the_flags_of_a_verb_and_no_others(scripts, tmp_path):
    assert completed(scripts, tmp_path, "replay", "excerpt", "--tr") == ["--truth"]
    assert completed(scripts, tmp_path, "replay", "--an") == ["--annotator"]
    assert completed(scripts, tmp_path, "convert", "--an") == ["--anonymise", "--annotator"]
    assert completed(scripts, tmp_path, "doctor", "--tr") == []


def test_bash_completes_values_records_and_files(scripts, tmp_path):
    (tmp_path / "mine.edf").write_text("")
    assert completed(scripts, tmp_path, "replay", "mi") == [
        "mitdb/", "mimic-iv-ecg/", "mimic3wdb/", "mimic3wdb-matched/", "mimic4wdb/", "mine.edf",
    ]  # fmt: skip
    assert completed(scripts, tmp_path, "replay", "exc") == ["excerpt"]
    assert completed(scripts, tmp_path, "replay", "--speed", "m") == ["max"]
    assert completed(scripts, tmp_path, "decode", "--protocol", "cyt") == ["cyton", "cyton-daisy"]
    assert completed(scripts, tmp_path, "completion", "z") == ["zsh"]
    assert completed(scripts, tmp_path, "datasets", "ptb") == ["ptbdb", "ptb-xl"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_understand_their_scripts(scripts, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n", str(scripts[shell])], check=True, timeout=30)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_verb_and_every_flag_is_in_every_script(scripts, shell):
    text = scripts[shell].read_text()
    for verb in verbs_of(_parser(), {}):
        assert verb.name in text
        for flag in verb.flags:
            assert all(each.lstrip("-") in text for each in flag.names)
