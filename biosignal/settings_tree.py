"""What a dataclass of settings declares: its sections, its values, their types and what they may be."""

import dataclasses
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, Union, get_args, get_origin, get_type_hints

_TYPE_NAMES = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false", "Path": "a path"}


class Check(Protocol):
    """What a value of the right type must be besides."""

    def refusal(self, value: Any, /) -> str | None:
        """Say why a value cannot be; None where it can."""


@dataclass(frozen=True, slots=True)
class Above:
    """More than `limit`."""

    limit: float

    def refusal(self, value: Any, /) -> str | None:
        """Say why a value cannot be."""
        return None if value > self.limit else f"must be above {self.limit:g}, and is {value}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """`limit` or more."""

    limit: float

    def refusal(self, value: Any, /) -> str | None:
        """Say why a value cannot be."""
        if value >= self.limit:
            return None
        return f"must {'not be negative' if self.limit == 0 else f'be {self.limit:g} or more'}, and is {value}"


@dataclass(frozen=True, slots=True)
class Within:
    """From `least` to `most`; `called` says what that is."""

    least: float
    most: float
    called: str = "a number"

    def refusal(self, value: Any, /) -> str | None:
        """Say why a value cannot be."""
        if self.least <= value <= self.most:
            return None
        return f"must be {self.called}, {self.least:g} to {self.most:.10g}, not {value}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these words."""

    words: tuple[str, ...]

    def refusal(self, value: Any, /) -> str | None:
        """Say why a value cannot be."""
        return None if value in self.words else f"must be one of {', '.join(self.words)}"


class _Secret:
    """Marks a value that is never shown."""


SECRET = _Secret()
"""A value that is never shown."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaf:
    """One setting. `item` is the type of the parts of a list; `optional`: it may be absent, which is written empty."""

    path: str
    kind: type
    item: type | None
    optional: bool
    checks: tuple[Check, ...]
    secret: bool

    @property
    def type_name(self) -> str:
        """What must be given, in words."""
        if self.kind is tuple:
            return f"a list of {'numbers' if self.item in (int, float) else 'texts'}"
        return _TYPE_NAMES.get(self.kind.__name__, self.kind.__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A mapping of values of one type; `names` are the names it may have, None: any."""

    item: Leaf
    names: tuple[str, ...] | None

    def below(self, name: str) -> Leaf | None:
        """Look up the value of a name."""
        if self.names is not None and name not in self.names:
            return None
        return dataclasses.replace(self.item, path=f"{self.item.path}.{name}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """Settings of one section. `kind` is their dataclass, None: they are a mapping of sections."""

    kind: type[Any] | None
    fields: "Mapping[str, Section | Table | Leaf]"

    def below(self, name: str) -> "Section | Table | Leaf | None":
        """Look up what has a name."""
        return self.fields.get(name)


def tree_of(
    kind: type[Any],
    *,
    sections: Mapping[str, Mapping[str, type[Any]]],
    names: Mapping[str, tuple[str, ...]],
    prefix: str = "",
) -> Section:
    """Read what a dataclass declares; see `biosignal.settings.Reader` for `sections` and `names`."""
    hints = get_type_hints(kind, include_extras=True)
    fields: dict[str, Section | Table | Leaf] = {}
    for entry in dataclasses.fields(kind):
        path = f"{prefix}{entry.name}"
        hint, marks = _without_marks(hints[entry.name])
        if path in sections:
            below = {
                name: tree_of(inside, sections=sections, names=names, prefix=f"{path}.{name}.")
                for name, inside in sections[path].items()
            }
            fields[entry.name] = Section(kind=None, fields=below)
        elif dataclasses.is_dataclass(hint) and isinstance(hint, type):
            fields[entry.name] = tree_of(hint, sections=sections, names=names, prefix=f"{path}.")
        elif get_origin(hint) is not None and issubclass(_origin(hint), Mapping):
            fields[entry.name] = Table(item=_leaf(path, get_args(hint)[1], ()), names=names.get(path))
        else:
            fields[entry.name] = _leaf(path, hint, marks)
    return Section(kind=kind, fields=fields)


def leaves(section: Section) -> Mapping[str, Leaf]:
    """Every setting by its path; of a mapping of values, those whose names are known."""
    return {leaf.path: leaf for leaf in _leaves(section)}


def _leaves(node: "Section | Table | Leaf") -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Table):
        yield from (leaf for name in node.names or () if (leaf := node.below(name)) is not None)
    else:
        for below in node.fields.values():
            yield from _leaves(below)


def _origin(hint: Any) -> type:
    origin = get_origin(hint)
    return origin if isinstance(origin, type) else object


def _without_marks(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    if get_origin(hint) is Annotated:
        plain, *marks = get_args(hint)
        inner, more = _without_marks(plain)
        return inner, (*more, *marks)
    return hint, ()


def _leaf(path: str, hint: Any, marks: tuple[Any, ...]) -> Leaf:
    optional, item = False, None
    if get_origin(hint) in (Union, types.UnionType):
        hint, more = _without_marks(next(part for part in get_args(hint) if part is not type(None)))
        optional, marks = True, (*marks, *more)
    if get_origin(hint) is tuple:
        hint, item = tuple, get_args(hint)[0]
    checks = tuple(mark for mark in marks if not isinstance(mark, _Secret))
    return Leaf(path=path, kind=hint, item=item, optional=optional, checks=checks, secret=SECRET in marks)
