"""Settings out of a TOML text, environment variables and flags into frozen dataclasses: text in, values out.

Both programs read theirs with this. A tree of settings is a dataclass whose fields are values or further dataclasses,
each the settings class of the part that uses it. Sources, weakest first: the defaults of the fields, a TOML text, the
environment (``PREFIX_SECTION__KEY``), flags (``section.key``). What is not known is refused, with the place where it
stands and the nearest name; what can be is declared on the field::

    port: Annotated[int, Within(1, 65_535, "a port")] = 1883
    password: Annotated[str | None, SECRET] = None
"""

import dataclasses
import difflib
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Generic, TypeVar

from biosignal.errors import BadInput
from biosignal.settings_tree import (
    SECRET,
    Above,
    AtLeast,
    Leaf,
    OneOf,
    Section,
    Table,
    Within,
    leaves,
    tree_of,
)

__all__ = [
    "SECRET",
    "Above",
    "AtLeast",
    "OneOf",
    "Reader",
    "Renamed",
    "SettingsRefused",
    "Within",
    "shown",
]

T = TypeVar("T")
# Python 3.10 has no TOML parser of its own; tomli is the same code under another name.
_toml_parser: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
_YES_NO = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_MASK = "********"


class SettingsRefused(BadInput):
    """A setting is unknown, of the wrong type, or cannot be."""

    remedy = "correct the setting that the message names"


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A value as it was given, and where: file and line, variable or flag. `text` if its type must be read from it."""

    value: object
    where: str
    text: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Renamed:
    """Where a setting of an earlier version is now, and the value by which it said that it was not set."""

    now: tuple[str, ...]
    unset: float | None = None

    def is_unset(self, value: object) -> bool:
        """Whether a value said that the setting was not set."""
        try:
            return self.unset is not None and float(str(value)) == self.unset
        except ValueError:
            return False


@dataclass(frozen=True, kw_only=True)
class Reader(Generic[T]):
    """Reads one program's settings.

    Parameters
    ----------
    tree : the dataclass of all settings.
    prefix : of the environment variables, such as ``BEDSIDE_``.
    refused : the error that is raised.
    make : how a value of a class of its own is made from text, such as a path.
    sections : for a field that is a mapping of sections: the dataclass of each, by name.
    names : for a field that is a mapping of values: the names it may have; absent: any.
    renamed : what earlier versions called a setting; what is given under that name still counts.
    needs_section : variables without ``__`` are no settings.
    not_ours : prefixes of variables that belong to another program.
    separator : between the parts of a list in one variable.
    """

    tree: type[T]
    prefix: str
    refused: type[SettingsRefused] = SettingsRefused
    make: Mapping[type, Callable[[str], object]] = field(default_factory=dict)
    sections: Mapping[str, Mapping[str, type[Any]]] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    renamed: Mapping[str, Renamed] = field(default_factory=dict)
    needs_section: bool = False
    not_ours: tuple[str, ...] = ()
    separator: str = ":"

    def read(
        self,
        text: str | None = None,
        *,
        file: str = "",
        environment: Mapping[str, str] | None = None,
        flags: Mapping[str, object] | None = None,
        defaults: Mapping[str, object] | None = None,
        on_renamed: Callable[[str], None] = lambda _sentence: None,
    ) -> T:
        """Put the settings together; `text` is the content of `file`, `on_renamed` is given a sentence for people.

        `defaults` (``section.key``: value) go before those of the tree and behind everything that is given.

        Raises
        ------
        SettingsRefused : no TOML, unknown key, wrong type or value; names file and line, variable or flag.
        """
        root = self._root()
        given: dict[str, Given] = {}
        for source in (
            _from_flags(defaults or {}),
            self._from_text(text, file, root) if text is not None else {},
            self._from_environment(environment or {}, root),
            _from_flags(flags or {}),
        ):
            given |= self._under_new_names(source, on_renamed)
        values = {path: self._value(self._leaf(root, path, one), one) for path, one in given.items()}
        made: T = self._build(root, "", values, given)
        return made

    def parse_flag(self, text: str) -> tuple[str, object]:
        """Take ``section.key=value`` apart; the value is read by the type of the setting.

        Raises
        ------
        SettingsRefused : not of this form, no such setting, or no such value.
        """
        path, equals, value = text.partition("=")
        if not equals:
            raise self.refused("a setting on the command line reads section.key=value", given=text)
        path = path.strip()
        one = Given(value=value.strip(), where="--set", text=True)
        now = self.renamed[path].now[0] if path in self.renamed else path
        return path, self._value(self._leaf(self._root(), now, one), one)

    def keys(self) -> tuple[str, ...]:
        """Every ``section.key``, in the order of the tree."""
        return tuple(leaves(self._root()))

    # ---- where values come from ----------------------------------------------------------------------------------

    def _root(self) -> Section:
        return tree_of(self.tree, sections=self.sections, names=self.names)

    def _from_text(self, text: str, file: str, root: Section) -> dict[str, Given]:
        try:
            document = _toml_parser.loads(text)
        except _toml_parser.TOMLDecodeError as error:
            raise self.refused("the settings are not TOML", file=file, why=str(error)) from error
        return {
            path: Given(value=value, where=f"{file}:{_line_of(text, path)}")
            for path, value in _flattened(document, "", root)
        }

    def _from_environment(self, environment: Mapping[str, str], root: Section) -> dict[str, Given]:
        by_plain_name = {path.lower().replace("-", "_"): path for path in (*leaves(root), *self.renamed)}
        given = {}
        for variable, text in environment.items():
            name = variable.removeprefix(self.prefix)
            if name == variable or variable.startswith(self.not_ours) or (self.needs_section and "__" not in name):
                continue
            plain = name.lower().replace("__", ".")
            given[by_plain_name.get(plain, plain)] = Given(value=text, where=variable, text=True)
        return given

    def _under_new_names(self, given: Mapping[str, Given], on_renamed: Callable[[str], None]) -> dict[str, Given]:
        kept = {path: one for path, one in given.items() if path not in self.renamed}
        for path in [path for path in given if path in self.renamed]:
            one, renamed = given[path], self.renamed[path]
            on_renamed(f"{one.where}: {path} is now called {' and '.join(renamed.now)}")
            if not renamed.is_unset(one.value):
                kept |= {now: one for now in renamed.now if now not in kept}
        return kept

    # ---- what a value may be -------------------------------------------------------------------------------------

    def _leaf(self, root: Section, path: str, one: Given) -> Leaf:
        node: Section | Table | Leaf | None = root
        for name in path.split("."):
            node = node.below(name) if isinstance(node, Section | Table) else None
        if isinstance(node, Leaf):
            return node
        if node is not None:
            raise self.refused(f"{one.where}: {path} is a section of settings, not a setting")
        close = difflib.get_close_matches(path, (*leaves(root), *self.renamed), n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise self.refused(f"{one.where}: unknown setting {path!r}{hint}")

    def _value(self, leaf: Leaf, one: Given) -> object:
        if leaf.optional and one.value in (None, ""):
            return None
        value = self._from_words(leaf, one.value) if one.text and isinstance(one.value, str) else one.value
        made = self._typed(leaf.kind, leaf.item, value)
        if made is None:
            shown_value = "..." if leaf.secret else repr(one.value)
            raise self.refused(f"{one.where}: {leaf.path} must be {leaf.type_name}, not {shown_value}")
        for check in leaf.checks:
            if (why := check.refusal(made)) is not None:
                raise self.refused(f"{one.where}: {leaf.path} {why}")
        return made

    def _from_words(self, leaf: Leaf, text: str) -> object:
        if leaf.kind is tuple:
            parts = [part for part in text.split(self.separator) if part]
            return [_number(leaf.item, part) for part in parts]
        if leaf.kind is bool:
            return _YES_NO.get(text.lower(), text)
        return _number(leaf.kind, text)

    def _typed(self, kind: type, item: type | None, value: object) -> object | None:
        """The value as its setting has it; None where it is of another type."""
        if kind is tuple and item is not None and isinstance(value, list | tuple):
            parts = [self._typed(item, None, part) for part in value]
            return None if None in parts else tuple(parts)
        if kind in self.make and isinstance(value, str | kind) and str(value):
            try:
                return self.make[kind](str(value))
            except (RuntimeError, ValueError):  # the home of a user who does not exist
                return None
        if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        is_plain = kind in (str, int, bool) and isinstance(value, kind)
        return value if is_plain and (kind is bool or not isinstance(value, bool)) else None

    def _build(self, section: Section, prefix: str, values: Mapping[str, object], given: Mapping[str, Given]) -> Any:
        made: dict[str, object] = {}
        for name, node in section.fields.items():
            path = f"{prefix}{name}"
            if isinstance(node, Section):
                made[name] = self._build(node, f"{path}.", values, given)
            elif isinstance(node, Table):
                inside = {key: value for key, value in values.items() if key.startswith(f"{path}.")}
                if inside:
                    made[name] = {key.removeprefix(f"{path}."): value for key, value in inside.items()}
            elif path in values:
                made[name] = values[path]
        if section.kind is None:
            return made
        try:
            return section.kind(**made)
        except BadInput as error:
            where = _place(error, prefix, given)
            raise self.refused(f"{where}: {prefix.rstrip('.')}: {error}", remedy=error.advice) from error


def _from_flags(flags: Mapping[str, object]) -> dict[str, Given]:
    return {
        path: Given(value=value, where=f"flag for {path}", text=isinstance(value, str))
        for path, value in flags.items()
        if value is not None
    }


def _place(error: BadInput, prefix: str, given: Mapping[str, Given]) -> str:
    """Path of the setting that a section refused: one the error names, else the first that was given."""
    inside = {path: one.where for path, one in given.items() if path.startswith(prefix)}
    named = (where for path, where in inside.items() if path.removeprefix(prefix) in error.facts)
    return next(named, next(iter(inside.values()), "default"))


def _number(kind: type | None, text: str) -> object:
    try:
        return kind(text) if kind in (int, float) else text
    except ValueError:
        return text


def _flattened(table: Mapping[str, object], prefix: str, node: object) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        below = node.below(name) if isinstance(node, Section | Table) else None
        if not isinstance(value, dict) or isinstance(below, Leaf):
            yield f"{prefix}{name}", value
        elif value:
            yield from _flattened(value, f"{prefix}{name}.", below)
        elif below is None:
            yield f"{prefix}{name}", value


def _line_of(text: str, path: str) -> int:
    """Line of a key; the TOML parser does not give it. Good for tables and dotted keys, which is all we document."""
    section = ""
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].strip()
        if line.startswith("["):
            section = line.strip("[] ").replace('"', "").replace(" ", "")
            if section == path:
                return number
        elif "=" in line:
            key = line.split("=", 1)[0].strip().replace('"', "").replace(" ", "")
            full = f"{section}.{key}" if section else key
            if full == path or path.startswith(f"{full}."):
                return number
    return 1


def shown(settings: object) -> list[tuple[str, str]]:
    """Every setting as (``section.key``, TOML value), secrets masked, in the order of the tree."""
    return list(_rows(settings, ""))


def _rows(part: Any, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(part, Mapping):
        entries = [(str(name), value, False) for name, value in part.items()]
    else:
        known = tree_of(type(part), sections={}, names={}).fields
        entries = [
            (entry.name, getattr(part, entry.name), isinstance(leaf := known.get(entry.name), Leaf) and leaf.secret)
            for entry in dataclasses.fields(part)
            if entry.name in known
        ]
    # TOML wants a section's own keys before its sections.
    for name, value, is_secret in sorted(entries, key=lambda entry: _is_section(entry[1])):
        if _is_section(value):
            yield from _rows(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _toml(_MASK if is_secret and value else value)


def _is_section(value: object) -> bool:
    return dataclasses.is_dataclass(value) or isinstance(value, Mapping)


def _toml(value: object) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    if isinstance(value, int | float):
        return str(value)
    # JSON escapes all that TOML wants escaped, but for one character.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
