"""Approved words come as models do: tried here, kept after a trial or given back; texts say which they are in."""

import contextlib
import hashlib
import random
import threading
import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BedsideError
from biosignal.events import Command, FindingState, Rung
from biosignal.model.bundle import pack
from biosignal.tasks import TASKS
from biosignal.wording.bundle import LIMITS, WORDS, Golden, WordsManifest, WordsRefused, open_words, seal_words
from biosignal.wording.grammar import gbnf
from biosignal.wording.in_force import speak
from edge_agent.explain.adapter_folder import AdapterFolder
from edge_agent.explain.approved import ApprovedWords, WordsInForce, opened, written_in
from edge_agent.explain.template import explain
from edge_agent.updates.cargo import Line
from edge_agent.updates.settings import TrialSettings
from edge_agent.updates.shelf import BundleShelf, NothingRunnable
from edge_agent.updates.updater import Switched, Updater
from tests.explain.explain_cases import finding
from tests.explain.phrasings import FELL, SLOWER, words_bundle, words_files

TEXTS = 3
SLOW = finding("bradycardia", random.Random(3), state=FindingState.CLOSED, marks=0)


@pytest.fixture(autouse=True)
def vetted_words_behind_it():
    yield
    speak(None)


class Bed:
    """The agent's part for words: one updater on one shelf, which another can follow; what is offered is in `held`."""

    def __init__(self, folder):
        self.folder = folder
        self.held = {}
        self.reports = []
        self.heard = threading.Condition()
        self.updater = None
        self.adapters = folder.with_name("words")
        self.laid = []

    def boot(self):
        self.words = WordsInForce(AdapterFolder(self.adapters, self.laid.append))
        self.updater = Updater(
            TrialSettings(windows=1000, retry_s=(0.01,), reserve_bytes=0),
            BundleShelf(self.folder, lambda _task: None, lines={WORDS: Line(opened=opened, windows=TEXTS)}),
            device="bed-1",
            fetch=self.held.__getitem__,
            admit=ApprovedWords,
            on_switch=self.switch,
            where=lambda _task: Switched(recording="r", at=7, rung=Rung.RULES),
            report=self.report,
        )
        with contextlib.suppress(NothingRunnable):
            self.words.take_up(self.updater.open_backend(WORDS))
        self.updater.start()

    def switch(self, _task, words, reason):
        self.words.take_up(words, reason)
        return Switched(recording="r", at=9, rung=Rung.RULES)

    def report(self, report):
        with self.heard:
            self.reports.append((report.bundle, report.step))
            self.heard.notify_all()

    def offer(self, files):
        version = open_words(files).version
        target = f"{WORDS}/{version}.bundle"
        self.held[target] = pack(files)
        arguments = (("task", WORDS), ("target", target), ("version", version))
        return self.updater.on_command(
            Command(id=f"c-{version}", name="new-model", issuer="e", expires_utc="", arguments=arguments)
        )

    def wait_for(self, bundle, step):
        until = time.monotonic() + 30
        with self.heard:
            while (bundle, step) not in self.reports:
                assert self.heard.wait(until - time.monotonic()), (self.reports, bundle, step)

    def lies(self):
        """The content of each file of an adapter; what was handed on last is the only one."""
        files = self.files()
        assert [one.file for one in self.laid[-1:] if one is not None] == files
        return [file.read_bytes() for file in files]

    def wait_until_it_lies(self, content):
        sha256 = None if content is None else hashlib.sha256(content).hexdigest()
        until = time.monotonic() + 30
        while (None if self.laid[-1] is None else self.laid[-1].sha256) != sha256 or len(self.files()) != bool(content):
            assert time.monotonic() < until
            time.sleep(0.01)
        assert self.lies() == ([] if content is None else [content])

    def files(self):
        return sorted(self.adapters.glob("*"))

    def speak(self, times=1, *, damaged=False):
        """Make so many texts of a finding, as the keeper hands them on; give the last."""
        for _ in range(times):
            text = explain(SLOW)
            if damaged:
                text = replace(text, text="No.")
            for bundle, stands in self.words.heard((SLOW, text)):
                self.updater.window(WORDS, bundle, stands)
        return text


@pytest.fixture
def bed(tmp_path):
    made = Bed(tmp_path / "models")
    made.boot()
    yield made
    made.updater.stop()


def test_words_are_spoken_on_trial_kept_after_enough_texts_and_there_again_after_a_restart(bed):
    assert SLOWER.pattern not in bed.speak().text
    assert bed.offer(words_files((SLOWER,), findings=[SLOW])).outcome == "done"
    bed.wait_for("words/1.0.0", "trial")
    text = bed.speak()
    assert SLOWER.pattern in text.text
    assert written_in(text) == "words/1.0.0"
    assert SLOWER.pattern in gbnf(SLOW), "a language model may say them too"
    bed.speak(TEXTS)
    bed.wait_for("words/1.0.0", "switched")
    bed.updater.stop()
    bed.boot()
    assert SLOWER.pattern in bed.speak().text


def test_words_whose_text_may_not_stand_are_given_back_and_those_before_are_spoken_again(bed):
    bed.offer(words_files((SLOWER,)))
    bed.wait_for("words/1.0.0", "trial")
    bed.speak(TEXTS)
    bed.wait_for("words/1.0.0", "switched")
    bed.offer(words_files((SLOWER, FELL), version="1.0.1"))
    bed.wait_for("words/1.0.1", "trial")
    assert "fell to" in bed.speak().text
    bed.speak(damaged=True)
    bed.wait_for("words/1.0.1", "rolled-back")
    until = time.monotonic() + 30
    while written_in(bed.speak()) != "words/1.0.0":
        assert time.monotonic() < until
        time.sleep(0.01)
    assert "fell to" not in bed.speak().text
    assert SLOWER.pattern in bed.speak().text


def test_words_that_make_another_text_here_than_at_the_clinic_are_refused_and_never_spoken(bed):
    files = words_files((SLOWER,), findings=[SLOW])
    bent = [Golden(finding=one.finding, text=f"{one.text} More.") for one in open_words(files).golden]
    bed.offer(seal_words(version="1.0.0", parent="", phrasings=(SLOWER,), golden=bent, card="c"))
    bed.wait_for("words/1.0.0", "refused")
    assert SLOWER.pattern not in bed.speak().text


def test_a_phrasing_that_says_something_else_is_refused_by_the_device_though_it_is_signed(bed):
    wrong = type(SLOWER)(
        task=SLOWER.task, kind=SLOWER.kind, part=SLOWER.part, pattern=SLOWER.pattern.replace("slower", "faster")
    )
    bed.offer(words_files((wrong,)))
    bed.wait_for("words/1.0.0", "refused")
    assert wrong.pattern not in bed.speak().text


def test_an_adapter_has_a_place_and_is_held_to_its_hash():
    files = words_files(adapter=b"GGUF adapter")
    assert open_words(files).adapter == b"GGUF adapter"
    assert words_bundle().adapter is None
    with pytest.raises(BedsideError, match="not the one the manifest hashed"):
        open_words({**files, "adapter.gguf": b"GGUF another"})


def test_an_adapter_that_is_no_gguf_file_is_refused():
    with pytest.raises(WordsRefused, match="no GGUF"):
        open_words(words_files(adapter=b"PK"))


def test_an_adapter_goes_where_its_words_go_through_trial_restart_and_back(bed):
    first, second = b"GGUF first", b"GGUF second"
    bed.offer(words_files((SLOWER,), adapter=first))
    bed.wait_for("words/1.0.0", "trial")
    assert bed.lies() == [first]
    bed.speak(TEXTS)
    bed.wait_for("words/1.0.0", "switched")
    bed.updater.stop()
    bed.words.close()
    bed.boot()
    assert bed.lies() == [first]
    bed.offer(words_files((SLOWER, FELL), version="1.0.1", adapter=second))
    bed.wait_for("words/1.0.1", "trial")
    assert bed.lies() == [second]
    bed.speak(damaged=True)
    bed.wait_for("words/1.0.1", "rolled-back")
    bed.wait_until_it_lies(first)


def test_words_whose_adapter_ends_the_language_model_on_trial_are_given_back(bed):
    bed.offer(words_files((SLOWER,)))
    bed.wait_for("words/1.0.0", "trial")
    bed.speak(TEXTS)
    bed.wait_for("words/1.0.0", "switched")
    bed.offer(words_files((SLOWER, FELL), version="1.0.1", adapter=b"GGUF crash"))
    bed.wait_for("words/1.0.1", "trial")
    lost = bed.laid[-1].sha256
    assert bed.words.brought("0" * 64) is None
    bed.updater.window(WORDS, bed.words.brought(lost), False)
    bed.wait_for("words/1.0.1", "rolled-back")
    bed.wait_until_it_lies(None)
    assert bed.words.brought(lost) is None


def test_words_are_spoken_without_their_adapter_where_there_is_no_room_for_its_file(bed):
    bed.adapters.write_bytes(b"a file where the folder should be")
    bed.offer(words_files((SLOWER,), adapter=b"GGUF first"))
    bed.wait_for("words/1.0.0", "trial")
    assert bed.laid[-1] is None
    assert SLOWER.pattern in bed.speak().text


@pytest.mark.parametrize("damage", [b"", b"GGUF torn", b"GGUF firsT"])
def test_a_file_of_an_adapter_that_was_damaged_is_written_anew(tmp_path, damage):
    laid = []
    folder = AdapterFolder(tmp_path / "words", laid.append)
    folder.take_up(b"GGUF first")
    laid[-1].file.write_bytes(damage)
    folder.take_up(b"GGUF first")
    assert laid[-1].file.read_bytes() == b"GGUF first"
    assert hashlib.sha256(b"GGUF first").hexdigest() == laid[-1].sha256


def test_no_task_has_the_name_of_the_words():
    assert WORDS not in TASKS


FILES = words_files(findings=[SLOW])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(set(FILES) - {"manifest.json"})), st.data())
def test_a_bundle_with_any_byte_changed_behind_its_manifest_is_refused(name, data):
    content = bytearray(FILES[name])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WordsRefused):
        open_words({**FILES, name: bytes(content)})


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["phrasings.json", "golden.json", "manifest.json"]), st.data())
def test_whatever_stands_in_a_file_whose_hash_is_right_is_read_or_refused_in_plain_words(name, data):
    content = FILES[name].decode()
    place, length = data.draw(st.integers(0, len(content))), data.draw(st.integers(0, 40))
    bent = (content[:place] + data.draw(st.text(max_size=20)) + content[place + length :]).encode("utf-8", "replace")
    files = {**FILES, name: bent}
    if name != "manifest.json":
        hashes = {key: hashlib.sha256(value).hexdigest() for key, value in files.items() if key != "manifest.json"}
        files["manifest.json"] = WordsManifest(version="1.0.0", parent="", files=hashes).to_bytes()
    with contextlib.suppress(BedsideError):
        ApprovedWords(open_words(files))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_bytes_that_are_no_bundle_are_refused_in_plain_words(data):
    with pytest.raises(BedsideError):
        opened(data)


def test_a_bundle_travels_as_one_file():
    assert opened(pack(FILES)).approved == open_words(FILES).approved
    assert set(FILES) <= set(LIMITS)
