"""The daemon's settings from its file, the environment and flags."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from biosignal.settings import Reader, Renamed, SettingsRefused, shown
from biosignal.tasks.lookup import models, refitted
from edge_agent.operate.settings import Settings, limits_of_tasks

__all__ = ["Refused", "keys", "load_settings", "parse_flag", "shown"]

PREFIX = "BEDSIDE_"
UNIT_SETTINGS_DIR = Path("/etc/bedside")
UNIT_STATE_DIR = Path("/var/lib/bedside")


class Refused(SettingsRefused):
    """A setting of the daemon is unknown, of the wrong type, or cannot be."""

    remedy = "correct the setting that the message names; `edge-agent check-config FILE` checks again"


def load_settings(
    file: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, object] | None = None,
    on_renamed: Callable[[str], None] = lambda _sentence: None,
) -> Settings:
    """Settings from a TOML file, the environment (default: this process's) and flags (``section.key``: value).

    The state folder of a file in `UNIT_SETTINGS_DIR` is that of the installed unit, unless something else is set.
    `on_renamed` is given a sentence for each setting that has the name of an earlier version.

    Raises
    ------
    Refused : unreadable file, unknown key, wrong type or value; names file and line, variable or flag.
    """
    return _reader().read(
        _text_of(file) if file is not None else None,
        file=str(file),
        environment=os.environ if environment is None else environment,
        flags=flags,
        defaults=_of_the_unit(file),
        on_renamed=on_renamed,
    )


def _of_the_unit(file: Path | None) -> Mapping[str, object]:
    """Give what the installed unit adds to the settings: a verb run by hand looks where the running daemon writes.

    systemd names the state folder to the daemon alone, so that without this the same file means another folder here.
    """
    if file is None or os.environ.get("STATE_DIRECTORY") or file.resolve().parent != UNIT_SETTINGS_DIR:
        return {}
    return {"device.state_dir": str(UNIT_STATE_DIR)}


def parse_flag(text: str) -> tuple[str, object]:
    """Take ``section.key=value`` apart.

    Raises
    ------
    Refused : not of this form, or no such setting.
    """
    return _reader().parse_flag(text)


def keys() -> tuple[str, ...]:
    """Every ``section.key``."""
    return _reader().keys()


def _reader() -> Reader[Settings]:
    return Reader(
        tree=Settings,
        prefix=PREFIX,
        refused=Refused,
        make={Path: lambda text: Path(text).expanduser()},
        sections={"limits": limits_of_tasks()},
        names={"inference.versions": tuple(models())},
        renamed=_renamed(),
        # BEDSIDE_CONFIG and BEDSIDE_MODELS_DIR are no settings, and the clinic's service has variables of its own.
        needs_section=True,
        not_ours=("BEDSIDE_CLOUD_",),
        separator=os.pathsep,
    )


def _renamed() -> Mapping[str, Renamed]:
    """What version 1 called the settings that now belong to a task: there was one model, and one notch filter."""
    notched = (name for name, limits in limits_of_tasks().items() if "mains_hz" in limits.__dataclass_fields__)
    renamed = {
        "analysis.mains_hz": Renamed(now=tuple(f"limits.{name}.mains_hz" for name in notched), unset=0.0),
        "inference.beats": Renamed(now=tuple(f"inference.versions.{name}" for name in list(refitted())[:1])),
        "updates.trial_windows": Renamed(now=("updates.trial.windows",)),
    }
    return {before: renaming for before, renaming in renamed.items() if renaming.now}


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise Refused("cannot read the settings", file=str(file), why=error.strerror) from error
    except UnicodeDecodeError as error:
        raise Refused("the settings are not TOML", file=str(file), why=str(error)) from error
