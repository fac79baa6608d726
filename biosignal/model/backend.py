"""What runs a model: tensors in, tensors out."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BedsideError
from biosignal.events import Rung


class BackendFailed(BedsideError):
    """The backend did not answer one window: it raised, hung, or its process died."""

    remedy = "the window is answered `Unavailable`; `edge-agent doctor` shows the rung and why"


class Backend(Protocol):
    """Runs one bundle. Names, shapes and roles of the tensors are in the bundle's manifest.

    The first axis of every tensor is the batch. State is an input and an output, never hidden.
    """

    @property
    def bundle(self) -> str:
        """``name/version`` of the bundle it serves."""

    @property
    def rung(self) -> Rung:
        """Which rung of the ladder this is."""

    def infer(self, inputs: Mapping[str, NDArray[np.float32]], /) -> Mapping[str, NDArray[np.float32]]:
        """Run once.

        Raises
        ------
        BackendFailed : this window has no answer.
        """

    def close(self) -> None:
        """Give back what it holds; safe to call twice."""
