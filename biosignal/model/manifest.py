"""A bundle's manifest: what the model wants, what it gives, and the hash of every file beside it."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from biosignal.errors import BadInput

FORMAT = 1
MANIFEST_BYTES_MAX = 1 << 20
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
VERSION = re.compile(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})")
TENSOR = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
SHA256 = re.compile(r"[0-9a-f]{64}")
FILE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")

T = TypeVar("T")


class ManifestBroken(BadInput):
    """The manifest is not what this program can read."""

    remedy = "build the bundle again with `export`; do not edit a manifest by hand"


class Role(str, Enum):
    """What a tensor is for."""

    INPUT = "input"
    SCORES = "scores"
    EMBEDDING = "embedding"
    STATE_IN = "state_in"
    STATE_OUT = "state_out"


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorSpec:
    """One float32 tensor of the model; `shape` is without the batch axis."""

    name: str
    shape: tuple[int, ...]
    role: Role
    unit: str = ""
    rate_hz: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """`manifest.json` as a value. `files` maps each file but the manifest to its sha256 in hex.

    `golden_tolerance` is the largest absolute difference from a golden output that still admits a backend.
    `training` is kept as it was written: data, seeds, records.
    """

    name: str
    version: str
    task: str
    classes: tuple[str, ...]
    pipeline_version: tuple[int, int]
    siblings: tuple[str, ...]
    preprocessing: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    golden_tolerance: float
    files: Mapping[str, str]
    training: Mapping[str, Any]
    licence: str

    @property
    def identity(self) -> str:
        """``name/version``, as every result names its bundle."""
        return f"{self.name}/{self.version}"

    def output(self, role: Role) -> TensorSpec:
        """Find the output of a role.

        Raises
        ------
        ManifestBroken : the model has none.
        """
        for spec in self.outputs:
            if spec.role is role:
                return spec
        raise ManifestBroken("the model has no output of this role", bundle=self.identity, role=role.value)

    def to_bytes(self) -> bytes:
        """Write it as `parse_manifest` reads it; the same manifest gives the same bytes."""
        whole = {
            "format": FORMAT,
            "name": self.name,
            "version": self.version,
            "task": self.task,
            "classes": self.classes,
            "pipeline_version": {"min": self.pipeline_version[0], "max": self.pipeline_version[1]},
            "siblings": self.siblings,
            "preprocessing": self.preprocessing,
            "inputs": [_tensor_json(spec) for spec in self.inputs],
            "outputs": [_tensor_json(spec) for spec in self.outputs],
            "golden_tolerance": self.golden_tolerance,
            "files": dict(self.files),
            "training": dict(self.training),
            "licence": self.licence,
        }
        return (_written(whole, "\n") + "\n").encode()


def _written(value: object, line: str) -> str:
    """Write JSON a key a line, keys in order; a list of plain values, such as thousands of records, takes one line."""
    if isinstance(value, Mapping) and value:
        below = (f"{line} {json.dumps(key)}: {_written(value[key], line + ' ')}" for key in sorted(value))
        return "{" + ",".join(below) + line + "}"
    if isinstance(value, list | tuple) and any(isinstance(one, Mapping | list | tuple) for one in value):
        return "[" + ",".join(f"{line} {_written(one, line + ' ')}" for one in value) + line + "]"
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def _tensor_json(spec: TensorSpec) -> dict[str, Any]:
    whole: dict[str, Any] = {"name": spec.name, "shape": spec.shape, "role": spec.role.value}
    if spec.unit:
        whole["unit"] = spec.unit
    if spec.rate_hz is not None:
        whole["rate_hz"] = spec.rate_hz
    return whole


def parse_manifest(data: bytes) -> Manifest:
    """Read `manifest.json` strictly: every key known, present and of its type.

    Raises
    ------
    ManifestBroken : naming the key that is wrong.
    """
    if len(data) > MANIFEST_BYTES_MAX:
        raise ManifestBroken("the manifest is too large", size_bytes=len(data), limit_bytes=MANIFEST_BYTES_MAX)
    try:
        whole = json.loads(data.decode("utf-8"), object_pairs_hook=_no_twins, parse_constant=_no_constant)
    except (ValueError, RecursionError) as broken:
        raise ManifestBroken("the manifest is no JSON", reason=str(broken)[:200]) from broken
    manifest = _manifest(_Object(whole, "manifest"))
    _check_tensors(manifest)
    return manifest


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return whole


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


class _Object:
    """One JSON object, whose keys are taken one by one; what is left over at the end is unknown."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise ManifestBroken("the manifest needs an object here", at=where)
        self._left: dict[str, Any] = dict(value)
        self._where = where

    def pop(self, key: str, kind: type[T]) -> T:
        value = self._left.pop(key, None)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ManifestBroken("a key is missing or of another type", at=f"{self._where}.{key}", wants=kind.__name__)
        return value

    def number(self, key: str) -> float:
        value = self._left.pop(key, None)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or abs(value) > 1e12
            or not math.isfinite(value)
        ):
            raise ManifestBroken("a key is missing or no number", at=f"{self._where}.{key}")
        return float(value)

    def text(self, key: str, pattern: re.Pattern[str] | None = None) -> str:
        return self._one(self.pop(key, str), key, pattern)

    def texts(self, key: str, pattern: re.Pattern[str] | None = None) -> tuple[str, ...]:
        values = tuple(self._one(value, key, pattern) for value in self.pop(key, list))
        if len(set(values)) != len(values):
            raise ManifestBroken("a list names something twice", at=f"{self._where}.{key}")
        return values

    def _one(self, value: object, key: str, pattern: re.Pattern[str] | None) -> str:
        if not isinstance(value, str) or not value or (pattern and not pattern.fullmatch(value)):
            raise ManifestBroken(
                "a text is not of the form wanted here", at=f"{self._where}.{key}", got=str(value)[:80]
            )
        return value

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def end(self) -> None:
        if self._left:
            raise ManifestBroken("the manifest has unknown keys", at=self._where, keys=sorted(self._left)[:8])


def _manifest(whole: _Object) -> Manifest:
    if (written := whole.pop("format", int)) != FORMAT:
        raise ManifestBroken("the manifest has another format", format=written, supported=FORMAT)
    span = _Object(whole.pop("pipeline_version", dict), "pipeline_version")
    versions = (span.pop("min", int), span.pop("max", int))
    span.end()
    manifest = Manifest(
        name=whole.text("name", NAME),
        version=whole.text("version", VERSION),
        task=whole.text("task", NAME),
        classes=whole.texts("classes"),
        pipeline_version=versions,
        siblings=whole.texts("siblings"),
        preprocessing=whole.text("preprocessing"),
        inputs=tuple(_tensors(whole.pop("inputs", list), "inputs")),
        outputs=tuple(_tensors(whole.pop("outputs", list), "outputs")),
        golden_tolerance=whole.number("golden_tolerance"),
        files=_hashes(whole.pop("files", dict)),
        training=whole.pop("training", dict),
        licence=whole.text("licence"),
    )
    whole.end()
    return manifest


def _tensors(values: list[Any], where: str) -> Iterable[TensorSpec]:
    for index, value in enumerate(values):
        one = _Object(value, f"{where}[{index}]")
        shape = one.pop("shape", list)
        if len(shape) > 4 or not all(type(dim) is int and 0 < dim <= 1_000_000 for dim in shape):
            raise ManifestBroken("a shape is a list of at most 4 positive numbers", at=f"{where}[{index}]")
        role = one.text("role")
        if role not in {known.value for known in Role}:
            raise ManifestBroken("a tensor has an unknown role", at=f"{where}[{index}]", role=role)
        yield TensorSpec(
            name=one.text("name", TENSOR),
            shape=tuple(shape),
            role=Role(role),
            unit=one.text("unit") if "unit" in one else "",
            rate_hz=one.number("rate_hz") if "rate_hz" in one else None,
        )
        one.end()


def _hashes(files: dict[str, Any]) -> dict[str, str]:
    whole = _Object(files, "files")
    hashes = {name: whole.text(name, SHA256) for name in files}
    if bad := [name for name in hashes if not FILE.fullmatch(name) or name == "manifest.json"]:
        raise ManifestBroken("a file has a name that is not allowed", at="files", names=bad[:8])
    return hashes


def _check_tensors(manifest: Manifest) -> None:
    names = [spec.name for spec in (*manifest.inputs, *manifest.outputs)]
    roles_in = {spec.role for spec in manifest.inputs}
    roles_out = [spec.role for spec in manifest.outputs]
    low, high = manifest.pipeline_version
    for wrong, said in (
        (len(set(names)) != len(names), "two tensors have one name"),
        (not roles_in or not roles_in <= {Role.INPUT, Role.STATE_IN}, "inputs need the role input or state_in"),
        (any(role in (Role.INPUT, Role.STATE_IN) for role in roles_out), "an output has the role of an input"),
        (roles_out.count(Role.SCORES) != 1, "exactly one output has the role scores"),
        (roles_out.count(Role.EMBEDDING) > 1, "at most one output has the role embedding"),
        (not manifest.classes, "a model names its classes"),
        (not low <= high, "pipeline_version.min is above its max"),
        (not 0 < manifest.golden_tolerance <= 0.01, "golden_tolerance lies above 0 and at most 0.01"),
    ):
        if wrong:
            raise ManifestBroken(said, bundle=manifest.identity)
    scores = manifest.output(Role.SCORES)
    if not scores.shape or scores.shape[-1] != len(manifest.classes):
        raise ManifestBroken("scores need one number per class", shape=scores.shape, classes=manifest.classes)
