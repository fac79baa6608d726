"""Words and models that were taken before are tried again at start; what is wrong with one costs that one alone."""

import pytest

from biosignal.events import Explanation
from biosignal.model.bundle import open_bundle, pack, unpack
from biosignal.wording.bundle import WORDS
from biosignal.wording.in_force import Phrasing, speak
from demo.bad_models import with_wrong_answers
from edge_agent.explain.approved import opened, written_in
from edge_agent.updates.cargo import Line
from edge_agent.updates.shelf import BundleShelf
from edge_agent.updates.trial import Pointer
from tests.agent.conftest import until
from tests.bundles import bundle_files
from tests.explain.phrasings import words_files

PAUSE = Phrasing(
    task="ecg-rhythm",
    kind="pause",
    part="meaning",
    pattern="The time between two beats was unusually long, a pause.",
)
VETTED = "A pause is an unusually long time between two beats."
BEATS = "ecg-beats"
IN_WORDS = "in the approved words words/1.0.0"


@pytest.fixture(autouse=True)
def vetted_words_behind_it():
    yield
    speak(None)


def put(settings, files):
    """Leave words on the shelf of a device, as a trial that was passed does; where their file lies."""
    folder = settings.device.state_dir / "models"
    shelf = BundleShelf(folder, lambda _task: None, lines={WORDS: Line(opened=opened, windows=1)})
    entry = shelf.put(WORDS, opened(pack(files)))
    shelf.change(WORDS, lambda _pointer: Pointer(current=entry))
    return folder / WORDS / entry.file


def texts(agent):
    return [one.body for one in agent.events.events("explanation", limit=100_000) if isinstance(one.body, Explanation)]


def test_words_that_were_kept_are_spoken_from_the_start_and_named_in_text_and_status(settings, make_agent):
    put(settings, words_files((PAUSE,)))
    agent = make_agent()
    assert IN_WORDS in agent.status().explainer
    said = until(lambda: [one for one in texts(agent) if PAUSE.pattern in one.text])
    assert written_in(said[0]) == "words/1.0.0"


def test_words_that_may_not_be_said_here_are_given_back_at_start_and_reported(settings, make_agent):
    wrong = Phrasing(task=PAUSE.task, kind=PAUSE.kind, part=PAUSE.part, pattern=PAUSE.pattern.replace("two", "three"))
    put(settings, words_files((wrong,)))
    agent = make_agent()
    reports = until(lambda: [one.body for one in agent.events.events("model.report") if one.body.task == WORDS])
    assert [(one.bundle, one.step) for one in reports] == [("words/1.0.0", "rolled-back")]
    assert IN_WORDS not in agent.status().explainer
    until(lambda: [one for one in texts(agent) if VETTED in one.text])
    assert all(written_in(one) is None for one in texts(agent))


def test_a_model_that_fails_its_self_test_at_start_leaves_the_one_it_came_with(settings, make_agent):
    """What is passed over at start is reported before there is an analysis to say where."""
    files = unpack(with_wrong_answers(bundle_files(), "1.0.1"))
    shelf = BundleShelf(settings.device.state_dir / "models", lambda _task: None)
    shelf.change(BEATS, lambda _pointer: Pointer(current=shelf.put(BEATS, open_bundle(files))))
    agent = make_agent()
    beats = next(one for one in agent.status().tasks if one.task == BEATS)
    assert beats.bundle == "ecg-beats/1.0.0"
    reports = until(lambda: [one.body for one in agent.events.events("model.report") if one.body.task == BEATS])
    assert [(one.bundle, one.step) for one in reports] == [("ecg-beats/1.0.1", "rolled-back")]


def test_words_whose_file_is_damaged_leave_the_vetted_ones(settings, make_agent):
    file = put(settings, words_files((PAUSE,)))
    file.write_bytes(file.read_bytes()[:-20])
    agent = make_agent()
    assert IN_WORDS not in agent.status().explainer
    until(lambda: [one for one in texts(agent) if VETTED in one.text])
    assert all(written_in(one) is None for one in texts(agent))
