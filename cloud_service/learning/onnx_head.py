"""The last layer of a model as numbers: `head.weight` and `head.bias` in its ONNX file."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from biosignal.model.bundle import Bundle
from cloud_service.learning.errors import RefitImpossible

NAMES = ("head.weight", "head.bias")


def last_layer(bundle: Bundle) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read weight and bias, float64, of whatever shape.

    Raises
    ------
    RefitImpossible : it has none, or they hold numbers that are not finite.
    """
    import onnx  # here, because the service must start without it: 40 MB for what a job needs once a day
    from onnx import numpy_helper

    tensors = {tensor.name: tensor for tensor in onnx.load_from_string(bundle.onnx).graph.initializer}
    try:
        weight, bias = (numpy_helper.to_array(tensors[name]).astype(np.float64) for name in NAMES)
    except KeyError as missing:
        raise RefitImpossible("the model has no head of its own", bundle=bundle.identity) from missing
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise RefitImpossible("the model's head holds numbers that are not finite", bundle=bundle.identity)
    return weight, bias


def with_last_layer(content: bytes, weight: NDArray[Any], bias: NDArray[Any]) -> bytes:
    """Put another last layer into the bytes of a model; the same numbers give the same bytes."""
    import onnx  # here for the same reason as above
    from onnx import numpy_helper

    model = onnx.load_from_string(content)
    for tensor in model.graph.initializer:
        if tensor.name in NAMES:
            value = weight if tensor.name == NAMES[0] else bias
            tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float32), tensor.name))
    made: bytes = model.SerializeToString(deterministic=True)
    return made
