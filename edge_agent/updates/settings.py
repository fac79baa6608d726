"""What can be set about signed model updates."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from biosignal.errors import BadInput
from biosignal.settings import Above, AtLeast

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialSettings:
    """When a bundle has proven itself, and when it has failed.

    Parameters
    ----------
    windows : answered windows without one failure before a trial is committed.
    texts : texts without one failure before a trial of approved words is committed.
    bad_starts : starts in a row without a sign of health before the bundle is left for the one before.
    tries : failures of one bundle on this device before it is not tried again.
    interruptions : how often a download may be cut short by a restart before it is given up.
    alive_s : a process that ran this long has started well, even without a patient.
    retry_s : pauses between attempts while the clinic is unreachable, before jitter.
    reserve_bytes : space kept free for the engine plan.
    """

    windows: Annotated[int, AtLeast(1)] = 100
    texts: Annotated[int, AtLeast(1)] = 10
    bad_starts: Annotated[int, AtLeast(1)] = 3
    tries: Annotated[int, AtLeast(1)] = 2
    interruptions: Annotated[int, AtLeast(0)] = 3
    alive_s: Annotated[float, AtLeast(0)] = 60.0
    retry_s: tuple[float, ...] = (5.0, 20.0, 80.0, 320.0)
    reserve_bytes: Annotated[int, AtLeast(0)] = 64 * MIB


@dataclass(frozen=True, kw_only=True, slots=True)
class UpdatesSettings:
    """Where models come from and what a download may cost.

    Parameters
    ----------
    url : the clinic's repository, ``https://host/updates/``; absent: no updates.
    root : file of the root metadata that came with the device; absent: no updates.
    ca_file : certificates to trust for https; absent: the system's.
    timeout_s : longest silence on the line. download_s : longest whole request. fetch_s : longest fetch of a
        bundle with all signatures that it needs.
    max_bundle_bytes : largest bundle. reserve_bytes : space for its engine plan, kept free besides.

    Raises
    ------
    BadInput : `url` is no address of http or https.
    """

    enabled: bool = True
    url: str | None = None
    root: Path | None = None
    ca_file: Path | None = None
    timeout_s: Annotated[float, Above(0)] = 20.0
    download_s: Annotated[float, Above(0)] = 300.0
    fetch_s: Annotated[float, Above(0)] = 900.0
    max_bundle_bytes: Annotated[int, Above(0)] = 64 * MIB
    reserve_bytes: Annotated[int, AtLeast(0)] = 64 * MIB
    trial: TrialSettings = field(default_factory=TrialSettings)

    def __post_init__(self) -> None:
        if self.url is not None and not self.url.startswith(("https://", "http://")):
            raise BadInput("the update address must be http or https", url=self.url)
