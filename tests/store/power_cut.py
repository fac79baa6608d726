"""A disk that loses power: what a process wrote and flushed is recorded, and any moment of it can be gone back to.

The system calls of a process on the files of a folder are recorded by strace. What is on the disk after a cut: of each
file everything before its last flush, and of what was written after it any part, torn between any two sectors. Names
(created, linked, renamed, removed) come in their order; those before the last flush of the folder, or of the file that
they name, are there.
"""

import random
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SECTOR = 512
CALLS = (
    "openat,pwrite64,write,fsync,fdatasync,ftruncate,fallocate,unlink,unlinkat,rename,renameat,renameat2,link,linkat"
)
_LINE = re.compile(r"^\d+\s+(\w+)\((.*)\)\s+=\s+(-?\d+)")
_FILE = re.compile(r"<((?:[^<>]|\\x3[ce])*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass
class Op:
    """One call: `do` is what it did, to `name`."""

    do: str
    name: str
    at: int = 0
    data: bytes = b""
    other: str = ""


@dataclass
class Recording:
    ops: list[Op]
    before: dict[str, bytes] = field(default_factory=dict)
    """Files that were there when it began, all of them flushed."""


def record(folder: Path, program: str, *arguments: str) -> Recording:
    """Run a Python program on a folder; what it appends to a file named `said` there are its marks."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: the writes of a process cannot be recorded")
    folder.mkdir(exist_ok=True)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    trace = folder.with_name(folder.name + ".trace")
    command = [strace, "-f", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-o", str(trace)]
    done = subprocess.run(
        [*command, sys.executable, "-c", program, str(folder), *arguments], capture_output=True, text=True, check=False
    )
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not look at processes here: {done.stderr.strip()[:100]}")
    assert done.returncode == 0, done.stderr
    with trace.open() as lines:
        ops = [op for line in lines if (op := _parsed(line, folder)) is not None]
    trace.unlink()
    return Recording(ops, before)


def _parsed(line: str, folder: Path) -> Op | None:
    matched = _LINE.match(line)
    if matched is None or int(matched[3]) < 0:
        return None
    call, given, result = matched[1], matched[2], int(matched[3])
    files = [_plain(name) for name in _FILE.findall(given)]
    texts = _TEXT.findall(given)
    if call in ("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "fallocate"):
        name = _within(files[0], folder) if files else None
        if name is None:
            return None
        numbers = [int(number) for number in re.findall(r", (\d+)", _TEXT.sub("", given))]
        if call.endswith("sync"):
            return Op("flush", name)
        if call == "ftruncate":
            return Op("cut", name, numbers[0])
        if call == "fallocate":
            return Op("extend", name, numbers[-2] + numbers[-1])
        data = bytes.fromhex(texts[0].replace("\\x", ""))[:result]
        return Op("mark" if name == "said" else "write", name, numbers[-1] if call == "pwrite64" else 0, data)
    names = [_within(_plain(text), folder) for text in texts]
    if not names or names[0] is None:
        return None
    if call == "openat":
        return Op("make", names[0]) if "O_CREAT" in given else None
    if call.startswith("unlink"):
        return Op("remove", names[0])
    assert names[1] is not None
    return Op("link" if call.startswith("link") else "rename", names[0], other=names[1])


def _plain(text: str) -> str:
    return re.sub(r"\\x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), text)


def _within(name: str, folder: Path) -> str | None:
    """Name of a file of the folder; empty for the folder itself; None for everything else."""
    if name == str(folder):
        return ""
    path = Path(name)
    return path.name if path.parent == folder and path.suffix != ".lock" and "-shm" not in name else None


class Disk:
    """The disk as the recording goes on: call `step` for each op, `lose_power` at any time."""

    def __init__(self, recording: Recording) -> None:
        self.marks: list[bytes] = []
        self._durable: dict[int, bytearray] = {}
        self._pending: dict[int, list[Op]] = {}
        self._names: dict[str, int] = {}
        self._kept: dict[str, int] = {}
        self._waiting: list[tuple[int, dict[str, int]]] = []
        for name, content in recording.before.items():
            self._kept[name] = self._names[name] = self._new(content)

    def _new(self, content: bytes = b"") -> int:
        number = len(self._durable)
        self._durable[number] = bytearray(content)
        self._pending[number] = []
        return number

    def step(self, op: Op) -> None:
        if op.do == "mark":
            self.marks.append(op.data)
        elif op.do == "flush" and not op.name:
            self._flush_names(len(self._waiting))
        elif op.do == "flush":
            self._flush(self._names[op.name])
        elif op.do in ("write", "cut", "extend"):
            self._pending[self._names[op.name]].append(op)
        elif op.do != "make" or op.name not in self._names:
            self._rename(op)

    def _flush(self, number: int) -> None:
        for op in self._pending[number]:
            _apply(self._durable[number], op)
        self._pending[number].clear()
        last = max((at for at, (named, _) in enumerate(self._waiting, 1) if named == number), default=0)
        self._flush_names(last)

    def _flush_names(self, count: int) -> None:
        if count:
            self._kept = self._waiting[count - 1][1]
            del self._waiting[:count]

    def _rename(self, op: Op) -> None:
        names = dict(self._names)
        if op.do == "make":
            number = names[op.name] = self._new()
        elif op.do == "link":
            number = names[op.other] = names[op.name]
        elif op.do == "rename":
            number = names[op.other] = names.pop(op.name)
        else:
            number = names.pop(op.name)
        self._names = names
        self._waiting.append((number, names))

    def lose_power(self, folder: Path, rng: random.Random) -> None:
        """Put into a folder what is there when the power comes back."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        choice = rng.randint(0, len(self._waiting))
        names = self._waiting[choice - 1][1] if choice else self._kept
        share = rng.choice((0.0, 0.1, 0.5, 0.9, 1.0))
        written: dict[int, Path] = {}
        for name, number in names.items():
            if number in written:
                (folder / name).hardlink_to(written[number])
                continue
            content = bytearray(self._durable[number])
            for op in self._pending[number]:
                if op.do != "write":
                    if rng.random() < share:
                        _apply(content, op)
                elif rng.random() < share:
                    _apply(content, op if rng.random() < 0.8 else _torn(op, rng))
            written[number] = folder / name
            (folder / name).write_bytes(content)


def _torn(op: Op, rng: random.Random) -> Op:
    """Keep the beginning or the end of a write, up to where a sector of the disk ends."""
    borders = list(range(-(-(op.at + 1) // SECTOR) * SECTOR - op.at, len(op.data), SECTOR))
    if not borders:
        return op
    border = rng.choice(borders)
    if rng.random() < 0.5:
        return Op("write", op.name, op.at, op.data[:border])
    return Op("write", op.name, op.at + border, op.data[border:])


def _apply(content: bytearray, op: Op) -> None:
    if op.do == "cut":
        del content[op.at :]
    end = op.at + len(op.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    content[op.at : end] = op.data
