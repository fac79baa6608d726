import json

from tests.cli.test_verbs import last


def test_a_synthetic_record_is_scored_against_its_exact_truth(edge, tmp_path):
    file = tmp_path / "short.toml"
    file.write_text("duration_s = 20\n[[heart]]\nstart_s = 0\nkind = 'sinus'\nrate_per_min = 90\n")
    code, out, err = edge("replay", file, "--truth", "--json")
    assert code == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    (score,) = [line for line in lines if line["type"] == "score"]
    assert lines[0]["record"] == "synthetic-short"
    assert score["qrs"]["fn"] == 0
    assert score["qrs"]["fp"] == 0
    assert score["qrs"]["tp"] > 25


def test_annotations_of_a_synthetic_record_go_into_the_folder_named(edge, tmp_path):
    code, _, err = edge("replay", "synthetic/asystole-at-minute-1@2", "--out", tmp_path / "out")
    assert code == 0, err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["synthetic-asystole-at-minute-1-2.bds"]


def test_scenarios_are_listed(edge):
    code, out, _ = edge("synthesize", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert "vt-at-minute-2" in [line.get("name") for line in lines]
    assert lines[-1] == {"type": "summary", "scenarios": len(lines) - 1}
    assert edge("synthesize")[1].count("\n") == len(lines) - 1


def test_a_record_is_written_and_replayed(edge, tmp_path):
    code, out, err = edge("synthesize", "pauses", "--out", tmp_path / "in", "--seed", "2", "--json")
    assert code == 0, err
    told = json.loads(last(out))
    assert (told["synthetic"], told["seed"]) == (True, 2)
    code, out, err = edge("replay", tmp_path / "in" / "synthetic-pauses-2", "--truth")
    assert code == 0, err
    assert "QRS  100.00  100.00" in out


def test_synthesize_needs_a_folder_a_scenario_and_a_seed_that_can_be(edge, tmp_path):
    for arguments in (["sinus"], ["nobody", "--out", tmp_path], ["sinus", "--out", tmp_path, "--seed", "-4"]):
        code, out, err = edge("synthesize", *arguments)
        assert (code, out) == (2, "")
        assert last(err).startswith("Try: ")
    assert list(tmp_path.glob("*.hea")) == []
    edge("synthesize", "pauses", "--out", tmp_path)
    assert edge("synthesize", "pauses", "--out", tmp_path)[0] == 3
