"""PyCUDA's driver API on host memory, strict where the real one is: a current context, and nothing before it is due.

Copies on a stream are done at `synchronize`, so a missing one shows as wrong numbers.
"""

import numpy as np

MEMORY = {}
CURRENT = []
STATE = {"initialised": False, "next": 0x1000}


class LogicError(Exception):
    """What PyCUDA raises without a context."""


def init():
    STATE["initialised"] = True


def get_version():
    return (12, 6, 0)


def need_context():
    if not CURRENT:
        raise LogicError("invalid device context")


class Context:
    def push(self):
        CURRENT.append(self)

    @staticmethod
    def pop():
        CURRENT.pop()

    def detach(self):
        if MEMORY:
            raise LogicError("memory outlives its context")


class Device:
    def __init__(self, index):
        if not STATE["initialised"]:
            raise LogicError("not initialized")
        self.index = index

    def retain_primary_context(self):
        return Context()


class Allocation:
    def __init__(self, size):
        need_context()
        STATE["next"] += 0x1000 + size
        self.address = STATE["next"]
        MEMORY[self.address] = bytearray(size)

    def __int__(self):
        return self.address

    def free(self):
        need_context()
        del MEMORY[self.address]


mem_alloc = Allocation
STREAMS = {}


class Stream:
    def __init__(self):
        need_context()
        self.handle = len(STREAMS) + 1
        self.work = []
        STREAMS[self.handle] = self

    def synchronize(self):
        need_context()
        for step in self.work:
            step()
        self.work = []


class Pagelocked(np.ndarray):
    """Marks memory that an asynchronous copy may use."""


def pagelocked_empty(shape, dtype):
    need_context()
    return np.full(shape, np.nan, dtype).view(Pagelocked)


def memcpy_htod_async(to, source, stream):
    need_context()
    assert isinstance(source, Pagelocked)
    assert source.flags.c_contiguous

    def step():
        data = source.tobytes()
        MEMORY[int(to)][: len(data)] = data

    stream.work.append(step)


def memcpy_dtoh_async(to, source, stream):
    need_context()
    assert isinstance(to, Pagelocked)

    def step():
        data = bytes(MEMORY[int(source)][: to.nbytes])
        to[...] = np.frombuffer(data, np.float32).reshape(to.shape)

    stream.work.append(step)
