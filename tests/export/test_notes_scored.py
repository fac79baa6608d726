"""The sorting of notes is scored on a public set, parted by text, and never on what it was fitted to."""

import json
import re

import pytest

from export.cli import main
from export.notes.evaluate import evaluate_notes, read_notes

SPECIALTIES = {
    "Heart": "heart rhythm beat valve artery",
    "Bone": "bone joint fracture cast knee",
    "Skin": "skin rash itch cream mole",
}


@pytest.fixture
def folder(tmp_path):
    rows = []
    for name, words in SPECIALTIES.items():
        each = words.split()
        for number in range(40):
            text = f"Patient {number} of {name}: {each[number % 5]}, {each[(number * 3 + 1) % 5]} seen."
            rows.append({"transcription": text, "medical_specialty": f" {name}"})
            if number % 8 == 0:
                rows.append({"transcription": text, "medical_specialty": " Surgery"})
    (tmp_path / "mtsamples.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return tmp_path


def test_notes_are_parted_by_text_and_sorted_far_better_than_by_the_commonest(folder):
    figures = evaluate_notes(folder)
    assert figures["notes"] == 120
    assert figures["fitted_on"] + figures["scored_on"] == figures["filings"] == 135
    assert figures["words"]["any_of_its_specialties"] > 0.9
    assert figures["always the commonest"]["macro_f1"] < figures["words and pairs"]["macro_f1"]
    rows = figures["confusion"]["rows"]
    assert sum(map(sum, rows.values())) == figures["scored_on"]


def test_the_table_is_printed_and_a_folder_without_notes_is_refused(folder, tmp_path, capsys):
    assert main(["notes", "--data-dir", str(folder)]) == 0
    said = capsys.readouterr().out
    assert re.search(r"words and pairs: macro F1 0\.\d{3}", said)
    assert "| filed under, read as |" in said
    assert len(read_notes(folder)) == 135
    assert main(["notes", "--data-dir", str(tmp_path / "nothing")]) == 2
