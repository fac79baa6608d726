"""Integers of 24 bits, which numpy has no type for."""

import numpy as np
from numpy.typing import NDArray

from edge_agent.sources.decoders.port import Bytes


def int24_be(octets: Bytes) -> NDArray[np.int32]:
    """Signed big-endian integers: uint8 of shape (frame, 3 n) to int32 of shape (frame, n)."""
    frames, width = octets.shape
    wide = np.zeros((frames, width // 3, 4), np.uint8)
    wide[:, :, :3] = octets.reshape(frames, width // 3, 3)
    return wide.view(">i4")[:, :, 0].astype(np.int32) >> 8


def to_int24_be(values: NDArray[np.int32]) -> Bytes:
    """Signed big-endian bytes: int32 of shape (frame, n) to uint8 of shape (frame, 3 n); the top byte is cut."""
    octets = np.ascontiguousarray(values, ">i4").view(np.uint8).reshape(*values.shape, 4)
    return octets[:, :, 1:].reshape(len(values), -1)
