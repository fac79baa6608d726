"""The settings tree of the daemon: the settings class of each part is a section. Read by `settings_file`.

Sources, weakest first: the defaults, a TOML file, the environment (``BEDSIDE_SECTION__KEY``), flags.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from biosignal.settings import Above, OneOf, Within
from biosignal.tasks import TASKS
from biosignal.wire.topics import checked_name
from edge_agent.explain.settings import ExplainSettings
from edge_agent.findings.sounder import SounderSettings
from edge_agent.inference.settings import InferenceSettings
from edge_agent.sources.settings import SourceSettings
from edge_agent.store.settings import StoreSettings
from edge_agent.sync.settings import SyncSettings
from edge_agent.updates.settings import UpdatesSettings

LOG_LEVELS = ("debug", "info", "warning", "error")


def _state_dir() -> Path:
    systemd = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    home = os.environ.get("XDG_STATE_HOME")
    return Path(systemd) if systemd else (Path(home) if home else Path.home() / ".local" / "state") / "bedside"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceSettings:
    """Who the device is."""

    name: str = "bedside-1"  # is part of topics: letters, digits, `_ . -`
    site: str = "home"
    subject: str | None = None  # pseudonym; never a name
    state_dir: Path = field(default_factory=_state_dir)

    def __post_init__(self) -> None:
        checked_name(self.name, "name")
        checked_name(self.site, "site")


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisSettings:
    """What is analysed. `lead` is the lead that goes before all others, by name or index; absent, by kind and order."""

    lead: str | None = None
    queue_s: Annotated[float, Above(0)] = 10.0  # signal that waits for the analysis before an overflow is a gap


@dataclass(frozen=True, kw_only=True, slots=True)
class OperateSettings:
    """How the daemon is watched.

    Parameters
    ----------
    status_s : seconds between two states of `status.json`. stop_s : how long a stop waits for receipts.
    end_when_hung : end with exit code 1 when what the monitoring rests on has hung for too long. For whoever runs the
        daemon without systemd and starts it again when it ends; systemd does both by itself.
    """

    log_level: Annotated[str, OneOf(LOG_LEVELS)] = "info"
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Within(0, 65_535, "a port")] = 9464  # 0: the next free one
    status_s: Annotated[float, Above(0)] = 5.0
    stop_s: Annotated[float, Above(0)] = 10.0
    end_when_hung: bool = False


def limits_of_tasks() -> Mapping[str, type[Any]]:
    """The class of limits of each task that has one."""
    return {name: task.limits for name, task in TASKS.items() if task.limits is not None}


def _default_limits() -> Mapping[str, Any]:
    return {name: limits() for name, limits in limits_of_tasks().items()}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings of the daemon. `limits` holds those of each task, an instance of the class that it declares."""

    device: DeviceSettings = field(default_factory=DeviceSettings)
    source: SourceSettings = field(default_factory=SourceSettings)
    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    limits: Mapping[str, Any] = field(default_factory=_default_limits)
    alarms: SounderSettings = field(default_factory=SounderSettings)
    inference: InferenceSettings = field(default_factory=InferenceSettings)
    explain: ExplainSettings = field(default_factory=ExplainSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    sync: SyncSettings = field(default_factory=SyncSettings)
    updates: UpdatesSettings = field(default_factory=UpdatesSettings)
    operate: OperateSettings = field(default_factory=OperateSettings)
