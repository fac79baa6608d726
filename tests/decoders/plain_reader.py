"""The reader's rules one byte at a time, on bytes that are all there: what the fast reader must equal."""

import itertools

import numpy as np

from edge_agent.sources.decoders.gaps import Evidence, decide_loss


class PlainReader:
    def __init__(self, framing):
        self.framing = framing
        self.frames, self.losses, self.skipped = [], [], 0
        self.index, self.previous, self.recent = 0, None, []

    def read(self, octets):
        at, locked, ever, since = 0, False, False, 0
        size, sequence = self.framing.size, self.framing.sequence
        while at + size <= len(octets):
            frame = octets[at : at + size]
            if not locked:
                near = ever and since < self.framing.near_bytes
                links = self.framing.relinks if near else self.framing.links
                begins = not ever and not self.skipped
                if self._chained(octets, at, links, begins=begins, ever=ever) or (near and self._bridged(octets, at)):
                    locked = True
                else:
                    at, since = at + 1, since + 1
                    self.skipped += 1
                continue
            if not self._good(frame):
                aside = self.framing.aside(np.frombuffer(octets[at:], np.uint8)) if self.framing.aside else 0
                if aside > 0:
                    at += aside
                    since += aside
                    self.skipped += aside
                else:
                    at, locked, since = at + 1, False, 1
                    self.skipped += 1
                continue
            if sequence is None or self.previous is None or self._steps(self._number(frame), self.previous) == 1:
                self._take(frame)
                at, ever = at + size, True
                continue
            after = octets[at + size : at + 2 * size]
            follower = self._number(after) if len(after) == size and self._good(after) else None
            verdict = decide_loss(
                sequence,
                Evidence(
                    previous=self.previous,
                    number=self._number(frame),
                    follower=follower,
                    seen=frame in self.recent,
                    missing=None,
                    error=0.0,
                    silence_s=0.0,
                ),
                frame_hz=1.0,
            )
            if verdict.what == "torn":
                at, locked, since = at + 1, False, 1
                self.skipped += 1
                continue
            at += size
            if verdict.what == "damaged":
                self.skipped += size
                since += size
                self._lose(1)
                self.previous = (self.previous + sequence.step) % sequence.modulus
            elif verdict.what in ("loss", "restart"):
                self._lose(verdict.count)
                self._take(frame)
        self.skipped += len(octets) - at

    def _lose(self, count):
        self.losses.append((self.index, count))
        self.index += count

    def _take(self, frame):
        self.frames.append((self.index, frame))
        self.index += 1
        if self.framing.sequence is not None:
            self.previous = self._number(frame)
            keep = min(32, max(self.framing.sequence.wrap // 2, 1))
            self.recent = [*self.recent, frame][-keep:]

    def _good(self, frame):
        return bool(self.framing.good(np.frombuffer(frame, np.uint8)[None])[0])

    def _number(self, frame):
        return int(self.framing.sequence.of(np.frombuffer(frame, np.uint8)[None])[0])

    def _steps(self, number, before):
        return int(self.framing.sequence.steps(np.asarray([number]), np.asarray([before]))[0])

    def _bridged(self, octets, at):
        size, framing = self.framing.size, self.framing
        frame = octets[at : at + size]
        if not framing.bridge or not self._good(frame) or self.previous is None:
            return False
        if not 1 <= self._steps(self._number(frame), self.previous) <= framing.reach:
            return False
        behind = [octets[at + size + noise : at + 2 * size + noise] for noise in range(framing.bridge + 1)]
        return any(
            len(after) == size
            and self._good(after)
            and 1 <= self._steps(self._number(after), self._number(frame)) <= framing.reach
            for after in behind
        )

    def _chained(self, octets, at, links, *, begins, ever):
        size = self.framing.size
        frames = [octets[at + link * size : at + (link + 1) * size] for link in range(links)]
        whole = [frame for frame in frames if len(frame) == size]
        if not all(self._good(frame) for frame in whole):
            return False
        if len(whole) < links and not begins and (len(whole) < self.framing.last or not ever):
            return False
        if self.framing.sequence is None or (begins and self.framing.opens):
            return True
        pairs = itertools.pairwise(whole)
        return all(1 <= self._steps(self._number(b), self._number(a)) <= self.framing.reach for a, b in pairs)
