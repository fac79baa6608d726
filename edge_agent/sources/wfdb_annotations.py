"""WFDB annotation files, read and written without the wfdb package (whose import takes seconds on a small board).

Source: annot(5) of the WFDB Applications Guide, MIT format. The bytes written are those of `wfdb.wrann`, and what is
read is what `wfdb.rdann` reads; both are held by tests.
"""

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from biosignal.errors import BadInput
from edge_agent.sources.port import RecordUnreadable

_AGAIN = "fetch the annotation file again, or name another one"
_SKIP, _NUM, _SUBTYPE, _CHAN, _AUX = 59, 60, 61, 62, 63
_SYMBOLS = {
    0: " ", 1: "N", 2: "L", 3: "R", 4: "a", 5: "V", 6: "F", 7: "J", 8: "A", 9: "S", 10: "E", 11: "j", 12: "/",
    13: "Q", 14: "~", 16: "|", 18: "s", 19: "T", 20: "*", 21: "D", 22: '"', 23: "=", 24: "p", 25: "B", 26: "^",
    27: "t", 28: "+", 29: "u", 30: "?", 31: "!", 32: "[", 33: "]", 34: "e", 35: "n", 36: "@", 37: "x", 38: "f",
    39: "(", 40: ")", 41: "r",
}  # fmt: skip
SYMBOLS = frozenset(_SYMBOLS.values()) - {" "}
_CODES = {symbol: code for code, symbol in _SYMBOLS.items()}
_LONGEST_STEP = 0x7FFFFFFF
_RESOLUTION = re.compile(r"## time resolution: ([0-9.eE+-]+)")
_DEFINITIONS, _END_OF_DEFINITIONS = "## annotation type definitions", "## end of definitions"
_OWN_SYMBOL = re.compile(r"(\d+) (\S+)(?: .*)?", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Annotation:
    """One annotation. `sample` at the record's own rate; `chan` is the index of its signal."""

    sample: int
    symbol: str
    subtype: int = 0
    chan: int = 0
    num: int = 0
    aux: str = ""


def encode_annotations(annotations: Iterable[Annotation], *, resolution_hz: float | None = None) -> bytes:
    """Write annotations in the order of their samples.

    Parameters
    ----------
    resolution_hz : rate at which they count, where the header of the record names another one.

    Raises
    ------
    BadInput : they go back, or a symbol or text cannot be written.
    """
    out = bytearray() if resolution_hz is None else _definition(f"## time resolution: {resolution_hz:.12g}")
    at = chan = num = 0
    for annotation in annotations:
        if annotation.sample < at:
            raise BadInput("annotations must be in the order of their samples", sample=annotation.sample, after=at)
        out += _step(annotation.sample - at, _code(annotation.symbol))
        if annotation.num != num:
            out += bytes([annotation.num & 0xFF, _NUM << 2])
        if annotation.subtype:
            out += bytes([annotation.subtype & 0xFF, _SUBTYPE << 2])
        if annotation.chan != chan:
            out += bytes([annotation.chan, _CHAN << 2])
        if annotation.aux:
            text = annotation.aux.encode("latin-1")
            out += bytes([len(text), _AUX << 2]) + text + b"\0" * (len(text) % 2)
        at, chan, num = annotation.sample, annotation.chan, annotation.num
    return bytes(out + b"\0\0")


def decode_annotations(data: bytes) -> list[Annotation]:
    """Read annotations; definitions at sample 0 (time resolution, own symbols) are left out.

    Raises
    ------
    RecordUnreadable : the bytes end inside an annotation or hold no such format.
    """
    return _without_definitions(_all_annotations(data))


def _all_annotations(data: bytes) -> list[Annotation]:
    found: list[Annotation] = []
    symbols = dict(_SYMBOLS)
    at = position = chan = num = 0
    while position + 2 <= len(data):
        word = int.from_bytes(data[position : position + 2], "little")
        code, value = word >> 10, word & 0x3FF
        position += 2
        if code == _SKIP:
            at += _long(data, position)
            position += 4
        elif code == 0 and value == 0:
            break
        elif code in (_NUM, _SUBTYPE, _CHAN, _AUX) and not found:
            raise RecordUnreadable("not a WFDB annotation file: it begins inside an annotation", remedy=_AGAIN)
        elif code == _NUM:
            num = _signed(value)
            found[-1] = _changed(found[-1], num=num)
        elif code == _SUBTYPE:
            found[-1] = _changed(found[-1], subtype=_signed(value))
        elif code == _CHAN:
            chan = value & 0xFF
            found[-1] = _changed(found[-1], chan=chan)
        elif code == _AUX:
            text = data[position : position + value]
            if len(text) < value:
                raise RecordUnreadable("the annotation file ends inside a text", remedy=_AGAIN)
            found[-1] = _changed(found[-1], aux=text.decode("latin-1"))
            position += value + value % 2
            symbols.update(_own_symbol(found))
        else:
            at += value
            found.append(Annotation(sample=at, symbol=symbols.get(code, " "), chan=chan, num=num))
    return found


def _own_symbol(found: list[Annotation]) -> dict[int, str]:
    """The symbol that the last annotation defines, by its code; none where it defines none."""
    match = _OWN_SYMBOL.fullmatch(found[-1].aux)
    return {int(match[1]): match[2]} if match is not None and _defines(found, len(found) - 1) else {}


def _defines(found: list[Annotation], index: int) -> bool:
    """Whether an annotation stands among the definitions of symbols that a file begins with."""
    for before in range(index, -1, -1):
        one = found[before]
        if one.sample != 0 or one.symbol != '"' or one.aux == _END_OF_DEFINITIONS:
            return False
        if one.aux == _DEFINITIONS:
            return True
    return False


def _is_definition(one: Annotation) -> bool:
    return one.sample == 0 and (one.symbol == " " or (one.symbol == '"' and one.aux.startswith("## ")))


def _without_definitions(found: list[Annotation]) -> list[Annotation]:
    return [one for index, one in enumerate(found) if not (_is_definition(one) or _defines(found, index))]


def _resolution_hz(annotations: Iterable[Annotation]) -> float | None:
    """The rate at which a file says that it counts; None where it does not."""
    for one in annotations:
        match = _RESOLUTION.match(one.aux) if _is_definition(one) else None
        if match is not None:
            try:
                return float(match[1]) or None
            except ValueError:
                return None
    return None


def _definition(text: str) -> bytearray:
    """A comment at sample 0 and the mark that ends the definitions, as the WFDB library writes them."""
    encoded = text.encode("latin-1")
    out = bytearray(_step(0, _code('"')) + bytes([len(encoded), _AUX << 2]) + encoded + b"\0" * (len(encoded) % 2))
    return out + _back_to_zero()


def _back_to_zero() -> bytes:
    return bytes([0, _SKIP << 2, 0xFF, 0xFF, 0xFF, 0xFF]) + _step(1, 0)


def read_annotations(path: Path, *, at_hz: float | None = None, counted_hz: float | None = None) -> list[Annotation]:
    """Read an annotation file.

    Parameters
    ----------
    at_hz : rate at which samples are counted in what is returned; absent: as the file counts them.
    counted_hz : rate at which the file counts, unless it says one itself; absent: `at_hz`.

    Raises
    ------
    RecordUnreadable : it is absent, empty, or not of this format.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RecordUnreadable("cannot read the annotations", file=str(path), why=error.strerror) from error
    if not data:
        raise RecordUnreadable("the annotation file is empty", file=str(path))
    try:
        found = _all_annotations(data)
    except RecordUnreadable as error:
        raise RecordUnreadable(str(error), file=str(path), remedy=_AGAIN) from error
    kept = _without_definitions(found)
    file_hz = _resolution_hz(found) or counted_hz
    if at_hz is None or file_hz is None or file_hz == at_hz:
        return kept
    return [replace(one, sample=round(one.sample * at_hz / file_hz)) for one in kept]


def write_annotations(path: Path, annotations: Iterable[Annotation], *, resolution_hz: float | None = None) -> None:
    """Write an annotation file, whole or not at all.

    Parameters
    ----------
    resolution_hz : as for `encode_annotations`.

    Raises
    ------
    BadInput : the folder cannot be written, or see `encode_annotations`.
    """
    data = encode_annotations(annotations, resolution_hz=resolution_hz)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BadInput("cannot write the annotations", file=str(path), why=error.strerror) from error


def _code(symbol: str) -> int:
    if symbol not in _CODES:
        raise BadInput("no WFDB annotation symbol", symbol=symbol)
    return _CODES[symbol]


def _step(difference: int, code: int) -> bytes:
    out = b""
    while difference > 0x3FF:
        step = min(difference, _LONGEST_STEP)
        high, low = step >> 16, step & 0xFFFF
        out += bytes([0, _SKIP << 2, high & 0xFF, high >> 8, low & 0xFF, low >> 8])
        difference -= step
    return out + bytes([difference & 0xFF, (difference >> 8) | (code << 2)])


def _long(data: bytes, position: int) -> int:
    if position + 4 > len(data):
        raise RecordUnreadable("the annotation file ends inside a step", remedy=_AGAIN)
    high = int.from_bytes(data[position : position + 2], "little", signed=True)
    return (high << 16) + int.from_bytes(data[position + 2 : position + 4], "little")


def _signed(value: int) -> int:
    return (value & 0xFF) - (0x100 if value & 0x80 else 0)


def _changed(
    one: Annotation,
    *,
    num: int | None = None,
    subtype: int | None = None,
    chan: int | None = None,
    aux: str | None = None,
) -> Annotation:
    return Annotation(
        sample=one.sample,
        symbol=one.symbol,
        subtype=one.subtype if subtype is None else subtype,
        chan=one.chan if chan is None else chan,
        num=one.num if num is None else num,
        aux=one.aux if aux is None else aux,
    )
