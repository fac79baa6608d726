import os
import threading
import time

import numpy as np
import pytest

from biosignal.errors import BadInput
from biosignal.signal.blocks import Gap, SampleBlock, Unit
from edge_agent.operate.clock import HostClock, SetClock
from edge_agent.sources.plugins.lsl_inlet import open_inlet
from edge_agent.sources.port import RecordUnreadable, SourceState
from edge_agent.sources.settings import SourceSettings


def inlet(*options):
    return open_inlet(SourceSettings(options=options, block_s=0.02, stall_s=0.2), HostClock())


def test_names_units_and_rate_are_those_of_the_stream(outlet):
    facts = inlet(f"name={outlet.name}").recording_facts()
    assert [(lead.name, lead.unit) for lead in facts.leads] == [("II", Unit.MILLIVOLT), ("EEG", Unit.MICROVOLT)]
    assert (facts.fs_hz, facts.live, facts.name) == (250, True, outlet.name)
    assert inlet(f"source_id=bedside-test-{outlet.name}").recording_facts().name == outlet.name


def test_every_sample_arrives_and_what_the_sender_left_out_is_a_gap(outlet):
    source = inlet(f"name={outlet.name}")
    source.open("rec")
    items, began_s = [], time.monotonic()
    for item in source.read():
        items.append(item)
        samples = sum(one.length for one in items if isinstance(one, SampleBlock))
        if len(items) == 5:
            outlet.skip = 200  # 0.8 s
        if samples >= 250 and any(isinstance(one, Gap) for one in items):
            break
        assert time.monotonic() - began_s < 20
    gaps = [item for item in items if isinstance(item, Gap)]
    assert [(gap.length, gap.reason) for gap in gaps] == [(200, "stamps-jumped")]
    first = items[0].samples[0, 0]
    for item in items:
        if isinstance(item, SampleBlock):
            np.testing.assert_array_equal(item.samples[0], first + np.arange(item.start, item.end))
            np.testing.assert_array_equal(item.samples[1], -item.samples[0])
    assert dict(source.health().counters)["lost"] == 200


def test_a_stream_that_falls_silent_is_stalled(lsl):
    name = f"quiet-{os.getpid()}-{time.monotonic_ns()}"
    sender = lsl.StreamOutlet(lsl.StreamInfo(name, "ECG", 1, 250.0, "int16", name))
    source = inlet(f"name={name}")
    assert source.recording_facts().leads[0].unit is Unit.RAW
    reader = threading.Thread(target=lambda: list(source.read()), daemon=True)
    reader.start()
    due_s = time.monotonic() + 5
    while source.health().state is not SourceState.STALLED and time.monotonic() < due_s:
        time.sleep(0.02)
    assert source.health().state is SourceState.STALLED
    source.close()
    reader.join(1)
    assert not reader.is_alive()
    del sender


def test_streams_that_are_no_signal_are_refused(lsl):
    for rate_hz, kind in ((0.0, "float32"), (250.0, "string")):
        name = f"odd-{kind}-{os.getpid()}-{time.monotonic_ns()}"
        sender = lsl.StreamOutlet(lsl.StreamInfo(name, "Markers", 1, rate_hz, kind, name))
        with pytest.raises(RecordUnreadable, match="not of numbers"):
            inlet(f"name={name}").recording_facts()
        del sender
    with pytest.raises(RecordUnreadable, match="no such stream"):
        inlet("name=nobody-sends-this", "resolve_s=0.2").recording_facts()


@pytest.mark.parametrize("options", [(), ("name=a", "type=b"), ("name=a", "gap_s=soon"), ("colour=red",)])
def test_wrong_options_are_refused(options):
    with pytest.raises(BadInput):
        open_inlet(SourceSettings(options=options), SetClock())
