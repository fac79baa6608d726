"""A bundle is data: checked before it is parsed, and refused with a sentence."""

import contextlib
import dataclasses
import io
import json
import zipfile

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from biosignal.errors import BadInput, BedsideError, RefusedForSafety
from biosignal.events import Rung
from biosignal.model.admission import NotAdmitted, admit
from biosignal.model.backend import BackendFailed
from biosignal.model.bundle import Bundle, BundleRefused, golden_npz, open_bundle, pack, seal, unpack
from biosignal.model.manifest import ManifestBroken, parse_manifest
from biosignal.model.npz import read_npz, write_npz
from biosignal.model.onnx_cpu import OnnxCpuBackend
from biosignal.model.onnx_walk import onnx_facts
from biosignal.tasks.ecg_beats.kinds import CONTRACT
from tests.bundles import BEAT, CLASSES, EMBEDDING, bundle_files, bundle_manifest, make_bundle, onnx_model, windows

GOOD = bundle_files(anchor=8)


def resealed(**changes) -> dict[str, bytes]:
    """The good bundle with files replaced (None takes one away) and hashed again."""
    files = {name: content for name, content in {**GOOD, **changes}.items() if content is not None}
    files.pop("manifest.json")
    return seal(bundle_manifest(), files)


def test_a_good_bundle_opens_and_reproduces_its_golden_vectors():
    bundle = open_bundle(GOOD)
    report = admit(OnnxCpuBackend(bundle), bundle, CONTRACT)
    assert bundle.identity == "ecg-beats/1.0.0"
    assert (report.rung, report.windows) == (Rung.ONNX_CPU, 3)
    assert report.worst_difference <= 1e-5 < report.tolerance
    anchor = bundle.anchor()
    assert anchor is not None
    assert anchor.embedding.shape == (8, EMBEDDING)


def test_the_same_settings_give_the_same_bytes():
    assert bundle_files(seed=3) == bundle_files(seed=3)
    assert pack(GOOD) == pack(dict(reversed(GOOD.items())))


@pytest.mark.parametrize("name", sorted(set(GOOD) - {"manifest.json"}))
def test_one_flipped_bit_in_any_file_is_refused_before_it_is_parsed(name):
    broken = bytearray(GOOD[name])
    broken[len(broken) // 2] ^= 1
    with pytest.raises(BundleRefused, match="hashed"):
        open_bundle({**GOOD, name: bytes(broken)})


@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "golden.npz", "card.md"])
def test_a_missing_file_is_refused(name):
    with pytest.raises(BundleRefused, match="lacks files"):
        open_bundle({key: content for key, content in GOOD.items() if key != name})


def test_a_file_the_manifest_does_not_list_is_refused():
    files = bundle_files()
    with pytest.raises(BundleRefused, match="lists other files"):
        open_bundle({**files, "anchor.npz": GOOD["anchor.npz"]})
    with pytest.raises(BundleRefused, match="nobody knows"):
        open_bundle({**files, "run.py": b"print()"})


def test_a_file_above_its_limit_is_refused():
    with pytest.raises(BundleRefused, match="too large"):
        open_bundle(resealed(**{"card.md": b" " * ((1 << 20) + 1)}))


def test_external_data_is_refused_wherever_it_hides():
    with pytest.raises(BundleRefused, match="outside itself"):
        open_bundle(bundle_files(external=True))


def _outside(name: str) -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.ones(3, np.float32), name)
    tensor.ClearField("raw_data")
    tensor.external_data.add(key="location", value="x.bin")
    return tensor


def _graph(nodes=(), initialisers=()) -> onnx.GraphProto:
    return helper.make_graph(list(nodes), "g", [], [], list(initialisers))


@pytest.mark.parametrize(
    "model",
    [
        helper.make_model(_graph(initialisers=[_outside("w")])),
        helper.make_model(_graph([helper.make_node("Constant", [], ["y"], value=_outside("w"))])),
        helper.make_model(
            _graph([helper.make_node("If", ["c"], ["y"], then_branch=_graph(initialisers=[_outside("w")]))])
        ),
        helper.make_model(
            _graph(),
            functions=[
                helper.make_function(
                    "d", "f", [], ["y"], [helper.make_node("Constant", [], ["y"], value=_outside("w"))], []
                )
            ],
        ),
    ],
    ids=["initialiser", "node attribute", "subgraph", "function"],
)
def test_the_walker_finds_external_data(model):
    assert onnx_facts(model.SerializeToString()).external == ("w",)


def test_the_walker_finds_a_sparse_and_a_location_only_tensor():
    sparse = onnx.SparseTensorProto(values=_outside("s"), dims=[3])
    only = numpy_helper.from_array(np.ones(3, np.float32), "l")
    only.data_location = TensorProto.EXTERNAL
    graph = _graph(initialisers=[only])
    graph.sparse_initializer.append(sparse)
    assert set(onnx_facts(helper.make_model(graph).SerializeToString()).external) == {"s", "l"}


def test_an_ordinary_model_has_nothing_outside():
    facts = onnx_facts(GOOD["model.onnx"])
    assert facts.external == ()
    assert facts.opsets == (("", 17),)


@given(st.binary(max_size=400))
def test_the_walker_raises_nothing_but_bad_input(data):
    with contextlib.suppress(BadInput):
        onnx_facts(data)


@settings(max_examples=300)
@given(st.integers(0, len(GOOD["model.onnx"]) - 1), st.integers(0, 255), st.integers(0, len(GOOD["model.onnx"])))
def test_a_damaged_model_ends_the_walk_cleanly(at, byte, length):
    model = bytearray(GOOD["model.onnx"])
    model[at] = byte
    with contextlib.suppress(BadInput):
        onnx_facts(bytes(model[:length]))


def test_deep_nesting_and_long_numbers_end_in_bad_input():
    nested = b""
    for _ in range(200):
        nested = b"\x32" + _varint(len(nested)) + nested  # attribute.g
        nested = b"\x2a" + _varint(len(nested)) + nested  # node.attribute
        nested = b"\x0a" + _varint(len(nested)) + nested  # graph.node
    with pytest.raises(BadInput, match="deeply"):
        onnx_facts(b"\x3a" + _varint(len(nested)) + nested)
    with pytest.raises(BadInput, match="too long"):
        onnx_facts(b"\xff" * 11)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def test_a_newer_opset_or_a_foreign_operator_is_refused():
    with pytest.raises(BundleRefused, match="operators"):
        open_bundle(bundle_files(opset=18))
    model = onnx.load_from_string(onnx_model())
    model.opset_import.add(domain="com.example", version=1)
    with pytest.raises(BundleRefused, match="operators"):
        open_bundle(resealed(**{"model.onnx": model.SerializeToString()}))


def test_a_bundle_for_another_pipeline_is_refused():
    with pytest.raises(BundleRefused, match="version of the pipeline") as refused:
        open_bundle(bundle_files(change=lambda m: dataclasses.replace(m, pipeline_version=(2, 3))))
    assert refused.value.exit_code == 3


def _changed(path: str, value: object) -> bytes:
    whole = json.loads(GOOD["manifest.json"])
    spot = whole
    *way, last = path.split("/")
    for key in way:
        spot = spot[int(key)] if isinstance(spot, list) else spot[key]
    if value is ...:
        del spot[last]
    else:
        spot[last] = value
    return json.dumps(whole).encode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("format", 2),
        ("format", True),
        ("name", "../x"),
        ("name", "UPPER"),
        ("version", "1.0"),
        ("version", "01.0.0"),
        ("classes", []),
        ("classes", ["N", "N"]),
        ("classes", ["N", "S", "V"]),
        ("pipeline_version", {"min": 2, "max": 1}),
        ("pipeline_version/extra", 1),
        ("inputs", []),
        ("inputs/0/shape", [0]),
        ("inputs/0/shape", [True, 2]),
        ("inputs/0/role", "scores"),
        ("inputs/0/name", "rr"),
        ("inputs/0/rate_hz", "fast"),
        ("inputs/0/surprise", 1),
        ("outputs/0/role", "embedding"),
        ("outputs/0/role", "nonsense"),
        ("outputs/1/shape", [16, 2, 2, 2, 2]),
        ("golden_tolerance", 0),
        ("golden_tolerance", 1.0),
        ("golden_tolerance", 10**400),
        ("files", {"../model.onnx": "0" * 64}),
        ("files/card.md", "abc"),
        ("training", []),
        ("licence", ""),
        ("licence", ...),
        ("unknown", 1),
    ],
)
def test_a_wrong_key_is_named(path, value):
    with pytest.raises(ManifestBroken):
        parse_manifest(_changed(path, value))


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"\xff", b'{"format": 1, "format": 1}', b'{"a": NaN}', b"[" * 100_000, b'{"a": 1' + b"0" * 5000],
)
def test_what_is_no_manifest_is_refused(data):
    with pytest.raises(ManifestBroken):
        parse_manifest(data)


def test_a_manifest_comes_back_equal():
    manifest = open_bundle(GOOD).manifest
    assert parse_manifest(manifest.to_bytes()) == manifest


@given(st.binary(max_size=300))
def test_a_manifest_of_any_bytes_is_refused_with_our_error(data):
    with pytest.raises(ManifestBroken):
        parse_manifest(data)


@pytest.mark.parametrize("kind", ["pickle", "nan", "double", "shape", "name", "junk", "empty"])
def test_golden_vectors_of_another_kind_are_refused(kind):
    inputs, outputs, _ = open_bundle(GOOD).golden()
    arrays = {**inputs, **outputs}
    if kind == "pickle":
        held = io.BytesIO()
        np.savez(held, **{**arrays, "beat": np.array([{"a": 1}], dtype=object)})
        data = held.getvalue()
    elif kind == "junk":
        data = b"PK nonsense"
    else:
        change = {
            "nan": {"rr": np.full_like(arrays["rr"], np.nan)},
            "double": {"rr": arrays["rr"].astype(np.float64)},
            "shape": {"rr": arrays["rr"][:, :4]},
            "name": {"other": arrays["rr"]},
            "empty": {name: value[:0] for name, value in arrays.items()},
        }[kind]
        data = write_npz({**arrays, **change})
    with pytest.raises((BadInput, RefusedForSafety)):
        open_bundle(resealed(**{"golden.npz": data}))


def test_a_golden_zip_bomb_is_stopped_at_the_limit():
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("beat.npy", bytes(40 << 20))
    assert len(held.getvalue()) < 100_000
    with pytest.raises(BadInput, match="more than is allowed"):
        open_bundle(resealed(**{"golden.npz": held.getvalue()}))


def test_numpy_reads_what_we_write_and_we_read_what_numpy_writes():
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array(5, np.int64), "c": np.zeros(3, np.uint8)}
    with np.load(io.BytesIO(write_npz(arrays)), allow_pickle=False) as theirs:
        assert all(np.array_equal(theirs[name], value) for name, value in arrays.items())
    held = io.BytesIO()
    np.savez_compressed(held, **{**arrays, "f": np.asfortranarray(arrays["a"])})
    ours = read_npz(held.getvalue(), max_bytes=10_000)
    assert all(np.array_equal(ours[name], value) for name, value in arrays.items())
    assert np.array_equal(ours["f"], arrays["a"])


@settings(max_examples=200)
@given(st.integers(0, 3000), st.integers(0, 255))
def test_a_damaged_npz_is_read_or_refused(at, byte):
    data = bytearray(GOOD["anchor.npz"])
    data[at % len(data)] = byte
    with contextlib.suppress(BadInput):
        read_npz(bytes(data), max_bytes=1 << 20)


def test_an_anchor_with_a_patient_in_both_parts_is_refused():
    arrays = read_npz(GOOD["anchor.npz"], max_bytes=1 << 20)
    mixed = write_npz({**arrays, "patient": np.full(8, 100, np.uint16)})
    with pytest.raises(BundleRefused, match="mixes its parts"):
        open_bundle(resealed(**{"anchor.npz": mixed}))


def test_a_pack_comes_back_equal():
    assert unpack(pack(GOOD)) == GOOD


def _zip(name: str, *, mode: int = 0o100644, twice: bool = False) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for _ in range(2 if twice else 1):
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            archive.writestr(entry, b"/etc/passwd")
    return held.getvalue()


@pytest.mark.parametrize("name", ["../model.onnx", "/model.onnx", "a/model.onnx", "model.onnx/", "run.py"])
def test_a_path_in_a_pack_is_refused(name):
    with pytest.raises((BadInput, BundleRefused)):
        unpack(_zip(name))


def test_a_link_in_a_pack_is_refused():
    with pytest.raises(BadInput, match="no plain file"):
        unpack(_zip("model.onnx", mode=0o120777))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_given_twice_is_refused():
    with pytest.raises(BadInput, match="twice"):
        unpack(_zip("model.onnx", twice=True))


def test_a_pack_above_the_limit_is_refused():
    with pytest.raises(BadInput, match="more than is allowed"):
        unpack(pack(GOOD), max_bytes=1000)


@settings(max_examples=200)
@given(st.integers(0, len(pack(GOOD)) - 1), st.integers(0, 255), st.booleans())
def test_a_damaged_pack_is_opened_or_refused(at, byte, cut):
    data = bytearray(pack(GOOD))
    data[at] = byte
    with contextlib.suppress(BedsideError):
        open_bundle(unpack(bytes(data[:at]) if cut else bytes(data)))


@given(st.binary(max_size=200))
def test_any_other_bytes_are_no_pack(data):
    with pytest.raises(BadInput):
        unpack(data)


def test_wrong_golden_vectors_are_not_admitted_and_the_worst_is_named():
    bundle = make_bundle(wrong_goldens=True)
    with pytest.raises(NotAdmitted) as refused:
        admit(OnnxCpuBackend(bundle), bundle, CONTRACT)
    assert refused.value.facts["worst_difference"] == pytest.approx(0.05, abs=1e-4)


def test_a_backend_that_fails_is_not_admitted():
    bundle = make_bundle()
    backend = OnnxCpuBackend(bundle)
    backend.close()
    backend.close()
    with pytest.raises(NotAdmitted, match="did not answer"):
        admit(backend, bundle, CONTRACT)


def test_inference_is_bit_for_bit_the_same_and_sums_to_one():
    bundle = make_bundle()
    inputs = windows(5)
    first, second = (OnnxCpuBackend(bundle).infer(inputs) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in ("scores", "embedding"))
    assert first["scores"].shape == (5, len(CLASSES))
    assert first["scores"].sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"beat": np.zeros((1, *BEAT))},
        {"beat": np.zeros((1, 2, 100), np.float32)},
        {"beat": np.zeros(BEAT, np.float32)},
        {"beat": np.zeros((2, *BEAT), np.float32)},
        {"other": np.zeros((1, 1), np.float32)},
    ],
    ids=["double", "short", "no batch", "batches differ", "name"],
)
def test_a_wrong_input_is_a_failed_window(change):
    with pytest.raises(BackendFailed):
        OnnxCpuBackend(make_bundle()).infer({**windows(1), **change})


def test_a_number_that_is_not_finite_is_no_answer():
    inputs = windows(1)
    inputs["beat"][0, 0, 0] = np.nan
    with pytest.raises(BackendFailed, match="finite"):
        OnnxCpuBackend(make_bundle()).infer(inputs)


@pytest.mark.parametrize("field", ["inputs", "outputs"])
def test_a_model_unlike_its_manifest_is_refused(field):
    good = open_bundle(GOOD)
    specs = getattr(good.manifest, field)
    for changed in (
        dataclasses.replace(specs[0], name="other"),
        dataclasses.replace(specs[0], shape=(*specs[0].shape[:-1], 99)),
        dataclasses.replace(specs[0], shape=(*specs[0].shape, 1)),
    ):
        manifest = dataclasses.replace(good.manifest, **{field: (changed, *specs[1:])})
        with pytest.raises(BackendFailed):
            OnnxCpuBackend(Bundle(manifest, good.files))


def test_a_file_that_is_no_onnx_is_refused():
    with pytest.raises(BadInput):
        open_bundle(resealed(**{"model.onnx": b"\x00\x01"}))
    bundle = open_bundle(resealed(**{"model.onnx": b"\x3a\x00", "anchor.npz": None}))
    with pytest.raises(BackendFailed, match="refuses"):
        OnnxCpuBackend(bundle)


def test_golden_npz_is_written_the_same_twice():
    inputs, outputs, _ = open_bundle(GOOD).golden()
    assert golden_npz(inputs, outputs) == GOOD["golden.npz"]
