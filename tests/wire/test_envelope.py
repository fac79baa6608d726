"""What crosses the line comes back equal, or is refused with a reason."""

import dataclasses
import json
from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from biosignal.errors import BadInput
from biosignal.events import (
    Abstained,
    Command,
    Evidence,
    Finding,
    FindingState,
    MarkSet,
    Measure,
    Outcome,
    Prediction,
    Priority,
    QualityLevel,
    Receipt,
    Rung,
    Unavailable,
)
from biosignal.wire.envelope import (
    KINDS,
    MESSAGES,
    SCHEMA_VERSION,
    Foreign,
    body_json,
    decode,
    decode_message,
    encode,
    encode_message,
    schemas,
    wrap,
)
from biosignal.wire.text import LONGEST_TEXT

CONTROLS = [chr(n) for n in (*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0x202A, 0x202F))]
text = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"]), max_size=12)
label = st.sampled_from(["N", "S", "V", "F"])
sample = st.integers(0, 2**40)
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
leads = st.lists(text, max_size=2).map(tuple)
findings = st.builds(
    Finding,
    id=text,
    rev=st.integers(0, 9),
    task=text,
    device=text,
    recording=text,
    stream=text,
    kind=text,
    state=st.sampled_from(FindingState),
    priority=st.sampled_from(Priority),
    onset=sample,
    end=sample,
    decided_at=sample,
    leads=leads,
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
        marks=st.lists(
            st.builds(
                MarkSet,
                task=text,
                kind=text,
                leads=leads,
                starts=st.lists(sample, max_size=3).map(tuple),
                total=st.integers(0, 99),
            ),
            max_size=3,
        ).map(tuple),
    ),
)


def as_document(event):
    return json.loads(encode(wrap(event, seq=0, device="d", boot="b", at="t")))


def decoded(document):
    return decode(json.dumps(document).encode())


@given(findings, sample)
def test_a_finding_comes_back_equal(finding, seq):
    envelope = wrap(finding, seq=seq, device="bed-1", boot="b", at="2026-01-01T00:00:00Z")
    assert decode(encode(envelope)) == envelope
    assert envelope.schema == SCHEMA_VERSION
    assert envelope.carried == ()


@given(findings)
@settings(max_examples=25)
def test_unknown_fields_are_tolerated_and_missing_ones_refused(finding):
    document = as_document(finding)
    document["later"] = 1
    document["body"]["later"] = {"x": 1}
    assert decoded(document).body == finding
    del document["body"]["evidence"]["quality"]
    with pytest.raises(BadInput, match=r"missing.*evidence.*quality"):
        decoded(document)


@given(st.binary(max_size=64))
def test_garbage_is_refused_with_a_typed_error(payload):
    with pytest.raises(BadInput):
        decode(payload)


@given(findings)
@settings(max_examples=10)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_json_cannot_write_is_refused(value, finding):
    broken = dataclasses.replace(finding, evidence=dataclasses.replace(finding.evidence, fs_hz=value))
    with pytest.raises(BadInput, match=r"number.*evidence\.fs_hz"):
        encode(wrap(broken, seq=0, device="d", boot="b", at="t"))


@given(finding=findings, value=st.one_of(st.none(), st.binary(), st.lists(st.integers()), st.floats(0.1, 0.9)))
@settings(max_examples=25)
def test_what_a_field_may_not_hold_is_refused_before_it_is_sent(finding, value):
    with pytest.raises(BadInput, match="onset"):
        encode(wrap(dataclasses.replace(finding, onset=value), seq=0, device="d", boot="b", at="t"))


@given(finding=findings, broken=st.sampled_from(["\0", "\ud800", "\udfff", "a\ud83d", "\udc00\ud800"]))
@settings(max_examples=25)
def test_text_that_cannot_be_kept_is_refused_by_both_ends(finding, broken):
    with pytest.raises(BadInput, match="text that cannot be kept"):
        encode(wrap(dataclasses.replace(finding, kind=broken), seq=0, device="d", boot="b", at="t"))
    document = as_document(finding)
    document["body"]["kind"] = broken
    with pytest.raises(BadInput, match="text that cannot be kept"):
        decoded(document)


@pytest.mark.parametrize("where", ["key", "value", "deep"])
def test_text_that_cannot_be_kept_is_refused_wherever_it_stands(where):
    later = {"key": {"\0": 1}, "value": {"a": "\0"}, "deep": {"a": [[{"b": ["\ud800"]}]]}}[where]
    document = foreign_document(later=later)
    with pytest.raises(BadInput, match="text that cannot be kept"):
        decoded(document)


@given(finding=findings, control=st.sampled_from(CONTROLS[1:]), raw=st.booleans())
@settings(max_examples=40)
def test_control_characters_are_refused_and_never_sent(finding, control, raw):
    document = as_document(finding)
    document["body"]["kind"] = f"a{control}b"
    with pytest.raises(BadInput):
        decode(json.dumps(document, ensure_ascii=not raw).encode())
    document["body"]["kind"], document["body"]["later"] = "k", {f"a{control}b": 1}
    with pytest.raises(BadInput):
        decode(json.dumps(document, ensure_ascii=not raw).encode())
    sent = encode(wrap(dataclasses.replace(finding, kind=f"a{control}b"), seq=0, device="d", boot="b", at="t"))
    assert decode(sent).body.kind == "a\ufffdb"


def test_line_ends_and_tabs_and_words_about_escapes_are_text():
    finding = a_finding(kind="a\tb\r\n c \\u0000 \\ud800 d")
    assert decode(encode(wrap(finding, seq=0, device="d", boot="b", at="t"))).body == finding


def test_a_text_too_long_is_cut_by_the_sender_and_refused_by_the_receiver():
    sent = encode(wrap(a_finding(kind="k" * 10_000), seq=0, device="d", boot="b", at="t"))
    assert len(decode(sent).body.kind) == LONGEST_TEXT
    document = json.loads(sent)
    document["body"]["kind"] += "k"
    with pytest.raises(BadInput, match=r"text is too long.*kind"):
        decoded(document)


def test_raw_surrogates_are_no_utf8():
    payload = encode(wrap(a_finding(), seq=0, device="d", boot="b", at="t")).replace(b"bed", b"\xed\xa0\x80")
    with pytest.raises(BadInput, match="not JSON"):
        decode(payload)


def test_a_pair_of_surrogates_is_one_character():
    finding = a_finding(kind="\U0001f600")
    assert decode(encode(wrap(finding, seq=0, device="d", boot="b", at="t"))).body == finding


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


def test_a_receipt_of_a_newer_clinic_that_can_be_read_is_read():
    receipt = Receipt(committed=(("a", 1),))
    newer = json.loads(encode_message(receipt)) | {"schema": SCHEMA_VERSION + 1, "more": [1]}
    assert decode_message("receipt", json.dumps(newer).encode()) == receipt


@given(findings)
@settings(max_examples=10)
def test_an_envelope_that_disagrees_with_its_body_is_refused(finding):
    document = as_document(finding)
    document["rev"] += 1
    with pytest.raises(BadInput, match="disagree"):
        decoded(document)


# ---- what this version does not know


def foreign_document(**fields):
    body = {"id": "x", "rev": 3, "stage": "N2", **fields}
    head = {"id": "x", "rev": 3, "seq": 5, "kind": "dream", "schema": 2, "device": "d", "boot": "b"}
    return {**head, "recording": "r", "at": "t", "body": body}


def test_an_unknown_kind_is_kept_as_it_came():
    document = foreign_document(depth=[1, {"a": None}])
    envelope = decoded(document)
    assert envelope.kind == "dream"
    assert envelope.body == Foreign(id="x", rev=3, kind="dream", fields=document["body"])
    assert body_json(envelope.body) == document["body"]
    assert json.loads(encode(envelope)) == document


@pytest.mark.parametrize("change", [{"id": "y"}, {"rev": 4}, {"id": 3}, {"rev": "3"}])
def test_an_unknown_kind_must_agree_with_its_envelope(change):
    with pytest.raises(BadInput, match="disagree"):
        decoded(foreign_document(**change))


@pytest.mark.parametrize("number", ["1e999", "-1e999", str(2**64), "1" * 5000, "NaN", "Infinity"])
def test_an_unknown_kind_with_a_number_that_nothing_can_hold_is_refused(number):
    payload = json.dumps(foreign_document(depth="HERE")).replace('"HERE"', number).encode()
    with pytest.raises(BadInput):
        decode(payload)


@pytest.mark.parametrize("depth", [65, 900, 100_000])
def test_an_unknown_kind_nested_too_deep_is_refused(depth):
    payload = json.dumps(foreign_document(depth="HERE")).replace('"HERE"', "[" * depth + "]" * depth).encode()
    with pytest.raises(BadInput):
        decode(payload)


def test_an_unknown_version_is_refused_by_that_sentence():
    document = as_document(a_finding()) | {"schema": 3}
    with pytest.raises(BadInput, match=r"^unknown schema version, schema=3$"):
        decoded(document)


@pytest.mark.parametrize("name", ["rev", "seq", "schema"])
def test_counts_below_zero_are_refused(name):
    document = as_document(a_finding()) | {name: -1}
    with pytest.raises(BadInput):
        decoded(document)


# ---- schemas


def committed(name):
    folder = resources.files("biosignal.wire").joinpath("schemas")
    return json.loads(folder.joinpath(f"{name}.json").read_text(encoding="utf-8"))


def test_the_committed_schemas_are_those_of_the_classes():
    folder = resources.files("biosignal.wire").joinpath("schemas")
    derived = schemas()
    assert {entry.name for entry in folder.iterdir()} == {f"{name}.json" for name in derived}
    for name, schema in derived.items():
        assert committed(name) == schema


def test_every_kind_and_message_has_a_schema():
    assert set(schemas()) == {*KINDS, *MESSAGES, "envelope"}


@pytest.mark.parametrize("name", sorted(schemas()))
def test_every_schema_is_one(name):
    Draft202012Validator.check_schema(committed(name))


@given(findings)
def test_a_schema_accepts_what_the_codec_writes(finding):
    document = as_document(finding)
    Draft202012Validator(committed("envelope")).validate(document)
    Draft202012Validator(committed("finding")).validate(document["body"])


def a_finding(**changes):
    finding = Finding(
        id="f",
        rev=0,
        task="t",
        device="bed",
        recording="r",
        stream="live",
        kind="k",
        state=FindingState.OPENED,
        priority=Priority.LOW,
        onset=1,
        end=2,
        decided_at=3,
        leads=("II",),
        outcome=Unavailable(task="t", reason="why"),
        evidence=Evidence(measures=(), strip_start=0, strip_end=9, fs_hz=360.0, quality=QualityLevel.USABLE),
    )
    return dataclasses.replace(finding, **changes)
