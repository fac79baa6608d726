"""What released versions wrote is read for ever: version 1 lifted, version 2 to the byte."""

import base64
import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from biosignal.errors import BadInput
from biosignal.events import (
    AlarmEvent,
    AlarmState,
    Column,
    Finding,
    Inputs,
    Mark,
    MarkPack,
    MarkState,
    Priority,
    Reading,
    Recording,
    Rung,
    Series,
    Status,
    TaskStatus,
    mark_id,
)
from biosignal.signal.blocks import Lead, LeadKind, Unit
from biosignal.wire.codec import to_json
from biosignal.wire.envelope import KINDS, MESSAGES, body_json, decode, decode_message, encode, encode_message
from biosignal.wire.v1 import UNKNOWN_FS, with_rate

FOLDER = Path(__file__).parent / "golden"
SCHEMAS = Path(__file__).parents[2] / "biosignal" / "wire" / "schemas"


def lines(version):
    return FOLDER.joinpath(f"wire-v{version}.jsonl").read_bytes().splitlines()


def message(version, name):
    return FOLDER.joinpath(f"message-v{version}-{name}.json").read_bytes()


def of_kind(kind):
    """The version-1 documents of a kind, each with what was made of it."""
    for line in lines(1):
        document = json.loads(line)
        if document["kind"] == kind:
            yield document["body"], decode(line)


def test_the_golden_lines_hold_every_kind_of_their_version():
    gone = {"trend"}
    new = {"mark", "inputs", "marks", "series"}
    assert {json.loads(line)["kind"] for line in lines(1)} == (set(KINDS) | gone) - new
    assert {json.loads(line)["kind"] for line in lines(2)} == set(KINDS)


def test_version_2_is_written_again_to_the_byte():
    for line in lines(2):
        assert encode(decode(line)) == line
        assert decode(line).schema == 2


def test_version_1_is_lifted_and_stays_what_it_became():
    for line in lines(1):
        envelope = decode(line)
        assert envelope.schema == 1
        again = decode(encode(envelope))
        assert (again.schema, again.body, again.kind) == (2, envelope.body, envelope.kind)
        for event in envelope.carried:
            assert with_rate(event, 360.0).id == event.id


def test_what_did_not_change_is_lifted_as_it_is():
    changed = {"finding", "trend", "recording.opened", "alarm"}
    for line in lines(1):
        document = json.loads(line)
        if document["kind"] not in changed:
            envelope = decode(line)
            assert to_json(envelope.body) == document["body"]
            assert (envelope.kind, envelope.carried) == (document["kind"], ())


def test_a_lifted_finding_says_what_it_said():
    same = ("id", "rev", "device", "recording", "stream", "kind", "state", "priority", "onset", "end", "decided_at")
    tasks = Counter()
    for old, envelope in of_kind("finding"):
        now = to_json(envelope.body)
        assert isinstance(envelope.body, Finding)
        assert {name: now[name] for name in same} == {name: old[name] for name in same}
        assert now["leads"] == old["leads"]
        for name in ("measures", "strip_start", "strip_end", "fs_hz", "quality"):
            assert now["evidence"][name] == old["evidence"][name]
        tasks[envelope.body.task, envelope.body.outcome.task] += 1
    assert tasks == {
        ("ecg-rhythm", "ecg-beats"): 7,
        ("ecg-rhythm", "ecg-rhythm"): 8,
        ("signal-quality", "signal-quality"): 2,
        ("monitoring", "monitoring"): 2,
    }


def test_the_beats_inside_a_version_1_finding_become_marks_with_their_inputs():
    beats = 0
    for old, envelope in of_kind("finding"):
        carried = list(envelope.carried)
        old_beats = old["evidence"]["beats"]
        sets = envelope.body.evidence.marks
        assert [start for named in sets for start in named.starts] == [beat["sample"] for beat in old_beats]
        for beat in old_beats:
            seen, mark = carried.pop(0), carried.pop(0)
            assert isinstance(seen, Inputs)
            assert to_json(seen)["tensors"] == beat["inputs"]
            assert seen.id == content_hash(beat["inputs"]) == mark.inputs
            assert isinstance(mark, Mark)
            assert mark.id == mark_id(
                recording=old["recording"],
                task="ecg-beats",
                kind="beat",
                leads=tuple(old["leads"]),
                start=beat["sample"],
            )
            assert (mark.start, mark.end, mark.state) == (beat["sample"], beat["sample"], MarkState.CONFIRMED)
            assert to_json(mark)["outcome"] == beat["outcome"]
            assert (mark.task, mark.kind, mark.leads, mark.decided_at, mark.quality.value) == (
                "ecg-beats",
                "beat",
                tuple(old["leads"]),
                old["decided_at"],
                old["evidence"]["quality"],
            )
            beats += 1
        assert carried == []
    assert beats == 71


def test_a_version_1_finding_that_counts_more_beats_than_it_kept_says_so():
    totals = {
        (len(old["evidence"]["beats"]), envelope.body.evidence.marks[0].total)
        for old, envelope in of_kind("finding")
        if old["kind"] == "pvc"
    }
    counts = {
        (len(old["evidence"]["beats"]), int(old["evidence"]["measures"][0]["value"]))
        for old, _ in of_kind("finding")
        if old["kind"] == "pvc"
    }
    assert totals == counts


def content_hash(tensors):
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tensor['name']}{tuple(tensor['shape'])}".encode())
        digest.update(base64.b64decode(tensor["data"]))
    return digest.hexdigest()


def test_a_version_1_trend_becomes_a_series_and_a_pack_of_its_marks():
    for old, envelope in of_kind("trend"):
        assert envelope.kind == "series"
        assert envelope.body == Series(
            id=old["id"],
            task="ecg-rhythm",
            recording=old["recording"],
            leads=(old["lead"],),
            fs_hz=UNKNOWN_FS,
            start=old["start"],
            end=old["end"],
            decided_at=old["end"] - 1,
            step=old["end"] - old["start"],
            columns=(
                Column(quantity="beats", values=(old["beats"],)),
                Column(quantity="mean_heart_rate", values=(old["bpm_mean"],)),
                Column(quantity="v_beats", values=(old["v_beats"],)),
                Column(quantity="usable_share", values=(old["usable_fraction"],)),
            ),
        )
        (pack,) = envelope.carried
        assert isinstance(pack, MarkPack)
        drawn = [[start, pack.labels[index]] for start, index in zip(pack.starts, pack.label, strict=True)]
        assert drawn == old["annotations"]
        assert (pack.task, pack.kind, pack.leads) == ("ecg-beats", "beat", (old["lead"],))
        assert (pack.start, pack.end, pack.ends, len(pack.origin)) == (old["start"], old["end"], (), len(pack.starts))


def test_the_rate_that_a_version_1_trend_does_not_name_is_filled_in_from_its_recording():
    old, envelope = next(of_kind("trend"))
    series, pack = with_rate(envelope.body, 250.0), with_rate(envelope.carried[0], 250.0)
    assert (series.fs_hz, series.step, pack.fs_hz) == (250.0, 15000, 250.0)
    assert (series.end, pack.end) == (old["end"], old["end"])
    assert with_rate(series, 360.0) == series


def test_the_leads_of_a_version_1_recording_have_its_unit_and_no_kind():
    old, envelope = next(of_kind("recording.opened"))
    assert envelope.body == Recording(
        id=old["id"],
        device="bed-1",
        source="synthetic-ward-3",
        leads=(Lead(name="II", unit=Unit.MILLIVOLT, kind=LeadKind.UNKNOWN),),
        fs_hz=250.0,
        started_utc=old["started_utc"],
        subject="subject-0001",
        previous=None,
    )


def test_a_version_1_alarm_names_no_leads():
    for old, envelope in of_kind("alarm"):
        assert isinstance(envelope.body, AlarmEvent)
        assert to_json(envelope.body) == {**old, "leads": []}


def test_a_version_1_status_is_lifted():
    old = json.loads(message(1, "status"))
    alarm = AlarmEvent(
        id="",
        rev=0,
        device="",
        recording=old["recording"],
        finding="",
        kind="v-run",
        leads=(),
        priority=Priority.MEDIUM,
        state=AlarmState.ACTIVE,
        at=3188,
        by="device",
    )
    now = {"leads": ("II",), "fs_hz": 250.0, "at": 3188, "until": 3188 + 5 * 250}
    assert decode_message("status", message(1, "status")) == Status(
        online=True,
        recording=old["recording"],
        sample=3188,
        fs_hz=250.0,
        leads=(Lead(name="II", unit=Unit.RAW),),
        readings=(
            Reading(task="ecg-rhythm", quantity="heart_rate", value=96.5, **now),
            Reading(task="signal-quality", quantity="signal", label="usable", **now),
        ),
        alarms=(alarm,),
        tasks=(
            TaskStatus(
                task="ecg-beats",
                leads=("II",),
                reason="",
                bundle="ecg-beats/1.0.0",
                rung=Rung.ONNX_CPU,
                rung_reason=old["rung_reason"],
            ),
        ),
        outbox=0,
        explainer=old["explainer"],
        version="0.1.0",
    )


def test_a_version_1_device_with_nothing_to_tell_says_nothing():
    old = json.loads(message(1, "status"))
    bare = {**old, "lead": None, "fs_hz": None, "bpm": None, "quality": None, "alarm_kind": None, "bundles": []}
    status = decode_message("status", json.dumps({**bare, "rung": "rules"}).encode())
    assert (status.leads, status.readings, status.alarms) == ((), (), ())
    assert status.tasks == (
        TaskStatus(task="ecg-beats", leads=(), reason="", rung=Rung.RULES, rung_reason=old["rung_reason"]),
    )


@pytest.mark.parametrize("name", ["receipt", "command"])
def test_receipts_and_commands_of_version_1_are_read_as_they_are(name):
    old = json.loads(message(1, name))
    new = {"packet": 1} if name == "receipt" else {}  # version 1 reads one event in a message
    assert to_json(decode_message(name, message(1, name))) == {key: old[key] for key in old if key != "schema"} | new


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_messages_of_version_2_are_written_again_to_the_byte(name):
    payload = message(2, name).rstrip(b"\n")
    assert encode_message(decode_message(name, payload)) == payload


# ---- damage


def places(value, path=()):
    """Every place inside JSON values, the innermost too."""
    yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index in range(min(len(value), 3)):
            yield from places(value[index], (*path, index))


def damaged(document, path, value, *, drop):
    """A copy with one place changed or left out."""
    copy = json.loads(json.dumps(document))
    at = copy
    for step in path[:-1]:
        at = at[step]
    if drop:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return copy


KINDS_OF_LINES = {
    (version, json.loads(line)["kind"]): json.loads(line) for version in (1, 2) for line in reversed(lines(version))
}
SPOTS = [(which, path) for which, document in KINDS_OF_LINES.items() for path in places(document) if path]
anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.just(1e308),
    st.text(max_size=8),
    st.sampled_from(["\0", "\ud800", "closed", "Prediction", "Abstained", "AAAA", "AA==", "AAA", "AAAA\n"]),
    st.lists(st.integers(), max_size=3),
    st.lists(st.lists(st.integers(), max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)


@settings(max_examples=800, deadline=None)
@given(spot=st.sampled_from(SPOTS), value=anything, drop=st.booleans())
def test_a_damaged_envelope_is_read_or_refused_and_nothing_else(spot, value, drop):
    which, path = spot
    payload = json.dumps(damaged(KINDS_OF_LINES[which], path, value, drop=drop)).encode()
    try:
        envelope = decode(payload)
    except BadInput:
        return
    for event in (envelope.body, *envelope.carried):
        json.dumps(body_json(event), allow_nan=False)
    assert decode(encode(envelope)).body == envelope.body


STATUSES = {version: json.loads(message(version, "status")) for version in (1, 2)}


@settings(max_examples=300, deadline=None)
@given(
    spot=st.sampled_from([(version, path) for version in STATUSES for path in places(STATUSES[version]) if path]),
    value=anything,
    drop=st.booleans(),
)
@example(spot=(1, ("fs_hz",)), value=1e308, drop=False)
def test_a_damaged_status_is_read_or_refused_and_nothing_else(spot, value, drop):
    version, path = spot
    try:
        status = decode_message("status", json.dumps(damaged(STATUSES[version], path, value, drop=drop)).encode())
    except BadInput:
        return
    assert decode_message("status", encode_message(status)) == status


VALIDATORS = {
    path.name.removesuffix(".json"): Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))
    for path in SCHEMAS.iterdir()
}
BODY_SPOTS = [
    (kind, path)
    for (version, kind), document in KINDS_OF_LINES.items()
    if version == 2
    for path in places(document["body"])
    if path and path[0] not in ("id", "rev")
]
kept_text = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"]), max_size=8)
writable = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    kept_text,
    st.sampled_from(["closed", "Prediction", "Abstained", "AAAA", "AA==", "AAA", "====", "mV"]),
    st.lists(st.integers(), max_size=3),
    st.lists(st.lists(st.integers(), max_size=2), max_size=2),
    st.dictionaries(kept_text, st.integers(), max_size=2),
)


@settings(max_examples=600, deadline=None)
@given(spot=st.sampled_from(BODY_SPOTS), value=writable, drop=st.booleans())
def test_the_committed_schemas_and_the_codec_refuse_the_same_damage(spot, value, drop):
    kind, path = spot
    document = KINDS_OF_LINES[2, kind]
    body = damaged(document["body"], path, value, drop=drop)
    try:
        decode(json.dumps({**document, "body": body}).encode())
        is_read = True
    except BadInput:
        is_read = False
    assert VALIDATORS[kind].is_valid(body) == is_read


def test_the_committed_schemas_accept_every_golden_line_of_version_2():
    for line in lines(2):
        document = json.loads(line)
        VALIDATORS["envelope"].validate(document)
        VALIDATORS[document["kind"]].validate(document["body"])
    for name in MESSAGES:
        VALIDATORS[name].validate(json.loads(message(2, name)))
