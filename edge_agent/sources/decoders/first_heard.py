"""Several forms of one board, side by side until one of them is heard."""

from collections.abc import Sequence

from edge_agent.sources.decoders.port import Counters, Decoded, DecoderFacts, Samples
from edge_agent.sources.decoders.port import Decoder as AnyDecoder


class FirstHeard:
    """Feeds every candidate until one yields samples; from then on that one alone.

    Only for forms that cannot be taken for each other. `facts` are those of the first candidate until then.
    """

    def __init__(self, candidates: Sequence[AnyDecoder]) -> None:
        self._candidates = list(candidates)

    @property
    def facts(self) -> DecoderFacts:
        """Of the form heard."""
        return self._candidates[0].facts

    @property
    def counters(self) -> Counters:
        """Of the form heard."""
        return self._candidates[0].counters

    def feed(self, data: bytes, now_s: float | None = None) -> list[Decoded]:
        """Decode what `data` completes; see `Decoder`."""
        if len(self._candidates) == 1:
            return self._candidates[0].feed(data, now_s)
        return self._heard([candidate.feed(data, now_s) for candidate in self._candidates])

    def finish(self) -> list[Decoded]:
        """Decide about the bytes still held."""
        return self._heard([candidate.finish() for candidate in self._candidates])

    def restart(self) -> None:
        """Forget the frame in progress: the port was closed."""
        for candidate in self._candidates:
            candidate.restart()

    def _heard(self, decoded: list[list[Decoded]]) -> list[Decoded]:
        for candidate, items in zip(self._candidates, decoded, strict=True):
            if any(isinstance(item, Samples) for item in items):
                self._candidates = [candidate]
                return items
        return decoded[0]
