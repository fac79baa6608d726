"""Second-order sections, run by SciPy's compiled loop, without the two seconds that `scipy.signal` takes to import.

The loop sits in one extension file beside SciPy, which is loaded alone. Where that file is not in its place, does not
load, or does something else, the public function filters instead, with the same bits.
"""

from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

EXTENSION = "scipy.signal._sosfilt"


class Loop(Protocol):
    """The recursive loop as SciPy compiles it."""

    def __call__(self, sections: Array, x: Array, state: Array, /) -> None:
        """Filter `x`, shape (signal, sample), in place; `state`, shape (signal, section, 2), moves on in place."""


def compiled_loop() -> Loop | None:
    """Load SciPy's compiled loop alone; nothing if it is not where it is expected or does not load."""
    package = find_spec("scipy")
    places = None if package is None else package.submodule_search_locations
    found = PathFinder.find_spec(EXTENSION, [f"{place}/signal" for place in places or ()])
    if found is None or found.loader is None:
        return None
    try:
        module = module_from_spec(found)
        found.loader.exec_module(module)
        loop: Loop = module._sosfilt
        _prove(loop)
    except (ImportError, AttributeError, TypeError, ValueError, SystemError):
        return None
    return loop


def public_loop() -> Loop:
    """Give the same through `scipy.signal.sosfilt`, which costs the import of all of `scipy.signal`."""
    from scipy.signal import sosfilt

    def loop(sections: Array, x: Array, state: Array, /) -> None:
        if not x.size:
            return
        x[:], left = sosfilt(sections, x, axis=-1, zi=state.transpose(1, 0, 2))
        state[:] = left.transpose(1, 0, 2)

    return loop


def _prove(loop: Loop) -> None:
    """Check on numbers worked out by hand that the loop does what its name says: it is no public function."""
    x, state = np.array([[1.0, 0.0, 0.0]]), np.zeros((1, 1, 2))
    loop(np.array([[0.5, 0.25, 0.125, 1.0, -0.5, 0.25]]), x, state)
    if x.tolist() != [[0.5, 0.5, 0.25]] or state.tolist() != [[[0.0, -0.0625]]]:
        raise ValueError("the compiled loop does not filter as expected")


_loop: Loop = compiled_loop() or public_loop()


def run_sections(sections: Array, x: Array, state: Array) -> Array:
    """Filter the next samples, shape (sample,), sample by sample; `state`, shape (section, 2), moves on in place.

    Parameters
    ----------
    sections : float64, shape (section, 6), C-contiguous, rows ``b0 b1 b2 1 a1 a2``.
    state : float64, C-contiguous, of the transposed direct form II.
    """
    y = np.array(x, dtype=np.float64, order="C")
    _loop(sections, y[np.newaxis], state[np.newaxis])
    return y


def run_rows(sections: Array, x: Array, state: Array) -> Array:
    """Filter the next samples of several signals, shape (signal, sample), each with its own state.

    Parameters
    ----------
    state : float64, shape (signal, section, 2), C-contiguous; it moves on in place.
    """
    y = np.array(x, dtype=np.float64, order="C")
    _loop(sections, y, state)
    return y


def settled_state(sections: Array) -> Array:
    """Give the state, shape (section, 2), in which sections rest that have seen 1.0 for ever."""
    state = np.empty((len(sections), 2))
    level = 1.0
    for row, (b0, b1, b2, _, a1, a2) in zip(state, sections, strict=True):
        after = level * (b0 + b1 + b2) / (1.0 + a1 + a2)
        row[1] = b2 * level - a2 * after
        row[0] = b1 * level - a1 * after + row[1]
        level = after
    return state
