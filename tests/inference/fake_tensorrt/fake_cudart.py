"""libcudart on host memory, over the same memory and streams as our stand-in for pycuda: copies are due at the wait."""

import ctypes
from types import SimpleNamespace

import numpy as np
from pycuda import driver

PINNED = {}


def number(value):
    return int(getattr(value, "value", value) or 0)


def _set_device(_index):
    driver.init()
    driver.CURRENT.append(driver.Context())
    return 0


def _version(version):
    version._obj.value = 12090
    return 0


def _stream_create(stream):
    stream._obj.value = driver.Stream().handle
    return 0


def _stream_synchronize(stream):
    driver.STREAMS[number(stream)].synchronize()
    return 0


def _stream_destroy(stream):
    return 0 if driver.STREAMS.pop(number(stream), None) else 400


def _malloc(address, size):
    address._obj.value = int(driver.Allocation(number(size)))
    return 0


def _free(address):
    return 0 if not number(address) or driver.MEMORY.pop(number(address), None) is not None else 1


def _host_alloc(address, size, _flags):
    memory = np.full(number(size) // 4, np.nan, np.float32)
    PINNED[memory.ctypes.data] = memory
    address._obj.value = memory.ctypes.data
    return 0


def _free_host(address):
    return 0 if PINNED.pop(number(address), None) is not None else 1


def _pinned(address, size):
    return any(start <= address and address + size <= start + held.nbytes for start, held in PINNED.items())


def _copy(to, source, size, kind, stream):
    to, source, size = number(to), number(source), number(size)
    host = source if number(kind) == 1 else to
    if not _pinned(host, size):
        return 1

    def step():
        if number(kind) == 1:
            driver.MEMORY[to][:size] = ctypes.string_at(source, size)
        else:
            ctypes.memmove(to, bytes(driver.MEMORY[source][:size]), size)

    driver.STREAMS[number(stream)].work.append(step)
    return 0


LIBRARY = SimpleNamespace(
    cudaSetDevice=_set_device,
    cudaFree=_free,
    cudaRuntimeGetVersion=_version,
    cudaGetErrorString=lambda code: b"invalid argument",
    cudaStreamCreate=_stream_create,
    cudaStreamSynchronize=_stream_synchronize,
    cudaStreamDestroy=_stream_destroy,
    cudaMalloc=_malloc,
    cudaHostAlloc=_host_alloc,
    cudaFreeHost=_free_host,
    cudaMemcpyAsync=_copy,
)
