"""Events to JSON values and back, from their type hints alone; and the JSON Schema of each.

A union is written with ``"type": class name``; bytes as base64; enums by value; tuples as arrays.
Unknown fields are tolerated, missing ones refused.
"""

import base64
import dataclasses
import types
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from biosignal.errors import BadInput

T = TypeVar("T")
Json = Any  # JSON values nest without end; mypy has no name for them


def to_json(value: object) -> Json:
    """Turn an event, or a part of one, into JSON values."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, tuple):
        return [to_json(part) for part in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        hints = _hints(type(value))
        return {name: _tagged(getattr(value, name), hint) for name, hint in hints.items()}
    return value


def from_json(kind: type[T], value: Json) -> T:
    """Build a `kind` from JSON values.

    Raises
    ------
    BadInput : a field is missing or of another type.
    """
    return cast(T, _read(kind, value, kind.__name__))


def schema(kind: type[object], *, title: str) -> dict[str, Json]:
    """JSON Schema (2020-12) of a `kind`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **_schema(kind)}


@cache
def _hints(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _needs_tag(hint: Any) -> bool:
    return _is_union(hint) and sum(dataclasses.is_dataclass(part) for part in get_args(hint)) > 1


def _tagged(value: object, hint: Any) -> Json:
    written = to_json(value)
    return {"type": type(value).__name__, **written} if _needs_tag(hint) else written


_PLAIN: dict[Any, tuple[tuple[type, ...], str]] = {
    str: ((str,), "string"),
    int: ((int,), "integer"),
    float: ((int, float), "number"),
    bool: ((bool,), "boolean"),
}


def _read(hint: Any, value: Json, where: str) -> object:
    if _is_union(hint):
        return _read_union(hint, value, where)
    if get_origin(hint) is tuple:
        return _read_tuple(get_args(hint), value, where)
    if hint is bytes:
        return _read_bytes(value, where)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _read_enum(hint, value, where)
    if dataclasses.is_dataclass(hint):
        return _read_object(hint, value, where)
    accepted, name = _PLAIN[hint]
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise BadInput("a field has the wrong type", field=where, expected=name)
    return float(cast(float, value)) if hint is float else value


def _read_union(hint: Any, value: Json, where: str) -> object:
    parts = get_args(hint)
    if value is None and type(None) in parts:
        return None
    kinds = [part for part in parts if part is not type(None)]
    if len(kinds) == 1:
        return _read(kinds[0], value, where)
    tag = value.get("type") if isinstance(value, dict) else None
    for kind in kinds:
        if kind.__name__ == tag:
            return _read(kind, value, where)
    raise BadInput("a field has no known type", field=where, type=tag)


def _read_tuple(parts: tuple[Any, ...], value: Json, where: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise BadInput("a field must be an array", field=where)
    if len(parts) == 2 and parts[1] is Ellipsis:
        return tuple(_read(parts[0], part, f"{where}[{index}]") for index, part in enumerate(value))
    if len(value) != len(parts):
        raise BadInput("an array has the wrong length", field=where, expected=len(parts), got=len(value))
    return tuple(_read(hint, part, where) for hint, part in zip(parts, value, strict=True))


def _read_bytes(value: Json, where: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError) as error:
        raise BadInput("a field is not base64", field=where) from error


def _read_enum(hint: type[Enum], value: Json, where: str) -> Enum:
    try:
        return hint(value)
    except ValueError as error:
        raise BadInput("a field has an unknown value", field=where, value=value) from error


def _read_object(kind: Any, value: Json, where: str) -> object:
    if not isinstance(value, dict):
        raise BadInput("a field must be an object", field=where)
    missing = [name for name in _required(kind) if name not in value]
    if missing:
        raise BadInput("fields are missing", field=where, missing=missing)
    present = {name: hint for name, hint in _hints(kind).items() if name in value}
    return kind(**{name: _read(hint, value[name], f"{where}.{name}") for name, hint in present.items()})


def _required(kind: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(kind) if field.default is dataclasses.MISSING]


def _schema(hint: Any) -> dict[str, Json]:
    if _is_union(hint):
        tagged = _needs_tag(hint)
        return {"anyOf": [_schema_tagged(part) if tagged else _schema(part) for part in get_args(hint)]}
    if hint is type(None):
        return {"type": "null"}
    if get_origin(hint) is tuple:
        parts = get_args(hint)
        if len(parts) == 2 and parts[1] is Ellipsis:
            return {"type": "array", "items": _schema(parts[0])}
        count = len(parts)
        return {"type": "array", "prefixItems": [_schema(p) for p in parts], "minItems": count, "maxItems": count}
    if hint is bytes:
        return {"type": "string", "contentEncoding": "base64"}
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint]}
    if dataclasses.is_dataclass(hint):
        kind: Any = hint
        properties = {name: _schema(part) for name, part in _hints(kind).items()}
        return {"type": "object", "required": _required(kind), "properties": properties}
    return {"type": _PLAIN[hint][1]}


def _schema_tagged(kind: Any) -> dict[str, Json]:
    plain = _schema(kind)
    if not dataclasses.is_dataclass(kind):
        return plain
    properties = {"type": {"const": getattr(kind, "__name__", "")}, **plain["properties"]}
    return {**plain, "required": ["type", *plain["required"]], "properties": properties}
