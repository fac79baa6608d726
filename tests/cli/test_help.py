"""Every verb shows how it is used, and what it shows is understood by the program itself."""

import shlex

import pytest

from biosignal import __version__
from edge_agent.cli import _parser, main
from edge_agent.examples import EXAMPLES

COMMANDS = [(verb, command) for verb, examples in EXAMPLES.items() for command, _ in examples]


def verbs():
    actions = [action for action in _parser()._actions if action.choices]
    return set(actions[0].choices)


def test_the_version_is_said(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"edge-agent {__version__}\n"


def test_every_verb_has_examples():
    assert set(EXAMPLES) == verbs()


@pytest.mark.parametrize(("verb", "command"), COMMANDS)
def test_an_example_is_understood(verb, command):
    assert shlex.split(command)[0] == verb
    assert callable(_parser().parse_args(shlex.split(command)).run)


@pytest.mark.parametrize("verb", EXAMPLES)
def test_help_ends_with_the_examples(verb, capsys):
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    out = capsys.readouterr().out
    assert "\nexamples:\n" in out
    assert all(f"edge-agent {command}" in out for command, _ in EXAMPLES[verb])


def test_a_folder_that_cannot_be_written_is_said_before_the_work(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["replay", "excerpt", "--out", str(tmp_path / "file")]) == 2
    out, err = capsys.readouterr()
    assert "beats" not in out
    assert err.splitlines()[-1].startswith("Try: ")
