"""Events to JSON values and back, from their type hints alone; and the JSON Schema of each.

A union is written with ``"type": class name``; bytes as base64; enums by value; tuples as arrays. Unknown fields are
tolerated, missing ones refused. Both directions check every value against its hint, so nothing leaves that the other
end would refuse. Numbers are those that every database holds: integers of 64 bits, finite floats.
"""

import base64
import dataclasses
import re
import types
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import Any, TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from biosignal.errors import BadInput
from biosignal.wire.text import LONGEST_TEXT

T = TypeVar("T")
Json = Any  # JSON values nest without end; mypy has no name for them
INT_MOST = 2**63 - 1
FLOAT_MOST = 1.7976931348623157e308
BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

_Turn: TypeAlias = Callable[[Any], Any]
_BASE64 = re.compile(BASE64[1:-1])


class _Wrong(Exception):
    """A value does not meet its hint; the fields around it add their names on the way out."""

    def __init__(self, what: str, **facts: Any) -> None:
        super().__init__(what)
        self.what, self.facts = what, facts
        self.path: list[str] = []

    def named(self, root: str) -> BadInput:
        return BadInput(self.what, field=".".join([root, *reversed(self.path)]), **self.facts)


def to_json(value: object) -> Json:
    """Turn an event, or a part of one, into JSON values.

    Raises
    ------
    BadInput : a field holds what its hint does not allow, or a number that JSON or a database cannot hold.
    """
    if isinstance(value, tuple):
        return [to_json(part) for part in value]
    if not isinstance(value, (Enum, bytes)) and not dataclasses.is_dataclass(value):
        return value
    kind: Any = type(value)
    try:
        return _writer(kind)(value)
    except _Wrong as wrong:
        raise wrong.named(kind.__name__) from None


def from_json(kind: type[T], value: Json) -> T:
    """Build a `kind` from JSON values.

    Raises
    ------
    BadInput : a field is missing or of another type.
    """
    try:
        return cast(T, _reader(cast(Any, kind))(value))
    except _Wrong as wrong:
        raise wrong.named(kind.__name__) from None


def schema(kind: type[object], *, title: str) -> dict[str, Json]:
    """JSON Schema (2020-12) of a `kind`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **_schema(kind)}


# ---- what a hint says ------------------------------------------------------------------------------------------------


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


@cache
def _required(kind: Any) -> tuple[str, ...]:
    nothing = dataclasses.MISSING
    fields = dataclasses.fields(kind)
    return tuple(field.name for field in fields if field.default is nothing and field.default_factory is nothing)


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum)


def _is_list(parts: tuple[Any, ...]) -> bool:
    return len(parts) == 2 and parts[1] is Ellipsis


def _kinds(hint: Any) -> tuple[Any, ...]:
    return tuple(part for part in get_args(hint) if part is not type(None))


def _needs_tag(hint: Any) -> bool:
    return _is_union(hint) and sum(dataclasses.is_dataclass(part) for part in get_args(hint)) > 1


# ---- numbers and text ------------------------------------------------------------------------------------------------


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong("a field has the wrong type", expected="string")
    if len(value) > LONGEST_TEXT:
        raise _Wrong("a text is too long", length=len(value), longest=LONGEST_TEXT)
    return value


def _shortened(value: Any) -> str:
    """What is written: a reason that came from elsewhere, a traceback say, is cut rather than not said at all."""
    return _text(value[: LONGEST_TEXT - 1] + "\N{HORIZONTAL ELLIPSIS}" if _is_long(value) else value)


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and len(value) > LONGEST_TEXT


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("a field has the wrong type", expected="boolean")
    return value


def _integer(value: Any) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:
        raise _Wrong("a field has the wrong type", expected="integer")
    if not -INT_MOST <= value <= INT_MOST:
        raise _Wrong("a number is too large", expected="an integer of 64 bits")
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _Wrong("a field has the wrong type", expected="number")
    if not -FLOAT_MOST <= value <= FLOAT_MOST:
        raise _Wrong("a field holds a number that JSON cannot write", value=repr(value)[:32])
    return float(value)


def _mapping(value: Any) -> dict[str, Json]:
    if not isinstance(value, Mapping):
        raise _Wrong("a field must be an object")
    return dict(value)


_PLAIN: dict[Any, tuple[_Turn, dict[str, Json]]] = {
    str: (_text, {"type": "string", "maxLength": LONGEST_TEXT}),
    int: (_integer, {"type": "integer", "minimum": -INT_MOST, "maximum": INT_MOST}),
    float: (_number, {"type": "number", "minimum": -FLOAT_MOST, "maximum": FLOAT_MOST}),
    bool: (_truth, {"type": "boolean"}),
    Mapping[str, Any]: (_mapping, {"type": "object"}),
}


# ---- reading ---------------------------------------------------------------------------------------------------------


@cache
def _reader(hint: Any) -> _Turn:
    if _is_union(hint):
        return _union_reader(hint)
    if get_origin(hint) is tuple:
        return _tuple_turn(get_args(hint), _reader, list, tuple)
    if hint is bytes:
        return _read_bytes
    if _is_enum(hint):
        return _enum_reader(hint)
    if dataclasses.is_dataclass(hint):
        return _object_reader(hint)
    return _PLAIN[hint][0]


def _union_reader(hint: Any) -> _Turn:
    kinds, absent = _kinds(hint), type(None) in get_args(hint)
    if not _needs_tag(hint):
        (kind,) = kinds
        read = _reader(kind)
        return lambda value: None if value is None and absent else read(value)
    known = {kind.__name__: _reader(kind) for kind in kinds}

    def read_tagged(value: Any) -> Any:
        if value is None and absent:
            return None
        tag = value.get("type") if isinstance(value, dict) else None
        if not isinstance(tag, str) or tag not in known:
            raise _Wrong("a field has no known type", type=repr(tag)[:64])
        return known[tag](value)

    return read_tagged


def _tuple_turn(parts: tuple[Any, ...], turn: Callable[[Any], _Turn], come: type[Any], give: _Turn) -> _Turn:
    """Make the reader or the writer of a tuple: what `come` is holds the values, `give` makes what they become."""
    each = None if not _is_list(parts) else turn(parts[0])
    several = [] if each else [turn(part) for part in parts]

    def turned(value: Any) -> Any:
        if not isinstance(value, come):
            raise _Wrong("a field must be an array")
        if each is not None:
            return give([each(part) for part in value])
        if len(value) != len(several):
            raise _Wrong("an array has the wrong length", expected=len(several), got=len(value))
        return give([one(part) for one, part in zip(several, value, strict=True)])

    return turned


def _read_bytes(value: Any) -> bytes:
    if not isinstance(value, str) or not _BASE64.fullmatch(value):
        raise _Wrong("a field is not base64")
    return base64.b64decode(value)


def _enum_reader(hint: type[Enum]) -> _Turn:
    known = {member.value: member for member in hint}

    def read(value: Any) -> Enum:
        if not isinstance(value, str) or value not in known:
            raise _Wrong("a field has an unknown value", value=repr(value)[:64])
        return known[value]

    return read


def _object_reader(kind: Any) -> _Turn:
    readers = {name: _reader(hint) for name, hint in _hints(kind).items()}
    required = _required(kind)

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _Wrong("a field must be an object")
        missing = [name for name in required if name not in value]
        if missing:
            raise _Wrong("fields are missing", missing=missing)
        return kind(**{name: _field(turn, value[name], name) for name, turn in readers.items() if name in value})

    return read


def _field(turn: _Turn, value: Any, name: str) -> Any:
    try:
        return turn(value)
    except _Wrong as wrong:
        wrong.path.append(name)
        raise


# ---- writing ---------------------------------------------------------------------------------------------------------


@cache
def _writer(hint: Any) -> _Turn:
    if _is_union(hint):
        return _union_writer(hint)
    if get_origin(hint) is tuple:
        return _tuple_turn(get_args(hint), _writer, tuple, list)
    if hint is bytes:
        return _write_bytes
    if _is_enum(hint):
        return _enum_writer(hint)
    if dataclasses.is_dataclass(hint):
        return _object_writer(hint)
    return _shortened if hint is str else _PLAIN[hint][0]


def _union_writer(hint: Any) -> _Turn:
    kinds, absent = _kinds(hint), type(None) in get_args(hint)
    if not _needs_tag(hint):
        (kind,) = kinds
        write = _writer(kind)
        return lambda value: None if value is None and absent else write(value)
    known = {kind: _writer(kind) for kind in kinds}

    def write_tagged(value: Any) -> Any:
        if value is None and absent:
            return None
        if type(value) not in known:
            raise _Wrong("a field has no known type", type=type(value).__name__)
        return {"type": type(value).__name__, **known[type(value)](value)}

    return write_tagged


def _write_bytes(value: Any) -> str:
    if not isinstance(value, bytes):
        raise _Wrong("a field has the wrong type", expected="bytes")
    return base64.b64encode(value).decode("ascii")


def _enum_writer(hint: type[Enum]) -> _Turn:
    def write(value: Any) -> Any:
        if not isinstance(value, hint):
            raise _Wrong("a field has an unknown value", value=repr(value)[:64])
        return value.value

    return write


def _object_writer(kind: Any) -> _Turn:
    writers = {name: _writer(hint) for name, hint in _hints(kind).items()}

    def write(value: Any) -> Any:
        if not isinstance(value, kind):
            raise _Wrong("a field has the wrong type", expected=kind.__name__)
        return {name: _field(turn, getattr(value, name), name) for name, turn in writers.items()}

    return write


# ---- schemas ---------------------------------------------------------------------------------------------------------


def _schema(hint: Any) -> dict[str, Json]:
    if _is_union(hint):
        tagged = _needs_tag(hint)
        return {"anyOf": [_schema_tagged(part) if tagged else _schema(part) for part in get_args(hint)]}
    if hint is type(None):
        return {"type": "null"}
    if get_origin(hint) is tuple:
        return _schema_of_array(get_args(hint))
    if hint is bytes:
        return {"type": "string", "contentEncoding": "base64", "pattern": BASE64}
    if _is_enum(hint):
        return {"enum": [member.value for member in hint]}
    if dataclasses.is_dataclass(hint):
        return _schema_of_object(hint)
    return dict(_PLAIN[hint][1])


def _schema_of_object(kind: Any) -> dict[str, Json]:
    properties = {name: _schema(part) for name, part in _hints(kind).items()}
    return {"type": "object", "required": [*_required(kind)], "properties": properties}


def _schema_of_array(parts: tuple[Any, ...]) -> dict[str, Json]:
    if _is_list(parts):
        return {"type": "array", "items": _schema(parts[0])}
    count = len(parts)
    return {"type": "array", "prefixItems": [_schema(part) for part in parts], "minItems": count, "maxItems": count}


def _schema_tagged(kind: Any) -> dict[str, Json]:
    plain = _schema(kind)
    if not dataclasses.is_dataclass(kind):
        return plain
    properties = {"type": {"const": getattr(kind, "__name__", "")}, **plain["properties"]}
    return {**plain, "required": ["type", *plain["required"]], "properties": properties}
