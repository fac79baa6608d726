"""What can be set about where samples come from."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from biosignal.settings import Above, AtLeast


def _cache_dir() -> Path:
    systemd = os.environ.get("CACHE_DIRECTORY", "").split(":")[0]
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(systemd) if systemd else (Path(home) if home else Path.home() / ".cache") / "bedside"


def _data_dir() -> Path | None:
    data_dir = os.environ.get("EDGE_DATA_DIR")
    return Path(data_dir) if data_dir else None


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceSettings:
    """Where samples come from. `kind` is a key of `edge_agent.sources.KINDS`, or the name of a plug-in.

    `options` are texts ``name=value`` that the kind knows: for files ``lead`` and ``time_column``; plug-ins have
    their own.
    """

    kind: str = "replay"
    record: str = "excerpt"
    speed: Annotated[float, AtLeast(0)] = 1.0  # 0: as fast as possible
    passes: Annotated[int, AtLeast(0)] = 0  # 0: loop until stopped
    loop_speed: float | None = None  # of all passes but the first; absent: the same
    data_dir: Path | None = field(default_factory=_data_dir)
    cache_dir: Path = field(default_factory=_cache_dir)
    physionet_url: str = "https://physionet.org/files/"
    port: str = ""
    protocol: str = ""  # of a serial board: a key of `edge_agent.sources.decoders.KINDS`
    baud: Annotated[int, AtLeast(0)] = 0  # 0: the board's usual
    fs_hz: Annotated[float, AtLeast(0)] = 0.0  # 0: the board's nominal rate
    leads: tuple[str, ...] = ()  # channels of a board, by name or index; none: those that a monitor shows
    channels: int | None = None  # enabled inputs of a BITalino
    sensors: tuple[str, ...] = ()  # what hangs on the inputs of a BITalino, such as "ECG", "EDA"
    gain: float | None = None  # amplifier gain of a Cyton or Shimmer3, where it is not the usual one
    lead_name: str = "ECG"
    column: Annotated[int, AtLeast(0)] = 0
    mv_per_count: float | None = None
    zero_count: float = 0.0
    stall_s: Annotated[float, Above(0)] = 5.0
    block_s: Annotated[float, Above(0)] = 0.04
    options: tuple[str, ...] = ()
