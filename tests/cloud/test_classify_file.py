"""`POST /api/v1/classify/file`: an ECG in a file is read, stated and printed; what cannot be read says what to do."""

import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from biosignal.model.npz import write_npz
from biosignal.signal.blocks import Unit
from biosignal.tasks import TASKS
from cloud_service.clinic.sent_file import UnreadableEcg, read_sent
from cloud_service.database.event_tables import EventRow
from tests.cloud.test_classify_route import PATH as ARRAYS
from tests.cloud.test_classify_route import ecg, stated

PATH = "/api/v1/classify/file"


def table(sent, *, mark=",", unit="", times=True, comma=False):
    """The same ECG as a CSV."""
    names = list(sent["leads"])
    head = [*(["time"] if times else []), *(f"{name}{unit}" for name in names)]
    rows = zip(*sent["leads"].values(), strict=True)
    lines = [
        mark.join([*([f"{at / sent['fs_hz']:.4f}"] if times else []), *("" if x is None else str(x) for x in row)])
        for at, row in enumerate(rows)
    ]
    text = "\n".join([mark.join(head), *(line.replace(".", ",") if comma else line for line in lines)])
    return text.encode()


def arrays(sent, **more):
    return write_npz({name: np.array(row, np.float64) for name, row in sent["leads"].items()} | more)


def test_a_file_of_every_kind_is_answered_like_the_arrays_and_leaves_nothing_behind(ward):
    sent = ecg()
    files = (table(sent), arrays(sent, fs_hz=np.float64(250)), json.dumps(sent).encode())
    with ward.as_role("reviewer") as client:
        wanted = client.post(ARRAYS, json=sent).raise_for_status().json()
        for data in files:
            got = client.post(PATH, content=data).raise_for_status().json()
            assert stated(got) == pytest.approx(stated(wanted), abs=1e-3)  # arrays come in another order
            values = [one["values"] for one in got["measured"]]
            assert values == [one["values"] for one in wanted["measured"]]
    with ward.database.read() as session:
        assert session.scalar(select(func.count()).select_from(EventRow)) == 0


def test_the_print_is_of_the_ten_seconds_and_the_statement_that_are_asked_for(ward):
    data = table(ecg(25.0))
    task = next(task for task in TASKS.values() if task.sees is not None)
    with ward.as_role("reviewer") as client:
        first = client.post(PATH, content=data).json()
        second = client.post(f"{PATH}?window=1", content=data).json()
        other = client.post(f"{PATH}?why={task.model.classes[1]}", content=data).json()
        assert client.post(f"{PATH}?window=2", content=data).status_code == 400
        assert client.post(f"{PATH}?why=nothing", content=data).status_code == 400
    assert len(first["statements"]) == 2
    assert first["why"]["code"] == first["statements"][0]["called"]
    assert other["why"]["code"] == task.model.classes[1]
    assert first["paper"]["items"] != second["paper"]["items"]
    shades = [one for one in first["paper"]["items"] if one["type"] == "shade"]
    assert shades
    assert shades != [one for one in other["paper"]["items"] if one["type"] == "shade"]
    texts = {one["text"] for one in first["paper"]["items"] if one["type"] == "text"}
    assert {"I", "aVR", "V6"} <= texts


def test_leads_that_are_not_in_the_file_are_said_on_the_paper(ward):
    with ward.as_role("reviewer") as client:
        got = client.post(PATH, content=table(ecg(names=("I", "II")))).json()
    assert any("V1, V2, V3, V4, V5, V6" in note for note in got["paper"]["notes"])
    assert stated(got)


def test_what_is_filled_is_on_the_paper_and_in_no_statement(ward):
    sent = ecg(seconds=12)
    gap = slice(round(6.0 * sent["fs_hz"]), round(6.6 * sent["fs_hz"]))
    sent["leads"]["V3"][gap] = [None] * (gap.stop - gap.start)
    with ward.as_role("reviewer") as client:
        plain, filled = (client.post(f"{PATH}?fill={fill}", content=table(sent)).json() for fill in ("false", "true"))
    assert plain["filled"] == []
    assert filled["filled"] == [{"lead": "V3", "from_s": 6.0, "to_s": 6.6, "by": "the other leads"}]
    assert {"filled", "hatch"} <= {one.get("pen") for one in filled["paper"]["items"]}
    assert any("not measured" in note for note in filled["paper"]["notes"])
    for name in ("statements", "measured", "why", "seconds", "leads"):
        assert plain[name] == filled[name]


def test_who_may_only_look_asks_nothing_of_files_either(ward):
    with ward.as_role("viewer") as client:
        assert client.post(PATH, content=b"x").status_code == 403


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_is_read_by_its_own_marks_units_and_times(mark):
    sent = ecg(names=("II", "V1"))
    got = read_sent(table(sent, mark=mark, unit=" (uV)", comma=mark == ";"))
    assert (got.names, got.fs_hz, got.unit) == (("II", "V1"), 250.0, Unit.MICROVOLT)
    assert got.samples[0] == pytest.approx(np.array(sent["leads"]["II"]), abs=1e-6)


def test_what_a_file_does_not_say_is_taken_from_beside_it():
    got = read_sent(table(ecg(names=("II",)), times=False), fs_hz=250.0, unit=Unit.MICROVOLT)
    assert (got.fs_hz, got.unit) == (250.0, Unit.MICROVOLT)
    assert read_sent(arrays(ecg(names=("II",))), fs_hz=250.0).unit is Unit.MILLIVOLT


def test_cells_that_are_empty_are_samples_that_are_missing():
    sent = ecg(names=("I", "II"))
    sent["leads"]["II"][7] = None
    assert np.flatnonzero(np.isnan(read_sent(table(sent)).samples[1])).tolist() == [7]


def renamed(sent, name):
    return {**sent, "leads": {name: sent["leads"]["II"]}}


ONE = ecg(names=("II",))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no rows"),
        (b"\xff\xfe\x00", "no text"),
        (b"PK\x03\x04 not a zip", "archive"),
        (b'{"fs_hz": 250}', "JSON"),
        (table(renamed(ONE, "C3")), "no standard lead"),
        (table(ONE, unit=" (V)"), "a unit that is not read"),
        (table(ONE, times=False), "does not say its rate"),
        (table(ecg(5.0, names=("II",))), "last 5.0 s"),
        (table({**ONE, "leads": {"II": ONE["leads"]["II"] * 7}}), "last 70.0 s"),
        (table(ONE) + b"\n1,2,3", "another number of cells"),
        (table(ONE) + b"\n11.0,x", "no number"),
        (table(ONE) + b"\n99.0,1.0", "not evenly spaced"),
        (table({**ONE, "fs_hz": 50.0}), "between 100 and 1000"),
        (table({**ONE, "leads": {"II": ONE["leads"]["II"], "MLII": ONE["leads"]["II"]}}), "twice"),
        (table({**ONE, "leads": {"II": [1e9, *ONE["leads"]["II"][1:]]}}), "too large"),
        (arrays(ONE, V1=np.zeros(9), fs_hz=np.float64(250)), "different lengths"),
        (arrays(ONE, V1=np.zeros((9, 9)), fs_hz=np.float64(250)), "one dimension"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_what_to_do(data, says):
    with pytest.raises(UnreadableEcg) as refused:
        read_sent(data)
    assert says in str(refused.value)
    assert refused.value.advice


@settings(max_examples=150, deadline=None)
@given(
    data=st.binary(max_size=300)
    | st.binary(max_size=200).map(lambda rest: b"PK\x03\x04" + rest)
    | st.text(alphabet='I,V1;\n\t{}"0.e-na time[]():', max_size=300).map(str.encode),
    fs_hz=st.none() | st.sampled_from([100.0, 250.0]),
)
def test_whatever_is_sent_is_read_or_refused(data, fs_hz):
    with suppress(UnreadableEcg):
        got = read_sent(data, fs_hz=fs_hz)
        assert got.samples.shape[0] == len(got.names)
