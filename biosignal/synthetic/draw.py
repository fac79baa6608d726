"""Chance that depends on a seed and a name only: not on the order of asking, nor on how much is asked at once."""

import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
PAGE = 4096
"""White noise is drawn in pages of this many samples, counted from sample 0."""


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Make a generator of its own for what `names` say."""
    keys = [name if isinstance(name, int) else zlib.crc32(name.encode()) for name in names]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *keys])))


@lru_cache(maxsize=128)
def _page(seed: int, name: str, page: int) -> Array:
    # Pages before sample 0 exist, so that a filter may reach back; a key may not be negative.
    drawn = generator(seed, name, page + (1 << 31)).standard_normal(PAGE)
    drawn.setflags(write=False)
    return drawn


def white(seed: int, name: str, start: int, end: int) -> Array:
    """White noise of unit variance for samples [start, end)."""
    pages = range(start // PAGE, -(-end // PAGE))
    whole = np.concatenate([_page(seed, name, page) for page in pages]) if len(pages) else np.zeros(0)
    first = start - (start // PAGE) * PAGE
    return whole[first : first + end - start]


def filtered(seed: int, name: str, start: int, end: int, taps: Array) -> Array:
    """White noise through a filter of an odd number of `taps`, centred: no delay, and no start of its own."""
    reach = len(taps) // 2
    drawn = white(seed, name, start - reach, end + reach)
    if len(taps) < 64:
        return np.convolve(drawn, taps, "valid")
    size = 1 << (len(drawn) - 1).bit_length()
    product = np.fft.rfft(drawn, size) * np.fft.rfft(taps, size)
    whole: Array = np.fft.irfft(product, size)[2 * reach : len(drawn)]
    return whole


def band_taps(fs_hz: float, low_hz: float, high_hz: float, *, reach_s: float) -> Array:
    """Windowed-sinc band-pass of unit gain for white noise: what comes out has variance 1."""
    reach = max(2, round(reach_s * fs_hz))
    at = np.arange(-reach, reach + 1)
    high, low = min(high_hz, 0.49 * fs_hz) / fs_hz, low_hz / fs_hz
    taps = 2 * high * np.sinc(2 * high * at) - 2 * low * np.sinc(2 * low * at)
    taps *= 0.5 + 0.5 * np.cos(np.pi * at / (reach + 1))
    taps -= taps.mean() if low_hz > 0 else 0.0
    scaled: Array = taps / np.sqrt(np.sum(taps**2))
    return scaled
