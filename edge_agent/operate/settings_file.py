"""Settings read, checked and shown: TOML, below the environment, below flags. What is not known is refused."""

import dataclasses
import difflib
import math
import os
import sys
import types
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from biosignal.errors import BadInput
from biosignal.wire.topics import checked_name
from edge_agent.operate.settings import Settings

PREFIX = "BEDSIDE_"
# Python 3.10 has no TOML parser of its own; tomli is the same code under another name.
_toml_parser: Any = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
_NAMES = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    Path: "a path",
    tuple: "a list of texts",
}


class SettingsRefused(BadInput):
    """A setting is unknown, of the wrong type, or cannot be."""

    remedy = "correct the setting that the message names; `edge-agent check-config FILE` checks again"


def load_settings(
    file: Path | None = None, *, environment: Mapping[str, str] | None = None, flags: Mapping[str, object] | None = None
) -> Settings:
    """Settings from a TOML file, the environment (default: this process's) and flags (``section.key``: value).

    Raises
    ------
    SettingsRefused : unreadable file, unknown key, wrong type or value; names file and line, variable or flag.
    """
    given: dict[str, tuple[object, str]] = {}
    if file is not None:
        given.update(_from_file(file))
    for variable, text in (os.environ if environment is None else environment).items():
        if variable.startswith(PREFIX) and "__" in variable:
            path = variable.removeprefix(PREFIX).lower().replace("__", ".")
            given[path] = (_parsed(path, text, variable), variable)
    for path, value in (flags or {}).items():
        if value is not None:
            given[path] = (value, f"flag for {path}")
    values = {path: _checked(path, value, where) for path, (value, where) in given.items()}
    settings: Settings = _build(Settings, "", values)
    _check_values(settings, {path: where for path, (_, where) in given.items()})
    return settings


def parse_flag(text: str) -> tuple[str, object]:
    """Take ``section.key=value`` apart.

    Raises
    ------
    SettingsRefused : not of this form, or no such setting.
    """
    path, equals, value = text.partition("=")
    if not equals:
        raise SettingsRefused("a setting on the command line reads section.key=value", given=text)
    return path.strip(), _parsed(path.strip(), value.strip(), "--set")


def shown(settings: Settings) -> list[tuple[str, str]]:
    """Every setting as (``section.key``, text), secrets masked, in the order of the tree."""
    return list(_shown(settings, ""))


def keys() -> dict[str, Any]:
    """Every ``section.key`` with its type."""
    return dict(_leaves())


@cache
def _leaves() -> Mapping[str, Any]:
    return types.MappingProxyType(_leaves_of(Settings, ""))


def _leaves_of(kind: Any, prefix: str) -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for name, hint in get_type_hints(kind).items():
        if dataclasses.is_dataclass(hint):
            leaves.update(_leaves_of(hint, f"{prefix}{name}."))
        else:
            leaves[f"{prefix}{name}"] = hint
    return leaves


def _from_file(file: Path) -> dict[str, tuple[object, str]]:
    try:
        text = file.read_text(encoding="utf-8")
        document = _toml_parser.loads(text)
    except OSError as error:
        raise SettingsRefused("cannot read the settings", file=str(file), why=error.strerror) from error
    except (_toml_parser.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsRefused("the settings are not TOML", file=str(file), why=str(error)) from error
    flat: dict[str, tuple[object, str]] = {}
    for path, value in _flattened(document, ""):
        flat[path] = (value, f"{file}:{_line_of(text, path)}")
    return flat


def _flattened(table: Mapping[str, object], prefix: str) -> list[tuple[str, object]]:
    flat: list[tuple[str, object]] = []
    for name, value in table.items():
        path = f"{prefix}{name}"
        is_table = isinstance(value, dict) and path not in _leaves()
        flat += _flattened(value, f"{path}.") if isinstance(value, dict) and value and is_table else [(path, value)]
    return [(path, value) for path, value in flat if not (value == {} and _is_section(path))]


def _is_section(path: str) -> bool:
    return any(known.startswith(f"{path}.") for known in _leaves())


def _line_of(text: str, path: str) -> int:
    """Line of a key; the TOML parser does not tell. Good for tables and dotted keys, which is all we document."""
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


def _known(path: str, where: str) -> Any:
    hint = _leaves().get(path)
    if hint is None:
        close = difflib.get_close_matches(path, _leaves(), n=1, cutoff=0.5)
        raise SettingsRefused(
            f"{where}: unknown setting {path!r}" + (f"; did you mean {close[0]!r}?" if close else ""),
        )
    return hint


def _plain_type(hint: Any) -> tuple[type, bool]:
    """The type itself, and whether it may be absent."""
    if get_origin(hint) is tuple:
        return tuple, False
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [part for part in get_args(hint) if part is not type(None)]
        return kinds[0], True
    return hint, False


def _parsed(path: str, text: str, where: str) -> object:
    """Read a value from text, by the type of its setting."""
    kind, _ = _plain_type(_known(path, where))
    if kind is tuple:
        return [part for part in text.split(os.pathsep) if part]
    if kind is bool and text.lower() in ("true", "false", "1", "0", "yes", "no"):
        return text.lower() in ("true", "1", "yes")
    try:
        if kind in (int, float):
            return kind(text)
    except ValueError:
        pass
    return text


def _checked(path: str, value: object, where: str) -> object:
    kind, optional = _plain_type(_known(path, where))
    if optional and value in (None, ""):
        return None
    if kind is tuple and isinstance(value, list | tuple) and all(isinstance(part, str) for part in value):
        return tuple(value)
    if kind is Path and isinstance(value, str | Path) and str(value):
        return Path(value).expanduser()
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    if isinstance(value, kind) and kind is not float and (kind is bool or not isinstance(value, bool)):
        return value
    shown_value = "..." if _is_secret(path) else repr(value)
    raise SettingsRefused(f"{where}: {path} must be {_NAMES[kind]}, not {shown_value}")


def _is_secret(path: str) -> bool:
    kind: Any = Settings
    *sections, name = path.split(".")
    for section in sections:
        kind = get_type_hints(kind)[section]
    return any(part.name == name and part.metadata.get("secret", False) for part in dataclasses.fields(kind))


def _build(kind: Any, prefix: str, values: Mapping[str, object]) -> Any:
    made: dict[str, object] = {}
    for name, hint in get_type_hints(kind).items():
        path = f"{prefix}{name}"
        if dataclasses.is_dataclass(hint):
            made[name] = _build(hint, f"{path}.", values)
        elif path in values:
            made[name] = values[path]
    return kind(**made)


def _shown(part: Any, prefix: str) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for entry in dataclasses.fields(part):
        value = getattr(part, entry.name)
        path = f"{prefix}{entry.name}"
        if dataclasses.is_dataclass(value):
            rows += _shown(value, f"{path}.")
        elif entry.metadata.get("secret") and value:
            rows.append((path, _toml("********")))
        else:
            rows.append((path, _toml(value)))
    return rows


def _toml(value: object) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return (
        str(value)
        if isinstance(value, int | float)
        else '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
    )


def _check_values(settings: Settings, where: Mapping[str, str]) -> None:
    """Refuse values of the right type that cannot be."""

    def refuse(path: str, why: str) -> None:
        raise SettingsRefused(f"{where.get(path, 'default')}: {path} {why}")

    _check_name("device.name", settings.device.name, where)
    _check_name("device.site", settings.device.site, where)
    for path, port, least in (
        ("sync.port", settings.sync.port, 1),
        ("operate.metrics_port", settings.operate.metrics_port, 0),
    ):
        if not least <= port <= 65_535:
            refuse(path, f"must be a port, {least} to 65535, not {port}")
    for path in _NOT_NEGATIVE:
        if _value(settings, path) < 0:
            refuse(path, f"must not be negative, and is {_value(settings, path)}")
    for path in _POSITIVE:
        if not _value(settings, path) > 0:
            refuse(path, f"must be above 0, and is {_value(settings, path)}")
    if settings.analysis.mains_hz not in (0.0, 50.0, 60.0):
        refuse("analysis.mains_hz", "must be 50, 60, or 0 for none")
    if settings.operate.log_level not in LOG_LEVELS:
        refuse("operate.log_level", f"must be one of {', '.join(LOG_LEVELS)}")
    if bool(settings.sync.client_cert) != bool(settings.sync.client_key):
        refuse("sync.client_cert", "and sync.client_key go together")


def _check_name(path: str, name: str, where: Mapping[str, str]) -> None:
    try:
        checked_name(name, path)
    except BadInput as error:
        raise SettingsRefused(f"{where.get(path, 'default')}: {error}", remedy=error.advice) from error


LOG_LEVELS = ("debug", "info", "warning", "error")
_NOT_NEGATIVE = (
    "source.speed",
    "source.passes",
    "source.baud",
    "source.fs_hz",
    "source.baud",
    "source.column",
    "inference.cross_check_every",
    "store.free_reserve_mb",
)
_POSITIVE = (
    "source.stall_s",
    "source.block_s",
    "analysis.queue_s",
    "inference.tensorrt.max_batch",
    "inference.tensorrt.build_timeout_s",
    "inference.tensorrt.start_timeout_s",
    "inference.tensorrt.infer_timeout_s",
    "inference.tensorrt.wait_s",
    "explain.deadline_s",
    "explain.memory_mb",
    "store.waveform_budget_mb",
    "store.commit_s",
    "sync.resend_s",
    "sync.longest_retry_s",
    "operate.status_s",
    "operate.stop_s",
)


def _value(settings: Settings, path: str) -> Any:
    value: Any = settings
    for name in path.split("."):
        value = getattr(value, name)
    return value
