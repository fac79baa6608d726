"""How an event lies in its row: packed, under a short name, and how it is found again.

A payload is deflated with a dictionary of what payloads look like, so that a revision of a finding takes some 200 bytes
instead of 1000. The dictionary is part of the format: the file of a number never changes, a better one gets the next.
"""

import re
import zlib
from functools import cache
from importlib import resources

DICTIONARY = 1
"""The dictionary that new rows are packed with. It is the first byte of the row."""
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HASH = re.compile(r"[0-9a-f]{64}")
_UUID_BYTES = 16


def pack(payload: bytes) -> bytes:
    """Make a payload short."""
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, _dictionary(DICTIONARY))
    return bytes([DICTIONARY]) + deflate.compress(payload) + deflate.flush()


def unpack(stored: bytes | str) -> bytes:
    """Give the payload as it was; that of a version-1 row is plain text.

    Raises
    ------
    ValueError : the row is damaged.
    """
    if isinstance(stored, str):
        return stored.encode()
    if not stored or stored[0] != DICTIONARY:
        raise ValueError("a row is packed in an unknown way")
    inflate = zlib.decompressobj(-15, _dictionary(stored[0]))
    try:
        payload = inflate.decompress(stored[1:])
    except zlib.error as error:
        raise ValueError("a row cannot be unpacked") from error
    if not inflate.eof:
        raise ValueError("a row is cut short")
    return payload


def short_id(id_: str) -> bytes | str:
    """Write an id in as few bytes as it needs: most are UUIDs or hashes."""
    if _UUID.fullmatch(id_):
        return bytes.fromhex(id_.replace("-", ""))
    return bytes.fromhex(id_) if _HASH.fullmatch(id_) else id_


def long_id(stored: bytes | str) -> str:
    """Undo `short_id`."""
    if isinstance(stored, str):
        return stored
    digits = stored.hex()
    if len(stored) != _UUID_BYTES:
        return digits
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def key_of(id_: str) -> int:
    """Number an id is looked up by: small, so that the index of a million rows stays small. Two ids may share one."""
    return zlib.crc32(id_.encode()) - (1 << 31)


@cache
def _dictionary(number: int) -> bytes:
    folder = resources.files("edge_agent.store").joinpath("dictionaries")
    return folder.joinpath(f"{number}.txt").read_bytes()
