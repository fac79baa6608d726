"""Frames as the boards' documents and firmwares give them, and what they mean."""

from dataclasses import dataclass

import numpy as np

from edge_agent.sources.decoders.port import BoardSettings

INT24 = [1, -1, 8388607, -8388608, 100000, -100000, 0, 42]
CYTON_UV = [0.022352, -0.022352, 187500.0, -187500.022352, 2235.174446, -2235.174446, 0, 0.938773]
ADS_MV = -300 * 2.42e3 / 12 / (2**23 - 1) * 1024
SHIMMER_MV = [raw * 2420 / 4 / (2**23 - 1) for raw in (-100000, 100000, 1, -1)]
CHANNELS = "000001 FFFFFF 7FFFFF 800000 0186A0 FE7960 000000 00002A"
V3 = "0A FA 14 00 02 D4FE FA00 40E20100 C01DFEFF 420E 10 62 48 50 {} 00 00 0B"


@dataclass(frozen=True)
class Vector:
    protocol: str
    hex: str
    values: list
    settings: BoardSettings = BoardSettings()  # noqa: RUF009 - frozen

    @property
    def octets(self):
        return bytes.fromhex(self.hex)


VECTORS = [
    Vector("cyton", f"A0 05 {CHANNELS} 0200 FE00 2000 C0", CYTON_UV),
    Vector("cyton", f"A0 07 {CHANNELS} 0200 0001E240 C4", CYTON_UV),
    Vector("ads1292r", "0A FA 09 00 02 D4 FE FA 00 10 00 48 00 00 00 0B", [ADS_MV, 250, 16, 72]),
    Vector("healthypi3", V3.format("00"), [ADS_MV, 250, 123456, -123456, 36.5, 16, 98, 72]),
    Vector("healthypi4", V3.format("78"), [ADS_MV, 250, 123456, -123456, 36.5, 16, 98, 72]),
    Vector(
        "healthypi5",
        "0A FA 16 00 02 D4FEFFFF FA000000 00 40E20100 C01DFEFF 420E 62 48 10 00 0B",
        [-300, 250, 123456, -123456, 36.5, 98, 72, 16],
    ),
    Vector("olimex", "A5 5A 02 07 0200 0000 03FF 012C 012D 012E 01", [512, 0, 1023, 300, 301, 302]),
    Vector("shimmer3", "00 C0FFFF 80 FE7960 0186A0 80 000001 FFFFFF", SHIMMER_MV),
    *(
        Vector("bitalino", octets, [512, 1023, 1, 682, 33, 62][:count], BoardSettings(channels=count))
        for count, octets in enumerate(
            (
                "00 A8 9A",
                "FF 03 A8 A2",
                "40 00 FF 03 A8 B3",
                "A0 6A 00 FF 03 A8 CA",
                "40 A8 6A 00 FF 03 A8 D1",
                "7E A8 6A 00 FF 03 A8 EC",
            ),
            start=1,
        )
    ),
]
BITALINO_SIMULATED = "DF F7 DF 7F B5 E1 06 06 E1 E8 67 A7 D1 E3 16 1E E3 59 EF CA E5 E2 26 29"


def samples_for(protocol, count, seed=0):
    """Samples that survive the way onto the line and back, float32 of shape (channel, count)."""
    random = np.random.default_rng(seed)
    whole = lambda low, high, rows: random.integers(low, high, (rows, count))  # noqa: E731
    if protocol in ("cyton", "cyton-daisy"):
        return (whole(-(2**23), 2**23, 8 if protocol == "cyton" else 16) * (4.5e6 / 24 / (2**23 - 1))).astype("f4")
    if protocol == "shimmer3":
        return (whole(-(2**23), 2**23, 4) * (2420 / 4 / (2**23 - 1))).astype("f4")
    if protocol == "olimex":
        return whole(0, 1024, 6).astype("f4")
    if protocol == "bitalino":
        return np.concatenate([whole(0, 1024, 4), whole(0, 64, 2)]).astype("f4")
    if protocol == "text":
        return whole(0, 1024, 2).astype("f4")
    ecg = whole(-(2**15), 2**15, 1) * ((ADS_MV / -300) if protocol in ("ads1292r", "healthypi3", "healthypi4") else 1)
    return np.concatenate([ecg, whole(-(2**15), 2**15, 1)]).astype("f4")
