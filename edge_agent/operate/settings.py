"""The settings tree: what can be set, its type, its default. Read by `edge_agent.operate.settings_file`.

Sources, weakest first: the defaults here, a TOML file, the environment (``BEDSIDE_SECTION__KEY``), flags.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path


def _state_dir() -> Path:
    systemd = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    home = os.environ.get("XDG_STATE_HOME")
    return Path(systemd) if systemd else (Path(home) if home else Path.home() / ".local" / "state") / "bedside"


def _cache_dir() -> Path:
    systemd = os.environ.get("CACHE_DIRECTORY", "").split(":")[0]
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(systemd) if systemd else (Path(home) if home else Path.home() / ".cache") / "bedside"


def _data_dir() -> Path | None:
    data_dir = os.environ.get("EDGE_DATA_DIR")
    return Path(data_dir) if data_dir else None


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceSettings:
    """Who the device is."""

    name: str = "bedside-1"  # stands in topics: letters, digits, `_ . -`
    site: str = "home"
    subject: str | None = None  # pseudonym; never a name
    state_dir: Path = field(default_factory=_state_dir)


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSettings:
    """Where samples come from. `kind` is a key of `edge_agent.sources.KINDS`, or the name of a plug-in.

    `options` are texts ``name=value`` that the kind knows: for files ``lead`` and ``time_column``; plug-ins have
    their own.
    """

    kind: str = "replay"
    record: str = "excerpt"
    speed: float = 1.0  # 0: as fast as possible
    passes: int = 0  # 0: loop until stopped
    loop_speed: float | None = None  # of all passes but the first; absent: the same
    data_dir: Path | None = field(default_factory=_data_dir)
    cache_dir: Path = field(default_factory=_cache_dir)
    physionet_url: str = "https://physionet.org/files/"
    port: str = ""
    protocol: str = ""  # of a serial board: a key of `edge_agent.sources.decoders.KINDS`
    baud: int = 0  # 0: the board's usual
    fs_hz: float = 0.0  # 0: the board's nominal rate
    leads: tuple[str, ...] = ()  # channels of a board, by name or index; none: those that a monitor shows
    channels: int | None = None  # enabled inputs of a BITalino
    sensors: tuple[str, ...] = ()  # what hangs on the inputs of a BITalino, such as "ECG", "EDA"
    gain: float | None = None  # amplifier gain of a Cyton or Shimmer3, where it is not the usual one
    lead_name: str = "ECG"
    column: int = 0
    mv_per_count: float | None = None
    zero_count: float = 0.0
    stall_s: float = 5.0
    block_s: float = 0.04
    options: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AnalysisSettings:
    """What is analysed. `lead` is a name or an index; absent, the first."""

    lead: str | None = None
    mains_hz: float = 0.0  # 50 or 60 switches a notch on; the detector and the classifier hold mains back anyway
    queue_s: float = 10.0  # signal held between reader and analysis before an overflow is counted as a gap


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorrtSettings:
    """The TensorRT rung. `python` is the interpreter that has tensorrt and pycuda (on JetPack, the system's)."""

    enabled: bool = True
    python: str = "/usr/bin/python3"
    python_path: tuple[str, ...] = ()
    cache_dir: Path | None = None  # absent: below device.state_dir
    max_batch: int = 8
    build_timeout_s: float = 600.0
    start_timeout_s: float = 60.0
    infer_timeout_s: float = 0.25
    wait_s: float = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class InferenceSettings:
    """Which model runs, and on what."""

    models_dir: Path | None = None  # absent: beside the package, or BEDSIDE_MODELS_DIR
    beats: str | None = None  # version of ecg-beats; absent: the newest
    cross_check_every: int = 50  # 0: never
    tensorrt: TensorrtSettings = field(default_factory=TensorrtSettings)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExplainSettings:
    """Texts. Without a language model the template text is all there is, and it is enough."""

    language_model: bool = True
    model_path: Path | None = None  # absent: what `make llm` installed
    deadline_s: float = 10.0
    memory_mb: int = 700


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreSettings:
    """What is kept on the device."""

    waveform_budget_mb: int = 2_000
    free_reserve_mb: int = 200
    commit_s: float = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncSettings:
    """The line to the clinic."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = 1883
    tls: bool = False
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    username: str | None = None
    password: str | None = field(default=None, metadata={"secret": True})
    resend_s: float = 10.0
    longest_retry_s: float = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdatesSettings:
    """Signed model updates. `root` is the trusted root that came with the device."""

    enabled: bool = True
    url: str | None = None
    root: Path | None = None
    ca_file: Path | None = None
    trial_windows: int = 100  # answered without one failure before a new model is kept


@dataclass(frozen=True, kw_only=True, slots=True)
class OperateSettings:
    """How the daemon is watched."""

    log_level: str = "info"
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 9464  # 0: the next free one
    status_s: float = 5.0
    stop_s: float = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings of the daemon."""

    device: DeviceSettings = field(default_factory=DeviceSettings)
    source: SourceSettings = field(default_factory=SourceSettings)
    analysis: AnalysisSettings = field(default_factory=AnalysisSettings)
    inference: InferenceSettings = field(default_factory=InferenceSettings)
    explain: ExplainSettings = field(default_factory=ExplainSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    sync: SyncSettings = field(default_factory=SyncSettings)
    updates: UpdatesSettings = field(default_factory=UpdatesSettings)
    operate: OperateSettings = field(default_factory=OperateSettings)
