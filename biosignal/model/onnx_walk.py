"""What an ONNX file says about itself, read from its bytes without running or loading it.

A walker over the protobuf wire format that knows just the fields through which tensors and graphs nest. Every step
moves forward in the bytes, nesting is bounded, and the only error is `BadInput`.

Source: the protobuf encoding guide, and the field numbers of onnx.proto (ONNX 1.17).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from biosignal.errors import BadInput

DEPTH_MAX = 48
FIELDS_MAX = 2_000_000

Field: TypeAlias = (
    "tuple[int, int, int, int, int]"  # number, wire type, value (varint), start, end (of a length-delimited body)
)

NESTED: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 9: "opset", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "opset": {},
}
TENSOR_NAME, TENSOR_EXTERNAL, TENSOR_LOCATION = 8, 13, 14
OPSET_DOMAIN, OPSET_VERSION = 1, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class OnnxFacts:
    """`external`: tensors whose numbers lie outside the file. `opsets`: (domain, version); "" is the standard one."""

    external: tuple[str, ...]
    opsets: tuple[tuple[str, int], ...]
    graphs: int
    functions: int


@dataclass(slots=True)
class _Walk:
    data: bytes
    external: list[str] = field(default_factory=list)
    opsets: list[tuple[str, int]] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    fields: int = 0


def onnx_facts(data: bytes) -> OnnxFacts:
    """Walk a serialised ONNX model.

    Raises
    ------
    BadInput : the bytes are no well-formed protobuf message of this nesting, or hold no graph.
    """
    walk = _Walk(data)
    todo = [("model", 0, len(data), 0)]
    while todo:
        kind, start, end, depth = todo.pop()
        if depth > DEPTH_MAX:
            raise BadInput("an ONNX file nests too deeply", depth=depth)
        walk.seen[kind] = walk.seen.get(kind, 0) + 1
        fields = _fields(walk, start, end)
        if kind == "tensor":
            _note_tensor(walk, fields)
        elif kind == "opset":
            _note_opset(walk, fields)
        else:
            inner = NESTED[kind]
            todo += [
                (inner[number], at, to, depth + 1)
                for number, wire, _, at, to in fields
                if wire == 2 and number in inner
            ]
    if not walk.seen.get("graph"):
        raise BadInput("an ONNX file holds no graph")
    return OnnxFacts(
        external=tuple(walk.external),
        opsets=tuple(walk.opsets),
        graphs=walk.seen["graph"],
        functions=walk.seen.get("function", 0),
    )


def _note_tensor(walk: _Walk, fields: Iterator[Field]) -> None:
    name, outside = "", False
    for number, wire, value, start, end in fields:
        if number == TENSOR_NAME and wire == 2:
            name = walk.data[start : min(end, start + 200)].decode("utf-8", "replace")
        outside = outside or number == TENSOR_EXTERNAL or (number == TENSOR_LOCATION and (wire != 0 or value != 0))
    if outside:
        walk.external.append(name)


def _note_opset(walk: _Walk, fields: Iterator[Field]) -> None:
    domain, version = "", 0
    for number, wire, value, start, end in fields:
        if number == OPSET_DOMAIN and wire == 2:
            domain = walk.data[start : min(end, start + 200)].decode("utf-8", "replace")
        elif number == OPSET_VERSION and wire == 0:
            version = value
    walk.opsets.append((domain, version))


def _fields(walk: _Walk, at: int, end: int) -> Iterator[Field]:
    while at < end:
        walk.fields += 1
        if walk.fields > FIELDS_MAX:
            raise BadInput("an ONNX file has too many fields", limit=FIELDS_MAX)
        key, at = _varint(walk.data, at, end)
        number, wire = key >> 3, key & 7
        value, start = 0, at
        if number == 0 or wire in (3, 4, 6, 7):
            raise BadInput("an ONNX file is no well-formed protobuf message", offset=at, wire_type=wire)
        if wire == 0:
            value, at = _varint(walk.data, at, end)
        else:
            size = {1: 8, 5: 4}.get(wire)
            if size is None:
                size, start = _varint(walk.data, at, end)
            at = start + size
            if at > end:
                raise BadInput("an ONNX file is cut short", offset=start, wanted_bytes=size)
        yield number, wire, value, start, at


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise BadInput("an ONNX file is cut short", offset=at)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise BadInput("an ONNX file holds a number that is too long", offset=at)
