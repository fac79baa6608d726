"""The file itself: which bytes it is, its encoding, its lines whatever ends them."""

import codecs
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_agent.sources.port import RecordUnreadable

_PIECE = 1 << 20
_HEAD = 1024  # bytes in which a NUL means that this is no text; further on it is a hole that a card left
_WIDE = ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of text: the hash of its bytes, its encoding, and whether its last line has an end.

    `written_out` are the lines that stand for those of the file, where its samples lie in lists.
    """

    path: Path
    digest: str
    encoding: str
    ends_whole: bool
    written_out: Sequence[str] | None = None

    @contextmanager
    def lines(self) -> Iterator[Iterator[str]]:
        """Its lines without their ends, be these LF, CR LF or CR; bytes that are no text become U+FFFD.

        Raises
        ------
        RecordUnreadable : the file went away meanwhile.
        """
        if self.written_out is not None:
            yield iter(self.written_out)
            return
        try:
            with self.path.open(encoding=self.encoding, errors="replace", newline=None) as file:
                yield (line.rstrip("\n").replace("\0", "") for line in file)
        except OSError as error:
            raise RecordUnreadable("cannot read the file", file=str(self.path), why=error.strerror) from error


def look_at(path: Path) -> TextFile:
    """One pass over the bytes: hash and encoding (UTF-8 or UTF-16 with a mark, else UTF-8, else Latin-1).

    Raises
    ------
    RecordUnreadable : there is no such file, or it is no text.
    """
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding, first, last = "utf-8-sig", True, b""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                last = piece[-2:]
                if first:
                    encoding = next(
                        (name for mark, name in _WIDE if piece.startswith(mark)), _unmarked(piece, encoding)
                    )
                    if encoding == "utf-8-sig" and b"\0" in piece[:_HEAD]:
                        raise RecordUnreadable(
                            "this is no plain text", file=str(path), remedy="save it as CSV in UTF-8"
                        )
                first = False
                if encoding == "utf-8-sig" and not _decodes(decoder, piece):
                    encoding = "latin-1"
    except OSError as error:
        raise RecordUnreadable("cannot read the file", file=str(path), why=error.strerror) from error
    return TextFile(path, digest.hexdigest(), encoding, last.strip(b"\0")[-1:] in (b"\n", b"\r"))


def _unmarked(piece: bytes, otherwise: str) -> str:
    """UTF-16 without a mark: every other byte of plain letters and numbers is NUL."""
    low, high = piece[: _HEAD - 1 : 2], piece[1:_HEAD:2]
    if len(low) == len(high) > 8 and low.count(0) != high.count(0) and (not any(low) or not any(high)):
        return "utf-16-be" if not any(low) else "utf-16-le"
    return otherwise


def _decodes(decoder: codecs.IncrementalDecoder, piece: bytes) -> bool:
    try:
        decoder.decode(piece)
    except UnicodeDecodeError:
        return False
    return True
