"""How far what is filled for the eye is off, on a made-up record in the layout of PTB-XL."""

import json

import numpy as np
import wfdb

from biosignal.ecg.leads import INDEPENDENT
from biosignal.synthetic.recording import SyntheticRecording
from biosignal.synthetic.scenarios import SCENARIOS
from export.cli import main

TABLE = "ecg_id,patient_id,age,sex,scp_codes,strat_fold,filename_lr\n"


def test_the_other_leads_come_nearer_than_a_straight_line_and_the_figures_are_twice_the_same(tmp_path, capsys):
    recording = SyntheticRecording(SCENARIOS["twelve-lead"], seed=6)
    samples = recording.samples(0, round(10 * recording.fs_hz))[:, ::5].T.astype(np.float64)
    (tmp_path / "records100" / "00000").mkdir(parents=True)
    names = [lead.name for lead in recording.leads]
    folder, units, formats = str(tmp_path / "records100" / "00000"), ["mV"] * len(names), ["16"] * len(names)
    rows = []
    for number in range(1, 9):
        name = f"0000{number}_lr"
        part = np.roll(samples, 7 * number, axis=0)
        wfdb.wrsamp(name, fs=100, units=units, sig_name=names, p_signal=part, fmt=formats, write_dir=folder)
        rows.append(f"{number},1.0,50.0,1,{{'NORM': 100.0}},9,records100/00000/{name}\n")
    (tmp_path / "ptbxl_database.csv").write_text(TABLE + "".join(rows))
    said = []
    for _ in range(2):
        assert main(["evaluate", "completion", "--data-dir", str(tmp_path), "--json"]) == 0
        said.append(json.loads(capsys.readouterr().out))
    figures = said[0]["mae_uv"]
    assert said[0] == said[1]
    assert (said[0]["folds"], said[0]["records"]) == ([9], 8)
    blocks = [one for kind, one in figures.items() if kind.startswith("one lead, block")]
    assert all(one["filled"] == one["the other leads"] for one in blocks)
    assert sum(one["filled"] for one in blocks) < sum(one["straight line"] for one in blocks)
    assert {f"lost: {name}" for name in INDEPENDENT} <= set(figures)
    assert main(["evaluate", "completion", "--data-dir", str(tmp_path)]) == 0
    assert "mean absolute error" in capsys.readouterr().out
