"""What crosses the line comes back equal, or is refused with a reason."""

import dataclasses
import json
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biosignal.errors import BadInput
from biosignal.events import (
    Abstained,
    BeatEvidence,
    Command,
    Evidence,
    Finding,
    FindingState,
    Measure,
    Outcome,
    Prediction,
    Priority,
    QualityLevel,
    Receipt,
    Rung,
    Tensor,
    Unavailable,
)
from biosignal.wire.envelope import KINDS, MESSAGES, decode, decode_message, encode, encode_message, schemas, wrap

text = st.text(max_size=12)
label = st.sampled_from(["N", "S", "V", "F"])
outcomes: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(
        Prediction,
        task=text,
        bundle=text,
        rung=st.sampled_from(Rung),
        label=label,
        scores=st.lists(st.tuples(label, st.floats(0, 1)), max_size=4).map(tuple),
    ),
    st.builds(Abstained, task=text, reason=text),
    st.builds(Unavailable, task=text, reason=text),
)
tensors = st.builds(
    Tensor, name=text, shape=st.lists(st.integers(1, 9), max_size=2).map(tuple), data=st.binary(max_size=16)
)
findings = st.builds(
    Finding,
    id=text,
    rev=st.integers(0, 9),
    device=text,
    recording=text,
    stream=text,
    kind=text,
    state=st.sampled_from(FindingState),
    priority=st.sampled_from(Priority),
    onset=st.integers(0, 2**40),
    end=st.integers(0, 2**40),
    decided_at=st.integers(0, 2**40),
    leads=st.lists(text, max_size=2).map(tuple),
    outcome=outcomes,
    evidence=st.builds(
        Evidence,
        measures=st.lists(
            st.builds(Measure, name=text, value=st.floats(allow_nan=False, allow_infinity=False), unit=text), max_size=3
        ).map(tuple),
        strip_start=st.integers(0, 9),
        strip_end=st.integers(0, 9),
        fs_hz=st.floats(1, 1000),
        quality=st.sampled_from(QualityLevel),
        beats=st.lists(
            st.builds(
                BeatEvidence,
                sample=st.integers(0, 9),
                outcome=outcomes,
                inputs=st.lists(tensors, max_size=2).map(tuple),
            ),
            max_size=3,
        ).map(tuple),
    ),
)


@given(findings, st.integers(0, 2**40))
def test_a_finding_comes_back_equal(finding, seq):
    envelope = wrap(finding, seq=seq, device="bed-1", boot="b", at="2026-01-01T00:00:00Z")
    assert decode(encode(envelope)) == envelope


@given(findings)
@settings(max_examples=25)
def test_unknown_fields_are_tolerated_and_missing_ones_refused(finding):
    document = json.loads(encode(wrap(finding, seq=0, device="d", boot="b", at="t")))
    document["later"] = 1
    document["body"]["later"] = {"x": 1}
    assert decode(json.dumps(document).encode()).body == finding
    del document["body"]["evidence"]["quality"]
    with pytest.raises(BadInput, match="schema"):
        decode(json.dumps(document).encode())


@given(st.binary(max_size=64))
def test_garbage_is_refused_with_a_typed_error(payload):
    with pytest.raises(BadInput):
        decode(payload)


@given(findings)
@settings(max_examples=10)
def test_a_number_json_cannot_write_is_refused(finding):
    broken = dataclasses.replace(finding, evidence=dataclasses.replace(finding.evidence, fs_hz=float("nan")))
    with pytest.raises(BadInput, match="number"):
        encode(wrap(broken, seq=0, device="d", boot="b", at="t"))


@given(st.lists(st.tuples(text, st.integers(0, 9)), max_size=4).map(tuple))
def test_a_receipt_comes_back_equal(committed):
    receipt = Receipt(committed=committed, rejected=(("x", 1, "why"),))
    assert decode_message("receipt", encode_message(receipt)) == receipt


def test_a_command_comes_back_equal():
    command = Command(
        id="c", name="watch", issuer="dr", expires_utc="2026-01-01T00:00:30Z", arguments=(("lead", "MLII"),)
    )
    assert decode_message("command", encode_message(command)) == command
    assert command.argument("lead") == "MLII"
    assert command.argument("other") is None


@given(findings)
@settings(max_examples=10)
def test_an_envelope_that_disagrees_with_its_body_is_refused(finding):
    document = json.loads(encode(wrap(finding, seq=0, device="d", boot="b", at="t")))
    document["rev"] += 1
    with pytest.raises(BadInput, match="disagree"):
        decode(json.dumps(document).encode())


def test_the_committed_schemas_are_those_of_the_classes():
    folder = resources.files("biosignal.wire").joinpath("schemas")
    derived = schemas()
    assert {entry.name for entry in folder.iterdir()} == {f"{name}.json" for name in derived}
    for name, schema in derived.items():
        assert json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8")) == schema


def test_every_kind_and_message_has_a_schema():
    assert set(schemas()) == {*KINDS, *MESSAGES, "envelope"}
