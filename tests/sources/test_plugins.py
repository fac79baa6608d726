import re
import socket
import struct
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap
from edge_agent.cli import main
from edge_agent.operate import doctor, doctor_checks
from edge_agent.operate.clock import HostClock, SetClock
from edge_agent.operate.settings import Settings
from edge_agent.sources import check_kind, open_source
from edge_agent.sources.conformance import CHECKS, Subject, Trial
from edge_agent.sources.plugin import GROUP, PluginBroken, plugin_names
from edge_agent.sources.settings import SourceSettings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
EXAMPLE = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "class UdpEcg" in block)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Puts a module and its entry points where Python finds installed packages."""
    monkeypatch.syspath_prepend(str(tmp_path))
    installed = []

    def done(module, code, entries, *, project="plug"):
        (tmp_path / f"{module}.py").write_text(code, encoding="utf-8")
        info = tmp_path / f"{project}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in entries.items())
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{lines}")
        installed.append(module)

    yield done
    for module in installed:
        sys.modules.pop(module, None)


class Sender:
    """Datagrams as the example on the page describes them, every `lose`-th left out."""

    def __init__(self, port, *, lose=0):
        self._lose = lose
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(port,), daemon=True)
        self._thread.start()

    def _run(self, port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outlet:
            counter = 0
            while not self._stop.wait(0.01):
                if not self._lose or counter % self._lose:
                    outlet.sendto(struct.pack(">I10h", counter, *range(10)), ("127.0.0.1", port))
                counter += 1

    def close(self):
        self._stop.set()
        self._thread.join()


@pytest.fixture
def port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_example_on_the_page_is_loaded_and_keeps_every_promise(install, port):
    assert len([line for line in EXAMPLE.splitlines() if line.strip()]) <= 40
    install("udp_ecg", EXAMPLE, {"udp-ecg": "udp_ecg:UdpEcg"})
    sender = Sender(port, lose=7)
    settings = SourceSettings(kind="udp-ecg", port=str(port))
    trial = Trial(Subject(make=lambda: open_source(settings, HostClock())))
    try:
        for check in CHECKS:
            check(trial)
        gaps = [item for item in trial.first.items if isinstance(item, Gap)]
    finally:
        sender.close()
    assert gaps
    assert {(gap.length, gap.reason) for gap in gaps} == {(10, "datagrams-lost")}


def test_a_plugin_is_loaded_only_when_it_is_named(install, tmp_path):
    code = f"open({str(tmp_path / 'loaded')!r}, 'w').close()\ndef make(settings, clock): return None\n"
    install("harmful", code, {"x": "harmful:make"})
    assert "x" in plugin_names()
    check_kind(SourceSettings(kind="x"))
    open_source(SourceSettings(kind="replay"), SetClock())
    assert not (tmp_path / "loaded").exists()
    with pytest.raises(PluginBroken, match="is no source"):
        open_source(SourceSettings(kind="x"), SetClock())
    assert (tmp_path / "loaded").exists()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import a_library_that_nobody_has\n", "does not load.*a_library_that_nobody_has"),
        ("raise RuntimeError('half written')\n", "does not load.*half written"),
        ("def other(): pass\n", "does not load.*make"),
        ("make = 5\n", "no factory"),
        ("def make(settings, clock): return 1 / 0\n", "cannot make.*ZeroDivisionError"),
        ("def make(settings, clock): return object()\n", "is no source.*recording_facts"),
        (
            "from biosignal.errors import BadInput\ndef make(settings, clock): raise BadInput('no such wire')\n",
            "no such wire",
        ),
    ],
)
def test_a_broken_plugin_is_named_and_says_why(install, code, says):
    install("broken_one", code, {"broken-one": "broken_one:make"})
    with pytest.raises(BadInput, match=f"(?s){says}"):
        open_source(SourceSettings(kind="broken-one"), SetClock())


def test_a_plugin_that_is_not_there_is_an_unknown_kind(install):
    install("some", "", {"some": "some:make"})
    with pytest.raises(BadInput) as raised:
        check_kind(SourceSettings(kind="nothing-of-the-sort"))
    assert "some" in raised.value.advice
    assert "replay" in raised.value.advice


def test_two_plugins_of_one_name_are_refused(install):
    install("one", "", {"twice": "one:make"}, project="one")
    install("two", "", {"twice": "two:make"}, project="two")
    with pytest.raises(PluginBroken, match="two plug-ins"):
        open_source(SourceSettings(kind="twice"), SetClock())


def test_a_plugin_cannot_take_the_place_of_a_kind(install):
    install("thief", "raise RuntimeError\n", {"replay": "thief:make"})
    assert open_source(SourceSettings(kind="replay"), SetClock()).recording_facts().name == "excerpt"


def test_the_plugins_that_come_along_are_registered():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.split(f'[project.entry-points."{GROUP}"]\n')[1].split("\n\n")[0]
    entries = dict(line.split(" = ") for line in section.splitlines())
    assert set(entries) == {"brainflow", "lsl"}
    for value in entries.values():
        module, _, name = value.strip('"').partition(":")
        assert callable(getattr(__import__(module, fromlist=[name]), name))


@pytest.mark.parametrize(("kind", "library"), [("brainflow", "brainflow"), ("lsl", "pylsl")])
def test_without_its_library_a_plugin_says_what_to_install(kind, library, monkeypatch):
    from edge_agent.sources.plugins.brainflow_board import open_board
    from edge_agent.sources.plugins.lsl_inlet import open_inlet

    monkeypatch.setitem(sys.modules, library, None)
    options = ("name=x",) if kind == "lsl" else ()
    with pytest.raises(BadInput) as raised:
        {"brainflow": open_board, "lsl": open_inlet}[kind](SourceSettings(options=options), SetClock())
    assert f"bedside[{kind}]" in raised.value.advice


def test_plugins_are_listed_and_the_doctor_sees_whether_the_one_named_loads(install, port, capsys):
    install("udp_ecg", EXAMPLE, {"udp-ecg": "udp_ecg:UdpEcg"})
    assert main(["sources", "--json"]) == 0
    assert '{"type": "plugin", "kind": "udp-ecg"}' in capsys.readouterr().out
    settings = replace(Settings(), source=SourceSettings(kind="udp-ecg", port=str(port)))
    (check,) = doctor_checks.source(settings, HostClock())
    assert (check.level, check.cause) == (doctor.Level.OK, "the plug-in udp-ecg loads")
    (check,) = doctor_checks.source(replace(settings, source=SourceSettings(kind="udp-ecg", port="x")), HostClock())
    assert check.level is doctor.Level.FAIL
    assert "cannot make its source" in check.cause
