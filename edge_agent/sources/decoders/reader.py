"""Frames out of a stream of bytes: lock, runs of good frames at once, search byte by byte behind damage, losses."""

from dataclasses import dataclass

import numpy as np

from edge_agent.sources.decoders.framing import Framing, bridges, chains
from edge_agent.sources.decoders.gaps import Evidence, Verdict, decide_loss, whole_turns
from edge_agent.sources.decoders.port import Bytes, Counters, Loss
from edge_agent.sources.decoders.sample_clock import SampleClock

SLICE_BYTES = 1 << 16  # of one feed, looked at together: bounds what is held
FIRST_SEARCH, LONGEST_SEARCH = 256, 4096  # offsets looked at at once
FIRST_RUN, LONGEST_RUN = 32, 2048  # frames checked at once: small behind damage, larger while all is well
REMEMBERED = 32  # frames a copy sent twice is looked for in


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Run:
    """Good frames in a row: index of the first, and their bytes of shape (frame, size)."""

    start: int
    frames: Bytes


class FrameReader:
    """Splits bytes into runs of good frames and losses.

    Parameters
    ----------
    framing : the board's frame.
    frame_hz : frames a second; 0 where unknown, then elapsed time is not used.
    """

    def __init__(self, framing: Framing, frame_hz: float, counters: Counters) -> None:
        self._framing = framing
        self._frame_hz = frame_hz
        self.counters = counters
        self._clock = SampleClock(frame_hz)
        self._buffer = b""
        self._view: Bytes = np.zeros(0, np.uint8)
        self._at = 0
        self._later = 0
        self._now_s: float | None = None
        self._final = False
        self._locked = self._ever = self._seam = self._rejoin = False
        self._since_lock = 0
        self._length, self._search_length = FIRST_RUN, FIRST_SEARCH
        self._previous: int | None = None
        self._recent: Bytes = np.zeros((0, framing.size), np.uint8)
        self.index = 0
        self._found: list[Run | Loss] = []

    def feed(self, data: bytes, now_s: float | None) -> list[Run | Loss]:
        """Runs and losses that `data` completes."""
        self.counters.bytes_in += len(data)
        self._now_s, self._seam = now_s, now_s is not None
        before = self.index
        for start in range(0, len(data), SLICE_BYTES):
            piece = data[start : start + SLICE_BYTES]
            self._later = len(data) - start - len(piece)
            self._take_in(piece)
        whole_held = len(self._buffer) >= self._framing.size
        if now_s is not None and self._locked and self.index > before and not whole_held:
            # Not while a frame is held whose place is still open: it may lie behind a loss.
            self._clock.note(now_s, self.index + len(self._buffer) / self._framing.size)
        found, self._found = self._found, []
        return found

    def finish(self) -> list[Run | Loss]:
        """Decide about the bytes still held."""
        self._final, self._later, self._now_s = True, 0, None
        self._take_in(b"")
        self.counters.bytes_skipped += len(self._buffer)
        self._buffer = b""
        self._final = False
        found, self._found = self._found, []
        return found

    def restart(self) -> None:
        """Forget the bytes held; the counter may begin anew."""
        self.counters.bytes_skipped += len(self._buffer)
        self._buffer = b""
        self._locked = False
        self._rejoin = self._ever
        self._since_lock = self._framing.near_bytes

    def _take_in(self, piece: bytes) -> None:
        self._buffer += piece
        self._view = np.frombuffer(self._buffer, np.uint8)
        self._at = 0
        while self._run() if self._locked else self._search():
            pass
        self._buffer = self._buffer[self._at :]

    @property
    def _left(self) -> int:
        return len(self._buffer) - self._at

    def _skip(self, count: int) -> None:
        self._at += count
        self._since_lock += count
        self.counters.bytes_skipped += count

    @property
    def _begins(self) -> bool:
        return not self._ever and not self.counters.bytes_skipped

    # In lock: runs of good frames.

    def _run(self) -> bool:
        size = self._framing.size
        count = min(self._left // size, self._length)
        if not count:
            return False
        frames = self._view[self._at : self._at + count * size].reshape(count, size)
        good = self._framing.good(frames)
        whole = count if good.all() else int(good.argmin())
        self._length = min(self._length * 4, LONGEST_RUN) if whole == count else FIRST_RUN
        if not whole:
            return self._stumble(frames[0])
        frames = frames[:whole]
        regular = self._regular(frames)
        if self._seam or self._rejoin:
            self._join(regular, whole)
        self._take(frames[:regular])
        if regular == whole:
            return True
        return self._irregular(frames[regular]) or regular > 0

    def _regular(self, frames: Bytes) -> int:
        """How many of the first frames count up one by one from the frame before."""
        sequence = self._framing.sequence
        if sequence is None:
            return len(frames)
        numbers = sequence.of(frames)
        first = int(numbers[0]) - sequence.step if self._previous is None or self._rejoin else self._previous
        before = np.empty_like(numbers)
        before[0], before[1:] = first, numbers[:-1]
        one = sequence.follows(numbers, before)
        return len(frames) if one.all() else int(one.argmin())

    def _stumble(self, frame: Bytes) -> bool:
        aside = self._framing.aside(self._view[self._at :]) if self._framing.aside else 0
        if aside < 0 and not self._final:
            return False
        if aside > 0:
            self._skip(aside)
            return True
        self._unlock(self._framing.fault(frame))
        return True

    def _unlock(self, fault: str) -> None:
        setattr(self.counters, fault, getattr(self.counters, fault) + 1)
        self._locked = False
        self._since_lock = 0
        self._length = FIRST_RUN
        self._skip(1)

    def _take(self, frames: Bytes) -> None:
        count = len(frames)
        if not count:
            return
        self._found.append(Run(start=self.index, frames=frames))
        if self._framing.sequence is not None:
            self._previous = int(self._framing.sequence.of(frames[-1:])[0])
            keep = min(REMEMBERED, max(self._framing.sequence.wrap // 2, 1))
            self._recent = (frames if count >= keep else np.concatenate([self._recent, frames]))[-keep:].copy()
        self._ever = True
        self.index += count
        self.counters.frames_ok += count
        self.counters.frame_bytes += count * self._framing.size
        self._at += count * self._framing.size

    # Losses.

    def _missing(self) -> tuple[float, float] | None:
        """Samples that time says are missing before the frame at hand, and how far off that may be."""
        if self._now_s is None:
            return None
        behind = (self._left + self._later) / self._framing.size
        missing = self._clock.missing(self._now_s, self.index + behind)
        return None if missing is None else (missing, self._clock.error(self._now_s))

    def _join(self, regular: int, whole: int) -> None:
        """At the first frame of a feed, or behind damage: what time says and the counter does not."""
        missing = self._missing()
        if self._rejoin:
            count = max(0, round(missing[0])) if missing else 0
            self._lose(Loss(at=self.index, count=count, certain=False))
            self._rejoin, self._previous = False, None
        elif missing is not None and regular == whole:
            sequence = self._framing.sequence
            turn = None if sequence is None else sequence.wrap
            loss = whole_turns(turn, missing=missing[0], error=missing[1], jitter=self._clock.jitter)
            if loss is not None:
                self._lose(Loss(at=self.index, count=loss.count, certain=loss.certain))
        self._seam = False

    def _lose(self, loss: Loss) -> None:
        self._found.append(loss)
        self.index += loss.count
        self.counters.lost += loss.count
        at_least = min(loss.count if loss.certain else loss.at_least, loss.count)
        self.counters.lost_by_counter += at_least
        self.counters.lost_by_time += loss.count - at_least
        self.counters.ambiguous += not loss.certain

    def _irregular(self, frame: Bytes) -> bool:
        """Decide about a good frame whose number is not the next one; the frame behind it is asked too."""
        sequence, size = self._framing.sequence, self._framing.size
        assert sequence is not None
        assert self._previous is not None
        if self._left < 2 * size and not self._final:
            return False
        number = sequence.of(frame[None])
        follower: int | None = None
        if self._left >= 2 * size:
            after = self._view[self._at + size : self._at + 2 * size][None]
            if self._framing.good(after)[0]:
                follower = int(sequence.of(after)[0])
        missing = self._missing()
        evidence = Evidence(
            previous=self._previous,
            number=int(number[0]),
            follower=follower,
            seen=bool((self._recent == frame).all(axis=1).any()),
            missing=missing[0] if missing else None,
            error=missing[1] if missing else 0.0,
            silence_s=self._clock.silence_s(self._now_s) if self._now_s is not None else 0.0,
        )
        verdict = decide_loss(sequence, evidence, frame_hz=self._frame_hz)
        self._act(verdict, frame)
        return True

    def _act(self, verdict: Verdict, frame: Bytes) -> None:
        size = self._framing.size
        if verdict.what == "torn":
            self._unlock("bad_counter")
        elif verdict.what == "copy":
            self.counters.duplicates += 1
            self.counters.frame_bytes += size
            self._at += size
        elif verdict.what == "damaged":
            assert self._framing.sequence is not None
            assert self._previous is not None
            self.counters.bad_counter += 1
            self._skip(size)
            self._lose(Loss(at=self.index, count=1, certain=True, at_least=1))
            self._previous = (self._previous + self._framing.sequence.step) % self._framing.sequence.modulus
        else:
            self.counters.restarts += verdict.what == "restart"
            self._lose(
                Loss(at=self.index, count=verdict.count, certain=verdict.certain, at_least=verdict.at_least),
            )
            self._seam = False
            self._take(frame[None])

    # Out of lock: byte by byte, many offsets at once.

    def _search(self) -> bool:
        size, left = self._framing.size, self._left
        offsets = min(left - size + 1, self._search_length)
        near = self._ever and self._since_lock < self._framing.near_bytes
        links = self._framing.relinks if near else self._framing.links
        if near:
            offsets = min(offsets, self._framing.near_bytes - self._since_lock)
        if offsets <= 0:
            return False
        # What `sliding_window_view` gives, without what it costs where the bytes are few.
        window: Bytes = np.ndarray((left - size + 1, size), np.uint8, self._buffer, self._at, (1, 1))
        chained = chains(self._framing, window, offsets, links, begins=self._begins)
        hit = int(chained.argmax()) if chained.any() else -1
        if near and self._previous is not None:
            alone, sure = bridges(self._framing, window, offsets if hit < 0 else hit, self._previous, final=self._final)
            if alone >= 0:
                self._skip(alone)
                if sure:
                    self._lock()
                return sure
        if hit < 0:
            self._search_length = min(self._search_length * 4, LONGEST_SEARCH)
            self._skip(offsets)
            return True
        have = min(links, (left - hit) // size)
        self._skip(hit)
        if have < links and not self._final:
            return False
        if have < links and not self._begins and (have < self._framing.last or not self._ever):
            self._skip(1)
            return True
        self._lock()
        return True

    def _lock(self) -> None:
        self._locked = True
        self._search_length = FIRST_SEARCH
        self.counters.resyncs += self._ever
        self._seam = self._now_s is not None
