"""A board of fixed frames: the reader finds them, one function turns them into samples."""

from collections.abc import Callable

from edge_agent.sources.decoders.framing import Framing
from edge_agent.sources.decoders.port import Bytes, Counters, Decoded, DecoderFacts, Samples, Values, merged
from edge_agent.sources.decoders.reader import FrameReader, Run


class FrameDecoder:
    """Decoder of a board whose frames each hold one sample of every channel.

    Parameters
    ----------
    facts : of the board.
    framing : its frame.
    samples : frames, shape (frame, size), to float32 of shape (channel, frame).
    stale : how many of the frames repeat the sample before, for boards that say so.
    """

    def __init__(
        self,
        facts: DecoderFacts,
        framing: Framing,
        samples: Callable[[Bytes], Values],
        *,
        stale: Callable[[Bytes], int] | None = None,
    ) -> None:
        self._facts = facts
        self._counters = Counters()
        self._reader = FrameReader(framing, facts.frame_hz, self._counters)
        self._samples = samples
        self._stale = stale

    @property
    def facts(self) -> DecoderFacts:
        """Of the board."""
        return self._facts

    @property
    def counters(self) -> Counters:
        """What came in so far."""
        return self._counters

    def feed(self, data: bytes, now_s: float | None = None) -> list[Decoded]:
        """Decode what `data` completes; see `Decoder`."""
        return merged(
            [self._decoded(item) if isinstance(item, Run) else item for item in self._reader.feed(data, now_s)]
        )

    def finish(self) -> list[Decoded]:
        """Decide about the bytes still held."""
        return merged([self._decoded(item) if isinstance(item, Run) else item for item in self._reader.finish()])

    def restart(self) -> None:
        """Forget the frame in progress: the port was closed."""
        self._reader.restart()

    def _decoded(self, run: Run) -> Decoded:
        if self._stale is not None:
            self._counters.stale += self._stale(run.frames)
        return Samples(start=run.start, samples=self._samples(run.frames))
