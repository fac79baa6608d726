"""An adapter of a language model is taken in at the clinic with its figures, gated, and released with the words."""

import json
from pathlib import Path

import pytest

from biosignal.errors import BadInput
from cloud_service.access.roles import Role
from cloud_service.learning.adapter import ALONE, LOCKED, brought_from
from cloud_service.learning.errors import NotReleasable
from cloud_service.learning.release import release_candidate
from cloud_service.learning.words import import_adapter, opened_candidate, released_words
from export.llm.writers import Writer
from tests.learning.adapters import ADAPTER, brought

MEASURED = Path(__file__).parents[2] / "benchmarks" / "results" / "2026-11-28-words.json"


def test_the_desk_and_the_clinic_name_the_writers_alike():
    assert (Writer.TUNED_LOCKED.value, Writer.BASE_LOCKED.value) == (LOCKED, ALONE)


def test_an_adapter_with_good_figures_is_released_and_another_is_the_next_version(place):
    row = import_adapter(place.workshop, brought(), by="test")
    assert row.passed, row.reason
    release_candidate(place.workshop, row.id, by="test")
    released = released_words(place.workshop)
    assert (released.version, released.adapter) == ("1.0.0", ADAPTER)
    assert released.figures["writers"][LOCKED]["texts"] == 29
    assert "model.gguf" in released.card
    assert import_adapter(place.workshop, brought(b"GGUF of another"), by="test").bundle == "words/1.0.1"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"faithful": 0.97}, "only 97.0% are faithful"),
        ({"complete": 0.5}, "only 50.0% are complete"),
        ({"supported": 0.9}, "only 90.0% are supported"),
        ({"texts": 19}, "tried on 19 findings, and 20 are asked for"),
        ({"cost": {"by_model_within_8_cpu_s": 0.8}}, "it writes 80.0% of the texts, the model alone 90.0%"),
        ({"cost": {}}, "the figures are not those of an evaluation"),
        ({"changed": {"adapter": {"sha256": "2" * 64}}}, "the figures are of another adapter"),
    ],
)
def test_an_adapter_that_was_not_found_good_is_not_released(place, fault, reason):
    row = import_adapter(place.workshop, brought(**fault), by="test")
    assert not row.passed
    assert reason in row.reason
    with pytest.raises(NotReleasable, match="a gate failed"):
        release_candidate(place.workshop, row.id, by="test")
    assert released_words(place.workshop) is None


def test_the_figures_of_a_real_evaluation_are_read_and_hold_neither_texts_nor_machine(tmp_path):
    file = tmp_path / "adapter.gguf"
    file.write_bytes(ADAPTER)
    read = brought_from(file, MEASURED)
    assert read.figures["writers"][LOCKED]["texts"] == json.loads(MEASURED.read_text())["findings"]["done"]
    assert "examples" not in json.dumps(read.figures)
    assert "processor" not in json.dumps(read.figures)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"writers": {}}', '{"writers": 3}'])
def test_a_file_that_holds_no_figures_is_refused_in_plain_words(tmp_path, content):
    file, figures = tmp_path / "adapter.gguf", tmp_path / "figures.json"
    file.write_bytes(ADAPTER)
    figures.write_text(content)
    with pytest.raises(BadInput, match="no figures of an adapter"):
        brought_from(file, figures)


def test_a_file_that_is_no_adapter_is_refused_and_one_that_is_not_there_is_named(tmp_path):
    file = tmp_path / "adapter.bin"
    file.write_bytes(b"PK")
    with pytest.raises(BadInput, match="no GGUF"):
        brought_from(file, MEASURED)
    with pytest.raises(BadInput, match="cannot be read"):
        brought_from(tmp_path / "none.gguf", MEASURED)


def test_a_candidate_with_an_adapter_shows_its_gate_and_travels_as_one_file(place):
    row = import_adapter(place.workshop, brought(), by="test")
    shown = place.person(Role.ENGINEER).get(f"/learning/candidates/{row.id}").body
    gate = next(one for one in shown["report"]["gates"] if one["name"] == "texts of the adapter")
    assert (gate["status"], gate["figures"]["soon"], gate["figures"]["n"]) == ("passed", 0.9, 29)
    (file,) = (place.workshop.state_dir / "candidates").glob("*.bundle")
    assert opened_candidate(row.kind, file.read_bytes()).adapter == ADAPTER
