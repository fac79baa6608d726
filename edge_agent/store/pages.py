"""The rows of a damaged SQLite file, read from its pages: no header, schema or tree needs to be sound.

Every page that looks like a leaf of a table is taken for one, in the file as its log leaves it and in each frame of the
log. A row is read where its cell and all its overflow pages can be; whether it is what was written is for the caller
to check. Rows that were deleted or rewritten may be found as well, so a caller takes a row once.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

Value: TypeAlias = int | float | str | bytes | None
_MAGIC = b"SQLite format 3\0"
_LOG_MAGIC = (0x377F0682, 0x377F0683)
_LOG_HEADER, _FRAME_HEADER = 32, 24
_LEAF = 13
_LARGEST_ROW = 1 << 24
_SIZES = (0, 1, 2, 3, 4, 6, 8)
_REAL, _ZERO, _ONE, _FIRST_BYTES = 7, 8, 9, 12


class _Unreadable(Exception):
    """A cell whose bytes are not those of a row."""


def read_rows(path: Path, *, page_bytes: int) -> Iterator[tuple[int, Sequence[Value]]]:
    """Yield (rowid, values) of every row that can be found in a file and its log, the newest pages first.

    Parameters
    ----------
    page_bytes : size of a page where the file does not say it.

    Raises
    ------
    OSError : the file cannot be read.
    """
    content = path.read_bytes() if path.exists() else b""
    log_path = path.with_name(path.name + "-wal")
    log = log_path.read_bytes() if log_path.exists() else b""
    size = _page_size(content, log, page_bytes)
    newest, frames = _frames(log, size)
    image = _Image(content, size, newest)
    for number in range(1, image.count + 1):
        yield from _leaf(image, image.page(number), number)
    before = _Image(content, size, {})
    for number, page in reversed(frames):
        yield from _leaf(image, page, number)
    for number in newest:
        yield from _leaf(before, before.page(number), number)


class _Image:
    """Pages by number: those of the log before those of the file."""

    def __init__(self, content: bytes, size: int, newer: dict[int, bytes]) -> None:
        self._content, self.size, self._newer = content, size, newer
        self.count = max(-(-len(content) // size), *newer, 0)

    def page(self, number: int) -> bytes:
        if number in self._newer:
            return self._newer[number]
        return self._content[(number - 1) * self.size : number * self.size]


def _page_size(content: bytes, log: bytes, fallback: int) -> int:
    said = int.from_bytes(content[16:18], "big") if content.startswith(_MAGIC) else 0
    if not _is_page_size(said) and len(log) >= _LOG_HEADER and int.from_bytes(log[:4], "big") in _LOG_MAGIC:
        said = int.from_bytes(log[8:12], "big")
    return said if _is_page_size(said) else fallback


def _is_page_size(size: int) -> bool:
    return 512 <= size <= 32768 and size & (size - 1) == 0


def _frames(log: bytes, size: int) -> tuple[dict[int, bytes], list[tuple[int, bytes]]]:
    """Give the pages that the log leaves behind, and all pages in it: also those of earlier rounds through the log."""
    newest: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    every: list[tuple[int, bytes]] = []
    salts, goes_on = log[16:24], True
    for start in range(_LOG_HEADER, len(log) - _FRAME_HEADER - size + 1, _FRAME_HEADER + size):
        number, commit = struct.unpack_from(">II", log, start)
        if not number:
            goes_on = False
            continue
        page = log[start + _FRAME_HEADER : start + _FRAME_HEADER + size]
        every.append((number, page))
        goes_on = goes_on and log[start + 8 : start + 16] == salts and number < 1 << 24
        if goes_on:
            pending[number] = page
            if commit:
                newest.update(pending)
                pending.clear()
    return newest, every


def _leaf(image: _Image, page: bytes, number: int) -> Iterator[tuple[int, Sequence[Value]]]:
    at = 100 if number == 1 else 0
    if len(page) < at + 8 or page[at] != _LEAF:
        return
    cells = int.from_bytes(page[at + 3 : at + 5], "big")
    for index in range(min(cells, (len(page) - at - 8) // 2)):
        place = at + 8 + 2 * index
        try:
            yield _cell(image, page, int.from_bytes(page[place : place + 2], "big"))
        except (_Unreadable, IndexError, struct.error, UnicodeDecodeError):
            continue


def _cell(image: _Image, page: bytes, at: int) -> tuple[int, Sequence[Value]]:
    length, at = _varint(page, at)
    rowid, at = _varint(page, at)
    if length > _LARGEST_ROW:
        raise _Unreadable
    most = image.size - 35
    local = length
    if length > most:
        least = (image.size - 12) * 32 // 255 - 23
        kept = least + (length - least) % (image.size - 4)
        local = kept if kept <= most else least
    payload = bytearray(page[at : at + local])
    if local < length:
        payload += _overflow(image, int.from_bytes(page[at + local : at + local + 4], "big"), length - local)
    if len(payload) != length:
        raise _Unreadable
    return rowid - (1 << 64) if rowid >= 1 << 63 else rowid, _values(bytes(payload))


def _overflow(image: _Image, number: int, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        page = image.page(number) if 1 < number <= image.count else b""
        if len(page) < image.size:
            raise _Unreadable
        number = int.from_bytes(page[:4], "big")
        found += page[4:]
    return bytes(found[:length])


def _values(payload: bytes) -> Sequence[Value]:
    end, at = _varint(payload, 0)
    types = []
    while at < end:
        kind, at = _varint(payload, at)
        types.append(kind)
    if at != end:
        raise _Unreadable
    values = []
    for kind in types:
        length = _length(kind)
        piece = payload[at : at + length]
        if len(piece) != length:
            raise _Unreadable
        values.append(_value(kind, piece))
        at += length
    return values


def _length(kind: int) -> int:
    if kind >= _FIRST_BYTES:
        return (kind - _FIRST_BYTES) // 2
    if kind < len(_SIZES):
        return _SIZES[kind]
    return 8 if kind == _REAL else 0


def _value(kind: int, piece: bytes) -> Value:
    if kind >= _FIRST_BYTES:
        return piece.decode() if kind % 2 else piece
    if kind == _REAL:
        return float(struct.unpack(">d", piece)[0])
    if kind in (_ZERO, _ONE):
        return kind - _ZERO
    return int.from_bytes(piece, "big", signed=True) if kind else None


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for index in range(8):
        byte = data[at + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + index + 1
    return value << 8 | data[at + 8], at + 9
