"""What can be set about spindles and slow waves."""

from dataclasses import dataclass

from biosignal.errors import BadInput


@dataclass(frozen=True, kw_only=True, slots=True)
class SpindleLimits:
    """What makes a spindle and a slow wave.

    Where the root mean square of 11 to 16 Hz exceeds `edge_uv` and `edge_ratio` times its median over the last two
    minutes, for `shortest_s` to `longest_s`, and reaches `peak_uv` and `peak_ratio` times that median inside, a spindle
    is seen, if `sigma_share` of the power of 4.5 to 30 Hz lies there. A slow wave swings by `slow_uv` peak to peak.

    Raises
    ------
    BadInput : a limit is out of order.
    """

    edge_uv: float = 3.0
    edge_ratio: float = 2.0
    peak_uv: float = 5.0
    peak_ratio: float = 3.5
    sigma_share: float = 0.4
    shortest_s: float = 0.5
    longest_s: float = 3.0
    slow_uv: float = 75.0

    def __post_init__(self) -> None:
        if not (0 < self.edge_uv <= self.peak_uv and 1 <= self.edge_ratio <= self.peak_ratio):
            raise BadInput(
                "a spindle is higher inside than at its edges",
                edge_uv=self.edge_uv,
                peak_uv=self.peak_uv,
                edge_ratio=self.edge_ratio,
                peak_ratio=self.peak_ratio,
                remedy="give edges below peaks, voltages above 0, ratios from 1 on",
            )
        if not (0 < self.sigma_share < 1 and 0 < self.shortest_s < self.longest_s <= 10 and self.slow_uv > 0):
            raise BadInput(
                "no wave can be so",
                sigma_share=self.sigma_share,
                shortest_s=self.shortest_s,
                longest_s=self.longest_s,
                slow_uv=self.slow_uv,
                remedy="give a share between 0 and 1, lengths up to 10 s, a voltage above 0",
            )
