"""A driver for machines without one: `ctypes.CDLL` of libcuda gives what FAKE_DRIVER says, of libcudart ours."""

import ctypes
import os

REAL = ctypes.CDLL
ATTRIBUTES = {16: 8, 75: 8, 76: 7}


class Driver:
    """The few calls of libcuda that the probe makes."""

    def cuInit(self, _flags):  # noqa: N802 the driver's name
        return 100 if os.environ.get("FAKE_DRIVER") == "broken" else 0

    def cuDeviceGetCount(self, count):  # noqa: N802
        count._obj.value = 0 if os.environ.get("FAKE_DRIVER") == "no-gpu" else 1
        return 0

    def cuDriverGetVersion(self, version):  # noqa: N802
        version._obj.value = 12060
        return 0

    def cuDeviceGet(self, device, _index):  # noqa: N802
        device._obj.value = 0
        return 0

    def cuDeviceGetName(self, name, _size, _device):  # noqa: N802
        name.value = os.environ.get("FAKE_GPU", "Orin").encode()
        return 0

    def cuDeviceGetAttribute(self, value, attribute, _device):  # noqa: N802
        value._obj.value = ATTRIBUTES[attribute]
        return 0


def load(name, *args, **settings):
    """Load a library; the driver is ours, or absent."""
    if "libcudart" in str(name):
        from fake_cudart import LIBRARY

        return LIBRARY
    if name != "libcuda.so.1":
        return REAL(name, *args, **settings)
    if os.environ.get("FAKE_DRIVER") == "absent":
        raise OSError("libcuda.so.1: cannot open shared object file")
    return Driver()


ctypes.CDLL = load
