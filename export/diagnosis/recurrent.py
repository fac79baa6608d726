"""Gated recurrent units that read a piece from both ends (after Cho 2014, doi:10.3115/v1/D14-1179)."""

from torch import Tensor, nn

from export.diagnosis.network import Reader, Stem

BEFORE = 64
HIDDEN = 80
LAYERS = 2
DROPOUT = 0.1


class Recurrent(Reader):
    """A stem, and two layers of units that read what it makes forwards and backwards."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.stem = Stem(BEFORE, BEFORE)
        self.units = nn.GRU(BEFORE, HIDDEN, LAYERS, bidirectional=True, dropout=DROPOUT)
        self.ends(2 * HIDDEN, outputs)

    def features(self, shown: Tensor) -> Tensor:
        """Shape (piece, 16, sample) to (piece, 2 * `HIDDEN`, `MOMENTS`)."""
        states, _ = self.units(self.stem(shown).permute(2, 0, 1))
        return states.permute(1, 2, 0)
