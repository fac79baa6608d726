"""TensorRT for RTX's Python API as far as it differs from TensorRT's: targets to compile for, no timings to keep."""

import enum

import tensorrt
from tensorrt import *  # noqa: F403 all that is the same

__version__ = "1.7.1.116"
tensorrt.__version__ = __version__  # plans carry it
tensorrt.MAJOR = 11  # every network is strongly typed when the flag is set
ComputeCapability = enum.IntEnum("ComputeCapability", {"NONE": 0, "CURRENT": 1, "SM75": 75, "SM86": 86, "SM120": 120})


class Config(tensorrt.Config):
    """A configuration with one target."""

    num_compute_capabilities = 0

    def set_compute_capability(self, kind, index):
        assert index < self.num_compute_capabilities
        self.target = kind
        return kind is not ComputeCapability.NONE

    def create_timing_cache(self, blob):
        raise AssertionError("timing caches are deprecated here")


class Builder(tensorrt.Builder):
    """A builder that needs no GPU."""

    def __init__(self, logger):
        self.logger = logger

    def create_builder_config(self):
        return Config()

    def build_serialized_network(self, network, config):
        if config.target is ComputeCapability.SM75:
            self.logger.log(tensorrt.ILogger.Severity.ERROR, "FP32 GEMM is not supported")
            return None
        return super().build_serialized_network(network, config)
