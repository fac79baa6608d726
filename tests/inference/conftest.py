"""The TensorRT host for real, as a child process, with our fake tensorrt, pycuda and driver on its module path."""

import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from edge_agent.inference.settings import InferenceSettings, TensorRtSettings
from edge_agent.inference.trt_backend import open_tensorrt
from edge_agent.inference.trt_plans import PlanHost
from tests.bundles import make_bundle

FAKES = Path(__file__).with_name("fake_tensorrt")
FAKES_RTX = Path(__file__).with_name("fake_tensorrt_rtx")


@dataclass
class FakeGpu:
    """A machine with a GPU, as far as the child can tell."""

    folder: Path
    built: Path | None = None
    hosts: list[PlanHost] = field(default_factory=list)

    def open(self, bundle, settings: TensorRtSettings | None = None):
        """`open_tensorrt` in a host of its own."""
        settings = settings or self.tensorrt()
        self.hosts.append(PlanHost(settings))
        return open_tensorrt(bundle, self.hosts[-1], settings)

    def host(self, settings: TensorRtSettings | None = None) -> PlanHost:
        """A host that ends with the test."""
        self.hosts.append(PlanHost(settings or self.tensorrt()))
        return self.hosts[-1]

    def close(self) -> None:
        for host in self.hosts:
            host.close()

    def warm(self) -> None:
        """Put the default bundle's plan into the cache, as an earlier start left it."""
        if self.built is not None:
            shutil.copytree(self.built, self.cache_dir)

    @property
    def control(self) -> Path:
        return self.folder / "control"

    @property
    def cache_dir(self) -> Path:
        return self.folder / "engines"

    def fail(self, *words: str) -> None:
        """From now on the fakes misbehave so; no words: they behave."""
        self.control.write_text(" ".join(words))

    def tensorrt(self, *, driver: str = "", version: str = "10.3.0", **changes) -> TensorRtSettings:
        environment = {
            "FAKE_TRT_CONTROL": str(self.control),
            "FAKE_TRT_VERSION": version,
            "FAKE_DRIVER": driver,
            "OMP_NUM_THREADS": "1",
            **changes.pop("environment", {}),
        }
        settings = TensorRtSettings(
            python=sys.executable,
            flavour="tensorrt",
            python_path=(str(FAKES),),
            environment=environment,
            cache_dir=self.cache_dir,
            infer_timeout_s=2.0,
            wait_s=60.0,
        )
        return replace(settings, **changes)

    def tensorrt_rtx(self, **changes) -> TensorRtSettings:
        """The same machine, with TensorRT for RTX and CUDA's runtime library."""
        return self.tensorrt(flavour="tensorrt_rtx", python_path=(str(FAKES_RTX), str(FAKES)), **changes)

    def ladder(self, *, tensorrt: TensorRtSettings | None = None, **changes) -> InferenceSettings:
        return InferenceSettings(tensorrt=tensorrt or self.tensorrt(), **changes)


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A cache folder with the default bundle's plan, built once."""
    gpu = FakeGpu(tmp_path_factory.mktemp("built"))
    settings = gpu.tensorrt()
    host = PlanHost(settings)
    open_tensorrt(make_bundle(), host, settings)
    host.close()
    return gpu.cache_dir


@pytest.fixture
def gpu(tmp_path, built) -> FakeGpu:
    machine = FakeGpu(tmp_path, built)
    yield machine
    machine.close()
