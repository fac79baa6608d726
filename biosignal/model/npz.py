"""Named arrays as bytes: the `.npz` layout, written the same everywhere and read without trust."""

import io
import re
import zipfile
import zlib
from collections.abc import Mapping
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from biosignal.errors import BadInput

Array: TypeAlias = NDArray[Any]

MEMBERS_MAX = 64
STAMP = (1980, 1, 1, 0, 0, 0)
BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)
KINDS = frozenset({"<f2", "<f4", "<f8", "|u1", "<u2", "<i2", "<i4", "<i8", "|b1"})
HEADER = re.compile(
    rb"\{'descr': '([<|][a-z][0-9])', 'fortran_order': (False|True), "
    rb"'shape': \(((?:[0-9]{1,12}, ?)*[0-9]{0,12},?)\), \} *\n"
)


def zip_entry(name: str) -> zipfile.ZipInfo:
    """Name a member without a clock or an owner, so that the same files give the same bytes."""
    entry = zipfile.ZipInfo(name, date_time=STAMP)
    entry.create_system = 3
    entry.external_attr = 0o100644 << 16
    entry.compress_type = zipfile.ZIP_STORED
    return entry


def read_members(data: bytes, *, max_bytes: int, members_max: int = MEMBERS_MAX) -> dict[str, bytes]:
    """Unpack a zip of plain files held in memory.

    Refuses folders, links, encrypted or doubled members, and more than `max_bytes` in all, whatever the zip's own
    header claims.

    Raises
    ------
    BadInput : it is not such a zip.
    """
    files: dict[str, bytes] = {}
    left = max_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > members_max:
                raise BadInput("an archive holds too many members", members=len(entries), limit=members_max)
            for entry in entries:
                _check_entry(entry, seen=files)
                with archive.open(entry) as member:
                    content = member.read(left + 1)
                    if len(content) > left:
                        raise BadInput("an archive unpacks to more than is allowed", limit_bytes=max_bytes)
                files[entry.filename] = content
                left -= len(content)
    except BROKEN_ZIP as broken:
        raise BadInput("an archive cannot be read", reason=str(broken)) from broken
    return files


def _check_entry(entry: zipfile.ZipInfo, *, seen: Mapping[str, bytes]) -> None:
    kind = (entry.external_attr >> 28) & 0xF
    plain = kind in (0, 0o10) and not entry.is_dir() and not entry.flag_bits & 0x1
    if not plain or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadInput("an archive member is no plain file", member=entry.filename)
    if entry.filename in seen:
        raise BadInput("an archive names a member twice", member=entry.filename)


def write_npz(arrays: Mapping[str, Array]) -> bytes:
    """Write arrays as an `.npz` that is the same, byte for byte, for the same arrays on every machine."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in sorted(arrays):
            plain = np.asarray(arrays[name], order="C")
            one = io.BytesIO()
            np.lib.format.write_array(one, plain.astype(plain.dtype.newbyteorder("<")), (1, 0), allow_pickle=False)
            archive.writestr(zip_entry(f"{name}.npy"), one.getvalue())
    return held.getvalue()


def read_npz(data: bytes, *, max_bytes: int) -> dict[str, Array]:
    """Read an `.npz` of plain number arrays, at most `max_bytes` unpacked; nothing in it is executed.

    Raises
    ------
    BadInput : it is not such an archive, holds other types, or is too large.
    """
    return {
        name.removesuffix(".npy"): _npy(name, content)
        for name, content in read_members(data, max_bytes=max_bytes).items()
    }


def _npy(name: str, data: bytes) -> Array:
    version, length_at = data[6:8], 8
    wide = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}.get(version)
    if data[:6] != b"\x93NUMPY" or wide is None:
        raise BadInput("an array has no .npy header", member=name)
    start = length_at + wide
    end = start + int.from_bytes(data[length_at:start], "little")
    header = HEADER.fullmatch(data, start, end) if end <= min(len(data), 4096) else None
    if header is None:
        raise BadInput("an array's .npy header cannot be read", member=name)
    kind, fortran, dims = (
        header[1].decode(),
        header[2] == b"True",
        [int(dim) for dim in header[3].split(b",") if dim.strip()],
    )
    if kind not in KINDS:
        raise BadInput("an array has a type that is not allowed", member=name, dtype=kind)
    if len(dims) > 8 or prod(dims) * np.dtype(kind).itemsize != len(data) - end:
        raise BadInput("an array's size is not what its header says", member=name, shape=dims)
    flat = np.frombuffer(data, kind, offset=end)
    return flat.reshape(dims, order="F" if fortran else "C")
