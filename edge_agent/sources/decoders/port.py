"""What every decoder promises: bytes of a board in; samples, and losses where samples did not arrive, out."""

from dataclasses import asdict, dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import Lead, Unit

Bytes: TypeAlias = NDArray[np.uint8]
Values: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Samples:
    """Contiguous samples, set read-only.

    Parameters
    ----------
    start : index of the first sample, counted from the first one decoded; losses are counted in.
    samples : float32, shape (channel, sample), in the unit of each channel; NaN where the board says it is no sample.
    """

    start: int
    samples: Values

    def __post_init__(self) -> None:
        self.samples.setflags(write=False)

    @property
    def end(self) -> int:
        """Index one past the last sample."""
        return self.start + int(self.samples.shape[1])


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """Samples that did not arrive; the next one has index ``at + count``.

    Parameters
    ----------
    at : index of the first lost sample.
    count : how many: exact where `certain`, else the best estimate, which may be 0.
    certain : counter and elapsed time allow one count only.
    at_least : what the counter alone proves.
    """

    at: int
    count: int
    certain: bool
    at_least: int = 0


Decoded: TypeAlias = Samples | Loss


@dataclass(slots=True)
class Counters:
    """What came in, by kind; all only grow. `bytes_in` = `frame_bytes` + `bytes_skipped` + what is still held.

    `stale` frames repeat the sample before, by the board's own word; `malformed` and `leads_off` are lines of text, and
    so is `aside`, what is said between the samples.
    `lost` counts frames; it is `lost_by_counter` (a lower bound that is certain) plus `lost_by_time` (an estimate).
    """

    frames_ok: int = 0
    bad_header: int = 0
    bad_footer: int = 0
    bad_crc: int = 0
    bad_counter: int = 0
    bytes_skipped: int = 0
    lost: int = 0
    resyncs: int = 0
    bytes_in: int = 0
    frame_bytes: int = 0
    lost_by_counter: int = 0
    lost_by_time: int = 0
    ambiguous: int = 0
    duplicates: int = 0
    restarts: int = 0
    stale: int = 0
    malformed: int = 0
    leads_off: int = 0
    aside: int = 0

    def facts(self) -> dict[str, int]:
        """Each counter by name."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderFacts:
    """What is known of the board's stream.

    Parameters
    ----------
    protocol : name in `KINDS`.
    fs_hz : nominal samples per second and channel; 0 where neither the board nor the settings say it.
    channels : name and unit of each row of samples.
    frame_hz : frames per second on the line; 0 where unknown.
    frame_bytes : bytes of a frame on the line; 0 where it varies.
    notes : sentences for people about what else comes on the line and is not read.
    """

    protocol: str
    fs_hz: float
    channels: tuple[Lead, ...]
    frame_hz: float
    frame_bytes: int
    notes: tuple[str, ...] = ()

    @property
    def uncalibrated(self) -> tuple[str, ...]:
        """Names of the channels whose scale nobody knows."""
        return tuple(lead.name for lead in self.channels if lead.unit is Unit.RAW)


@dataclass(frozen=True, kw_only=True, slots=True)
class BoardSettings:
    """What a person may know about a board and its bytes do not say. Each board reads what concerns it.

    Parameters
    ----------
    fs_hz : rate, where the board's nominal one is not the true one or where it has none.
    channels : how many channels (BITalino, text); absent: as the bytes say.
    gain : amplifier gain (Cyton 24, Shimmer3 4).
    mv_per_count, zero_count : scale of a board whose own is unknown: millivolt = (count - zero_count) * mv_per_count.
    sensors : BITalino: what hangs on each enabled input, such as ``("ECG", "EDA")``.
    inquiry : Shimmer3: the inquiry response that lists channels and rate.
    crc_bytes, timestamp_bytes : Shimmer3: bytes of CRC behind each packet, and of its time (2 in old firmware).
    """

    fs_hz: float | None = None
    channels: int | None = None
    gain: float | None = None
    mv_per_count: float | None = None
    zero_count: float = 0.0
    sensors: tuple[str, ...] = ()
    inquiry: bytes = b""
    crc_bytes: int = 0
    timestamp_bytes: int = 3


DEFAULTS = BoardSettings()


class Decoder(Protocol):
    """Bytes in, samples and losses out, in order of their index.

    Law: however the bytes are cut, the joined output is the same (times apart). Never raises; holds a bounded number
    of bytes; looks again at every byte behind a failed check.
    """

    @property
    def facts(self) -> DecoderFacts:
        """What is known now; final once the first samples came."""

    @property
    def counters(self) -> Counters:
        """What came in so far."""

    def feed(self, data: bytes, now_s: float | None = None) -> list[Decoded]:
        """Decode what `data` completes.

        Parameters
        ----------
        data : bytes in the order they came.
        now_s : steady time at which the last of them arrived. Without it a short counter's wraps cannot be seen.
        """

    def finish(self) -> list[Decoded]:
        """No more bytes come: decide about those still held."""

    def restart(self) -> None:
        """The port was closed: forget the frame in progress. The index goes on behind a loss that only time shows."""


def merged(items: list[Decoded]) -> list[Decoded]:
    """Join neighbouring `Samples`; drop empty ones."""
    joined: list[Decoded] = []
    run: list[Samples] = []
    for item in items:
        if isinstance(item, Samples):
            if item.samples.shape[1]:
                run.append(item)
            continue
        _close(run, joined)
        joined.append(item)
    _close(run, joined)
    return joined


def _close(run: list[Samples], joined: list[Decoded]) -> None:
    if len(run) == 1:
        joined.append(run[0])
    elif run:
        samples = np.concatenate([part.samples for part in run], axis=1)
        joined.append(Samples(start=run[0].start, samples=samples))
    run.clear()
