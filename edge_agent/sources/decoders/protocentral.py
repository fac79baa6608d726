"""ProtoCentral: ADS1292R shield, HealthyPi v2 to 5. One frame, no counter, a payload for each firmware.

``0A FA | length of payload, 2 bytes | type 02 | payload | 00 0B``, numbers little-endian.
Sources: the sketches and the Zephyr firmware of each board (protocentral-ads1292r-arduino, healthypi-v3, healthypi_v4,
healthypi5_zephyr, healthypi_5_firmware), their registers for the scale.
Departures: comments in those sources call the ECG gain 6; the register says 12. HealthyPi 5 does not say its units
for sure, and the older shield not at all: raw. Vitals (HR, SpO2, ...) are channels too, as numbers of the board.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biosignal.signal.blocks import Lead, LeadKind, Unit
from edge_agent.sources.decoders.first_heard import FirstHeard
from edge_agent.sources.decoders.frame_decoder import FrameDecoder
from edge_agent.sources.decoders.framing import Framing
from edge_agent.sources.decoders.port import DEFAULTS, BoardSettings, Bytes, DecoderFacts, Values

OVERHEAD = 7
HEAD = 5
# 24-bit code at gain 12 and 2.42 V, its top 16 bits, shifted right by 2 behind the board's filter: about 24.62 uV.
MV_PER_ADS1292R_COUNT = 2.42e3 / 12 / (2**23 - 1) * 256 * 4
IN2_OFF = 0x0C  # LOFF_STAT of the ADS1292R: IN2N, IN2P are the ECG channel's


KIND_OF_FIELD = {
    "ECG": LeadKind.ECG,
    "RESP": LeadKind.RESPIRATION,
    "BIOZ": LeadKind.RESPIRATION,
    "RED": LeadKind.PLETH,
    "IR": LeadKind.PLETH,
    "SPO2": LeadKind.OXYGEN,
    "TEMP": LeadKind.TEMPERATURE,
    "HR": LeadKind.OTHER,
    "RR": LeadKind.OTHER,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One number of the payload: channel name, offset, numpy type, scale into `unit`."""

    name: str
    at: int
    type: str
    scale: float = 1.0
    unit: Unit = Unit.RAW


@dataclass(frozen=True, kw_only=True, slots=True)
class Payload:
    """One firmware's payload of data.

    Parameters
    ----------
    constants : byte at offset, as the firmware writes it: for the encoder.
    leads_off : which payloads say that the ECG electrodes are off; then the first channel is NaN.
    """

    firmware: str
    length: int
    fs_hz: float
    fields: tuple[Field, ...]
    constants: tuple[tuple[int, int], ...] = ()
    leads_off: Callable[[Bytes], NDArray[np.bool_]] | None = None


_ADS_ECG = Field(name="ECG", at=0, type="<i2", scale=MV_PER_ADS1292R_COUNT, unit=Unit.MILLIVOLT)
_ADS = (_ADS_ECG, Field(name="RESP", at=2, type="<i2"))
_VITALS_20 = (
    Field(name="TEMP", at=12, type="<i2", scale=0.01),
    Field(name="RR", at=14, type="u1"),
    Field(name="SPO2", at=15, type="u1"),
    Field(name="HR", at=16, type="u1"),
)
_PPG_20 = (Field(name="IR", at=4, type="<i4"), Field(name="RED", at=8, type="<i4"))
_RAW_ECG = Field(name="ECG", at=0, type="<i4")

ADS1292R = Payload(
    firmware="ads1292r",
    length=9,
    fs_hz=125,
    fields=(*_ADS, Field(name="RR", at=4, type="<u2"), Field(name="HR", at=6, type="<u2")),
)
ADS1292R_OLD = Payload(
    firmware="ads1292r-15", length=8, fs_hz=125, fields=(_RAW_ECG, Field(name="RESP", at=4, type="<i4"))
)
HEALTHYPI2 = Payload(
    firmware="healthypi2",
    length=19,
    fs_hz=500,  # from the AFE4490's timer at 4 MHz; the ECG is 125 samples a second and repeats
    fields=(
        _RAW_ECG,
        Field(name="RESP", at=4, type="<i4"),
        Field(name="RED", at=8, type="<i4"),
        Field(name="IR", at=12, type="<i4"),
    ),
    constants=((16, 0x1C), (17, 120), (18, 80)),
)
HEALTHYPI3 = Payload(
    firmware="healthypi3",
    length=20,
    fs_hz=125,
    fields=(*_ADS, *_PPG_20, *_VITALS_20),
    constants=((17, 80),),
    leads_off=lambda payloads: (payloads[:, 19] & 1).astype(bool),
)
HEALTHYPI4 = Payload(
    firmware="healthypi4",
    length=20,
    fs_hz=125,
    fields=(*_ADS, *_PPG_20, *_VITALS_20),
    constants=((17, 80), (18, 120)),
    leads_off=lambda payloads: (payloads[:, 19] & IN2_OFF) != 0,
)
HEALTHYPI5 = Payload(
    firmware="healthypi5",
    length=22,
    fs_hz=128,
    fields=(
        _RAW_ECG,
        Field(name="BIOZ", at=4, type="<i4"),
        Field(name="RED", at=9, type="<i4"),
        Field(name="IR", at=13, type="<i4"),
        Field(name="TEMP", at=17, type="<i2", scale=0.01),
        Field(name="SPO2", at=19, type="u1"),
        Field(name="HR", at=20, type="u1"),
        Field(name="RR", at=21, type="u1"),
    ),
)
HEALTHYPI5_V1 = Payload(
    firmware="healthypi5-v1",
    length=20,
    fs_hz=128,
    fields=(
        _RAW_ECG,
        Field(name="BIOZ", at=4, type="<i4"),
        Field(name="IR", at=9, type="<i4"),
        Field(name="RED", at=13, type="<i4"),
        Field(name="TEMP", at=17, type="<i2", scale=0.01),
        Field(name="SPO2", at=19, type="u1"),
    ),
)
# The payloads that each protocol name may meet, the usual one first.
PAYLOADS: dict[str, tuple[Payload, ...]] = {
    "ads1292r": (ADS1292R, ADS1292R_OLD),
    "healthypi2": (HEALTHYPI2,),
    "healthypi3": (HEALTHYPI3,),
    "healthypi4": (HEALTHYPI4,),
    "healthypi5": (HEALTHYPI5, HEALTHYPI5_V1),
}


def framing(length: int) -> Framing:
    """The frame around a payload of `length` bytes. Seven fixed bytes: one good frame is believed."""
    head = np.asarray([0x0A, 0xFA, length & 255, length >> 8, 2], np.uint8)
    size = length + OVERHEAD

    def good(frames: Bytes) -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = frames[:, 0] == head[0]
        for at in range(1, HEAD):
            right &= frames[:, at] == head[at]
        right &= frames[:, size - 2] == 0
        right &= frames[:, size - 1] == 0x0B
        return right

    def fault(frame: Bytes) -> str:
        return "bad_footer" if (frame[:HEAD] == head).all() else "bad_header"

    return Framing(size=size, good=good, fault=fault)


def protocentral(protocol: str, settings: BoardSettings = DEFAULTS) -> FirstHeard:
    """Decoder of a ProtoCentral board; where firmwares differ in length, the first one heard decides."""
    return FirstHeard([_decoder(protocol, payload, settings) for payload in PAYLOADS[protocol]])


def _decoder(protocol: str, payload: Payload, settings: BoardSettings) -> FrameDecoder:
    fs_hz = settings.fs_hz or payload.fs_hz
    fields = tuple(_scaled(field, settings) for field in payload.fields)
    facts = DecoderFacts(
        protocol=protocol,
        fs_hz=fs_hz,
        channels=tuple(Lead(name=field.name, unit=field.unit, kind=KIND_OF_FIELD[field.name]) for field in fields),
        frame_hz=fs_hz,
        frame_bytes=payload.length + OVERHEAD,
    )
    zero = settings.zero_count if settings.mv_per_count is not None else 0.0

    def samples(frames: Bytes) -> Values:
        payloads = frames[:, HEAD : HEAD + payload.length]
        values = np.empty((len(fields), len(frames)), np.float32)
        for row, field in enumerate(fields):
            octets = np.ascontiguousarray(payloads[:, field.at : field.at + np.dtype(field.type).itemsize])
            number = octets.view(field.type)[:, 0].astype(np.float64)
            values[row] = (number - (zero if row == 0 else 0.0)) * field.scale
        if payload.leads_off is not None:
            values[0, payload.leads_off(payloads)] = np.nan
        return values

    return FrameDecoder(facts, framing(payload.length), samples)


def _scaled(field: Field, settings: BoardSettings) -> Field:
    if field.name != "ECG" or settings.mv_per_count is None:
        return field
    return Field(name=field.name, at=field.at, type=field.type, scale=settings.mv_per_count, unit=Unit.MILLIVOLT)


def len20_firmware(frames: Bytes) -> str:
    """Which firmware sends these frames of 27 bytes; "" where they do not say. Ask with 50 frames or more.

    Parameters
    ----------
    frames : good frames, uint8, shape (frame, 27).
    """
    payloads = frames[:, HEAD : HEAD + 20]
    if not len(payloads):
        return ""
    eighty = payloads[:, 17] == 80
    v4 = eighty & (payloads[:, 18] == 120)
    v3 = eighty & ~v4 & (payloads[:, 19] <= 3)
    v1 = ~v4 & ~v3 & ((payloads[:, 8] == 0) | (payloads[:, 8] == 0xFF))
    for firmware, votes in (("healthypi4", v4), ("healthypi3", v3), ("healthypi5-v1", v1)):
        if votes.mean() > 0.9:
            return firmware
    return ""


def encode(samples: Values, *, payload: Payload, first: int = 0) -> bytes:
    """Frames of one firmware.

    Parameters
    ----------
    samples : shape (channel, sample), rows and units as the decoder gives them; rows left out at the end are 0. NaN in
        the ECG is sent as the board sends leads off: 0, with its flag where it has one.
    first : index of the first sample; these boards count nothing.
    """
    del first
    values = np.asarray(samples, np.float64)
    count = values.shape[1]
    frames = np.zeros((count, payload.length + OVERHEAD), np.uint8)
    frames[:, :HEAD] = [0x0A, 0xFA, payload.length & 255, payload.length >> 8, 2]
    frames[:, -1] = 0x0B
    for at, constant in payload.constants:
        frames[:, HEAD + at] = constant
    for row, field in zip(values, payload.fields, strict=False):
        limits = np.iinfo(field.type)
        numbers = np.clip(np.rint(np.nan_to_num(row) / field.scale), limits.min, limits.max).astype(field.type)
        at = HEAD + field.at
        frames[:, at : at + numbers.itemsize] = numbers[:, None].view(np.uint8)
    if payload.leads_off is not None:
        flag = 1 if payload.firmware == "healthypi3" else IN2_OFF
        frames[np.isnan(values[0]), HEAD + 19] |= flag
    return frames.tobytes()
