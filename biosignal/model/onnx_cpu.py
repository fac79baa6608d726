"""ONNX Runtime on bytes: one thread, no spinning, the CPU and nothing else."""

from collections.abc import Mapping

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from biosignal.events import Rung
from biosignal.model.backend import BackendFailed
from biosignal.model.bundle import Bundle, TensorSpec


class OnnxCpuBackend:
    """Runs a bundle's `model.onnx` on one CPU thread; the same inputs give the same bits on one machine.

    Raises
    ------
    BackendFailed : ONNX Runtime refuses the model, or its tensors are not those of the manifest.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._manifest = bundle.manifest
        self._inputs = {spec.name: spec for spec in bundle.manifest.inputs}
        self._outputs = {spec.name: spec for spec in bundle.manifest.outputs}
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.add_session_config_entry("session.inter_op.allow_spinning", "0")
        options.use_deterministic_compute = True
        # The arena keeps what the largest batch took, that of the golden vectors, for good; answers are as quick.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(bundle.onnx, options, providers=["CPUExecutionProvider"])
        except Exception as refused:  # border to C++, which raises classes of its own
            raise BackendFailed(
                "ONNX Runtime refuses the model", bundle=bundle.identity, reason=str(refused)[:300]
            ) from refused
        self._check_nodes("input", self._session.get_inputs(), self._inputs)
        self._check_nodes("output", self._session.get_outputs(), self._outputs)
        self._output_names = list(self._outputs)
        self._closed = False

    @property
    def bundle(self) -> str:
        """``name/version`` of the bundle it serves."""
        return self._manifest.identity

    @property
    def rung(self) -> Rung:
        """`Rung.ONNX_CPU`."""
        return Rung.ONNX_CPU

    def infer(self, inputs: Mapping[str, NDArray[np.float32]], /) -> Mapping[str, NDArray[np.float32]]:
        """Run once; every tensor float32 with the batch as its first axis.

        Raises
        ------
        BackendFailed : an input is not of its shape, the run failed, or an output is not finite.
        """
        if self._closed:
            raise BackendFailed("the backend is closed", bundle=self.bundle)
        self._check_inputs(inputs)
        try:
            values = self._session.run(self._output_names, dict(inputs))
        except Exception as failed:  # border to C++, which raises classes of its own
            raise BackendFailed("ONNX Runtime failed", bundle=self.bundle, reason=str(failed)[:300]) from failed
        outputs = dict(zip(self._outputs, values, strict=True))
        for name, value in outputs.items():
            if not np.isfinite(value).all():
                raise BackendFailed("an output is not finite", bundle=self.bundle, output=name)
        return outputs

    def close(self) -> None:
        """Forget the session; safe to call twice."""
        self._closed = True

    def _check_inputs(self, inputs: Mapping[str, NDArray[np.float32]]) -> None:
        if set(inputs) != set(self._inputs):
            raise BackendFailed("the inputs have other names", got=sorted(inputs), wants=sorted(self._inputs))
        batches = {value.shape[:1] for value in inputs.values()}
        for name, value in inputs.items():
            shape = self._inputs[name].shape
            if (
                value.dtype != np.float32
                or value.ndim != len(shape) + 1
                or value.shape[1:] != shape
                or len(batches) != 1
            ):
                raise BackendFailed(
                    "an input has another shape", input=name, shape=value.shape, dtype=str(value.dtype), wants=shape
                )

    def _check_nodes(self, side: str, nodes: list[ort.NodeArg], specs: Mapping[str, TensorSpec]) -> None:
        found = {node.name: node for node in nodes}
        if set(found) != set(specs):
            raise BackendFailed(f"the model's {side}s have other names", got=sorted(found), wants=sorted(specs))
        for name, spec in specs.items():
            shape, kind = tuple(found[name].shape), found[name].type
            fixed = all(
                isinstance(got, str) or got is None or got == want
                for got, want in zip(shape[1:], spec.shape, strict=False)
            )
            dynamic = bool(shape) and not isinstance(shape[0], int)
            if kind != "tensor(float)" or len(shape) != len(spec.shape) + 1 or not fixed or not dynamic:
                raise BackendFailed(
                    f"an {side} of the model is not what the manifest says",
                    name=name,
                    shape=shape,
                    type=kind,
                    wants=spec.shape,
                )
