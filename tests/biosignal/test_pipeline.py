"""The whole analysis: the same events for every cut, nothing across a gap, no beat unanswered."""

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from biosignal.errors import BrokenStream
from biosignal.events import (
    Abstained,
    Finding,
    Inputs,
    Mark,
    MarkPack,
    MarkState,
    Prediction,
    QualityLevel,
    Reading,
    Rung,
    Series,
    Unavailable,
)
from biosignal.model.backend import BackendFailed
from biosignal.model.model import Model
from biosignal.signal.blocks import Gap, Lead, SampleBlock, Unit
from biosignal.stream.pipeline import Pipeline, Recorded
from biosignal.tasks import TASKS
from biosignal.tasks.ecg_beats.intervals import HISTORY_SHAPE
from biosignal.tasks.ecg_beats.limits import BeatLimits
from biosignal.tasks.ecg_beats.windows import BEAT_SHAPE, RR_SHAPE

FS_HZ = 360.0
LEAD = Lead(name="MLII")


DEFAULT = object()


class LinearBackend:
    """A seeded linear classifier over all inputs: enough to make scores that depend on every bit of them."""

    rung = Rung.ONNX_CPU

    def __init__(self, bundle: str = "ecg-beats/0.0.1", *, fails_at: int | None = None) -> None:
        draw = np.random.default_rng(5)
        self.bundle = bundle
        self.calls = 0
        self._beat = draw.normal(0, 0.05, (*BEAT_SHAPE, 4))
        self._rr = draw.normal(0, 0.3, (*RR_SHAPE, 4))
        self._history = draw.normal(0, 0.1, (*HISTORY_SHAPE, 4))
        self._fails_at = fails_at

    def infer(self, inputs: Mapping[str, NDArray[np.float32]], /) -> Mapping[str, NDArray[np.float32]]:
        assert inputs["beat"].shape == (1, *BEAT_SHAPE)
        assert inputs["rr"].shape == (1, *RR_SHAPE)
        assert inputs["rr_history"].shape == (1, *HISTORY_SHAPE)
        self.calls += 1
        if self.calls == self._fails_at:
            raise BackendFailed("the process died")
        logits = np.tensordot(inputs["beat"], self._beat, 2) + inputs["rr"] @ self._rr
        logits = logits + np.tensordot(inputs["rr_history"], self._history, 2)
        weights = np.exp(logits - logits.max())
        return {"scores": (weights / weights.sum()).astype(np.float32)}

    def close(self) -> None:
        pass


BEATS = TASKS["ecg-beats"]


def refuse(task, error):
    raise AssertionError(f"{task} failed") from error


def pipeline(*, backend=DEFAULT, reason="", leads=(LEAD,), fs_hz=FS_HZ, model=None, **more):
    served = model or Model(BEATS.name, BEATS.model, LinearBackend() if backend is DEFAULT else backend, reason)
    recorded = Recorded(device="d", recording="r", fs_hz=fs_hz, leads=leads)
    return Pipeline(TASKS.values(), recorded, models={BEATS.name: served}, on_failure=refuse, **more)


def block(x, start, *, leads=(LEAD,), fs_hz=FS_HZ):
    samples = np.atleast_2d(np.asarray(x, np.float32)).copy()
    return SampleBlock(recording="r", start=start, fs_hz=fs_hz, leads=leads, samples=samples)


def analyse(x, *, cuts=(), gaps=(), made=None):
    """Run `x` in pieces; `gaps` are (index in x, length): samples that follow move on by the length."""
    made = made or pipeline()
    lengths: dict[int, list[int]] = {}
    for at, length in gaps:
        lengths.setdefault(at, []).append(length)
    moved = 0
    out = []
    borders = sorted({0, len(x), *cuts, *lengths})
    for a, b in pairwise(borders):
        for length in lengths.get(a, ()):
            out += made.push(Gap(recording="r", start=a + moved, length=length, reason="lost" if length else "loop"))
            moved += length
        out += made.push(block(x[a:b], a + moved))
    return out + made.finish()


def beats(items, state=MarkState.CONFIRMED):
    return [item for item in items if isinstance(item, Mark) and item.kind == "beat" and item.state is state]


def seconds(items):
    return [item for item in items if isinstance(item, Mark) and item.kind == "second"]


def rates(items):
    return [item for item in items if isinstance(item, Reading) and item.quantity == "heart_rate"]


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_events_do_not_depend_on_the_cut(excerpt, noise, data):
    x = data.draw(st.sampled_from([excerpt[:9000], noise])).copy()
    invalid = data.draw(st.lists(st.tuples(st.integers(0, len(x) - 1), st.integers(1, 400)), max_size=3))
    for first, length in invalid:
        x[first : first + length] = np.nan
    gaps = data.draw(st.lists(st.tuples(st.integers(1, len(x) - 1), st.integers(0, 900)), max_size=3))
    cuts = data.draw(st.lists(st.integers(0, len(x)), max_size=25))
    assert analyse(x, gaps=gaps, cuts=cuts) == analyse(x, gaps=gaps)


def test_single_samples_give_the_same_events(excerpt):
    x = excerpt[:2500]
    assert analyse(x, cuts=range(len(x)), gaps=[(1500, 100)]) == analyse(x, gaps=[(1500, 100)])


@pytest.mark.data
@pytest.mark.parametrize("name", ["203", "207"])
def test_events_of_a_hard_record_do_not_depend_on_the_cut(read_record, name):
    x, _, _ = read_record(name)
    x = x[: 5 * 60 * 360]
    cuts = np.cumsum(np.random.default_rng(9).integers(1, 400, 2000))
    assert analyse(x, cuts=[int(c) for c in cuts if c < len(x)]) == analyse(x)


def test_each_beat_is_provisional_first_and_then_told_once_more(excerpt):
    items = analyse(excerpt)
    provisional, confirmed = beats(items, MarkState.PROVISIONAL), beats(items)
    withdrawn = beats(items, MarkState.WITHDRAWN)
    assert len(confirmed) > 50
    told = [beat.start for beat in confirmed]
    assert told == sorted(set(told))
    assert sorted(told + [beat.start for beat in withdrawn]) == [beat.start for beat in provisional]


def test_events_leave_in_the_order_they_were_decided(excerpt):
    decided = [item.decided_at for item in analyse(excerpt) if isinstance(item, Mark | Finding)]
    assert decided == sorted(decided)


def test_beats_carry_what_the_classifier_said_and_saw(excerpt):
    items = analyse(excerpt)
    middle = beats(items)[10]
    assert isinstance(middle.outcome, Prediction)
    assert [name for name, _ in middle.outcome.scores] == ["N", "S", "V", "F"]
    assert all(score == round(score, 4) for _, score in middle.outcome.scores)
    assert middle.label == max(middle.outcome.scores, key=lambda score: score[1])[0]
    seen = next(item for item in items if isinstance(item, Inputs) and item.id == middle.inputs)
    shapes = {"beat": BEAT_SHAPE, "rr": RR_SHAPE, "rr_history": HISTORY_SHAPE}
    assert {tensor.name: tensor.shape for tensor in seen.tensors} == shapes
    assert middle.number("amplitude") is not None
    assert 0.3 < middle.number("amplitude") < 10


def test_no_interval_crosses_a_gap(excerpt):
    at = 10_000
    items = analyse(excerpt, gaps=[(at, 720)])
    where = next(index for index, item in enumerate(items) if isinstance(item, Gap))
    before, behind = beats(items[:where]), beats(items[where:])
    assert before[-1].start > at - 400
    assert before[-1].decided_at == at - 1
    assert behind[0].start >= at + 720
    assert behind[0].number("rr_before") is None
    assert behind[1].number("rr_before") == pytest.approx((behind[1].start - behind[0].start) / FS_HZ)
    assert all(item.decided_at < at for item in items[:where] if isinstance(item, Mark))


@pytest.mark.parametrize(("length", "reason"), [(0, "loop"), (720, "lost")])
def test_a_window_that_touches_a_gap_is_abstained_from(excerpt, length, reason):
    found = beats(analyse(excerpt, gaps=[(10_000, length)]))
    cut = [beat for beat in found if 10_000 - 120 < beat.start < 10_000 + length + 120]
    assert cut, reason
    assert all(isinstance(beat.outcome, Abstained) and beat.outcome.reason.startswith("gap") for beat in cut)
    inside = [beat for beat in found if 300 < beat.start < 9_700]
    assert all(isinstance(beat.outcome, Prediction) for beat in inside)


def test_behind_a_gap_the_beats_are_those_of_a_fresh_start(excerpt):
    joined = beats(analyse(excerpt, gaps=[(9_000, 0)]))
    alone = beats(analyse(excerpt[9_000:]))
    assert [beat.start - 9_000 for beat in joined if beat.start >= 9_000] == [beat.start for beat in alone]


def test_invalid_samples_make_no_beat_and_poison_nothing(excerpt):
    x = excerpt.copy()
    x[:50] = np.nan
    x[9_000:9_900] = np.nan
    x[15_000] = np.inf
    items = analyse(x)
    plain = [beat.start for beat in beats(analyse(excerpt))]
    found = [beat.start for beat in beats(items)]
    assert not [sample for sample in found if 9_000 <= sample < 9_900]
    behind = np.array([sample for sample in found if sample > 11_000])
    assert np.abs(behind - np.array([sample for sample in plain if sample > 11_000])).max() <= 3
    assert all(beat.number("amplitude") is not None and np.isfinite(beat.number("amplitude")) for beat in beats(items))
    rejected = {one.label for one in seconds(items) if one.quality is QualityLevel.REJECTED}
    assert rejected == {"nan"}


def test_nothing_but_invalid_samples_is_survived():
    items = analyse(np.full(3600, np.nan))
    assert not beats(items, MarkState.PROVISIONAL)
    assert len(seconds(items)) == 10


def test_a_flat_line_has_no_beats_and_no_heart_rate(excerpt):
    x = excerpt[:14_400].copy()
    x[7_200:] = x[7_199]
    items = analyse(x)
    assert max(beat.start for beat in beats(items)) < 7_236
    late = [rate for rate in rates(items) if rate.at > 7_200 + 5 * 360]
    assert len(late) >= 14
    assert {rate.value for rate in late} == {None}


def test_the_heart_rate_is_that_of_the_beats(excerpt):
    items = analyse(excerpt)
    samples = [beat.start for beat in beats(items)]
    mean_bpm = 60 * FS_HZ * (len(samples) - 1) / (samples[-1] - samples[0])
    known = [rate.value for rate in rates(items) if rate.value is not None]
    assert np.median(known) == pytest.approx(mean_bpm, rel=0.1)


def test_beats_in_a_rejected_second_are_found_and_abstained_from(excerpt):
    x = excerpt[:7_200].copy()
    x[3_600:4_320] += np.random.default_rng(1).normal(0, 0.25, 720).astype(np.float32)
    inside = [beat for beat in beats(analyse(x)) if 3_600 <= beat.start < 4_320]
    assert inside
    assert {beat.quality for beat in inside} == {QualityLevel.REJECTED}
    assert {beat.outcome for beat in inside} == {Abstained(task="ecg-beats", reason="quality: noise")}


def test_without_a_scale_beats_are_found_and_have_no_amplitude(excerpt):
    raw = pipeline(leads=(Lead(name="MLII", unit=Unit.RAW),))
    items = []
    items += raw.push(block(excerpt * 1000, 0, leads=(Lead(name="MLII", unit=Unit.RAW),)))
    items += raw.finish()
    assert [beat.start for beat in beats(items)] == [beat.start for beat in beats(analyse(excerpt))]
    assert {beat.number("amplitude") for beat in beats(items)} == {None}


def test_microvolts_give_the_amplitude_in_millivolts_too(excerpt):
    leads = (Lead(name="MLII", unit=Unit.MICROVOLT),)
    made = pipeline(leads=leads)
    items = [*made.push(block(excerpt * 1000, 0, leads=leads)), *made.finish()]
    for micro, milli in zip(beats(items), beats(analyse(excerpt)), strict=True):
        assert micro.start == milli.start
        assert micro.number("amplitude") == pytest.approx(milli.number("amplitude"), rel=1e-4)


def test_without_a_backend_every_beat_says_why(excerpt):
    items = analyse(excerpt[:7_200], made=pipeline(backend=None, reason="no bundle"))
    assert {beat.outcome for beat in beats(items)} == {Unavailable(task="ecg-beats", reason="no bundle")}


def test_a_failed_backend_costs_one_beat(excerpt):
    items = analyse(excerpt, made=pipeline(backend=LinearBackend(fails_at=7)))
    outcomes = Counter(type(beat.outcome) for beat in beats(items))
    assert outcomes[Unavailable] == 1


def test_a_switch_leaves_no_beat_unanswered(excerpt):
    model = Model(BEATS.name, BEATS.model, LinearBackend("ecg-beats/1.0.0"))
    made = pipeline(model=model)
    items = []
    for start in range(0, len(excerpt), 100):
        if start == 9_000:
            model.switch(LinearBackend("ecg-beats/1.0.1"))
        items += made.push(block(excerpt[start : start + 100], start))
    items += made.finish()
    bundles = [beat.outcome.bundle for beat in beats(items) if isinstance(beat.outcome, Prediction)]
    assert not [beat for beat in beats(items) if isinstance(beat.outcome, Unavailable)]
    assert len(bundles) >= len(beats(items)) - 2
    assert set(bundles) == {"ecg-beats/1.0.0", "ecg-beats/1.0.1"}
    assert bundles == sorted(bundles)


def test_the_last_beat_is_told(excerpt):
    last = beats(analyse(excerpt))[-1].start
    assert beats(analyse(excerpt[: last + 40]))[-1].start == pytest.approx(last, abs=3)


def test_the_chosen_lead_is_analysed_and_all_are_judged(excerpt):
    leads = (Lead(name="V5"), LEAD)
    made = pipeline(leads=leads, prefer="MLII")
    both = np.stack((np.zeros_like(excerpt), excerpt))
    items = [*made.push(block(both, 0, leads=leads)), *made.finish()]
    assert [beat.start for beat in beats(items)] == [beat.start for beat in beats(analyse(excerpt))]
    assert {(*one.leads, one.label) for one in seconds(items)} == {("V5", "flat"), ("MLII", "usable")}


def test_each_minute_is_told_once(excerpt):
    x = np.concatenate((excerpt, excerpt, excerpt[:3600]))
    items = analyse(x, gaps=[(30_000, 500)])
    trends = [item for item in items if isinstance(item, Series)]
    columns = [{column.quantity: column.values[0] for column in trend.columns} for trend in trends]
    assert [trend.start for trend in trends] == [0, 21_600, 43_200]
    assert trends[-1].end == len(x) + 500
    assert sum(column["beats"] for column in columns) == len(beats(items))
    assert columns[0]["usable_share"] == 1.0
    assert columns[1]["usable_share"] == pytest.approx(1 - 500 / 21_600, abs=1e-3)
    assert len({trend.id for trend in trends}) == 3


@pytest.mark.parametrize(("height_mv", "is_counted"), [(0.13, False), (0.3, True), (0.5, True), (5.0, True)])
def test_a_qrs_too_low_to_count_is_not_counted(height_mv, is_counted):
    ramp = int(0.035 * FS_HZ)
    wave = height_mv * np.concatenate((np.arange(ramp), np.arange(ramp, 0, -1))) / ramp
    x = np.random.default_rng(8).normal(0, 0.003, 7_200)
    for start in range(200, 7_000, 300):
        x[start : start + len(wave)] += wave
    found = len(beats(analyse(x)))
    assert found == (len(range(200, 7_000, 300)) if is_counted else 0)


def test_asystole_becomes_a_finding(excerpt):
    draw = np.random.default_rng(4)
    silence = excerpt[7_199] + draw.normal(0, 0.004, 3_600)
    items = analyse(np.concatenate((excerpt[:7_200], silence)))
    assert "asystole" in {item.kind for item in items if isinstance(item, Finding)}


@pytest.mark.parametrize("mains_hz", [None, 50.0, 60.0])
def test_mains_does_not_change_the_beats(excerpt, mains_hz):
    hum = 0.1 * np.sin(2 * np.pi * 50.0 * np.arange(len(excerpt)) / FS_HZ)
    made = pipeline(limits={BEATS.name: BeatLimits(mains_hz=mains_hz)})
    found = np.array([beat.start for beat in beats(analyse(excerpt + hum, made=made))])
    plain = np.array([beat.start for beat in beats(analyse(excerpt))])
    assert len(found) == len(plain)
    assert np.abs(found - plain).max() <= 18


def test_samples_that_do_not_go_on_are_refused(excerpt):
    made = pipeline()
    made.push(block(excerpt[:360], 0))
    with pytest.raises(BrokenStream):
        made.push(block(excerpt[:360], 720))
    with pytest.raises(BrokenStream):
        made.push(block(excerpt[:360], 360, leads=(Lead(name="V1"),)))
    with pytest.raises(BrokenStream):
        made.push(Gap(recording="other", start=360, length=10, reason="lost"))


def test_a_lead_that_no_task_can_read_is_passed_over_and_said(excerpt):
    slow = pipeline(fs_hz=40.0)
    assert dict(slow.plan.idle)[BEATS.name].startswith("it reads 100 to 1000 samples a second")
    assert [item for item in slow.push(block(excerpt[:500], 0, fs_hz=40.0)) if isinstance(item, Finding)] == []


def test_packs_hold_every_confirmed_beat_once(excerpt):
    items = analyse(np.concatenate((excerpt, excerpt)))
    packs = [item for item in items if isinstance(item, MarkPack)]
    packed = [
        (start, pack.labels[label]) for pack in packs for start, label in zip(pack.starts, pack.label, strict=True)
    ]
    assert packed == [(beat.start, beat.label or "Q") for beat in beats(items)]
    assert len({pack.id for pack in packs}) == len(packs)
