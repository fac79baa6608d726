"""Two bundles a device must refuse: one altered after it was signed, one signed that does not do what it says."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np


def read_bundle(path: Path) -> dict[str, bytes]:
    """Files of a packed bundle by name."""
    with zipfile.ZipFile(path) as packed:
        return {entry.filename: packed.read(entry) for entry in packed.infolist()}


def with_wrong_answers(files: dict[str, bytes], version: str) -> bytes:
    """Pack a bundle whose hashes are right and whose expected answers are not: its self-test must fail."""
    golden = dict(np.load(io.BytesIO(files["golden.npz"]), allow_pickle=False))
    golden["scores"] = np.ascontiguousarray(golden["scores"][:, ::-1])
    packed = io.BytesIO()
    np.savez(packed, **golden)
    return _sealed({**files, "golden.npz": packed.getvalue()}, version)


def with_version(files: dict[str, bytes], version: str) -> bytes:
    """Pack the same bundle under another version."""
    return _sealed(files, version)


def damage(path: Path) -> None:
    """Alter one byte in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x01
    path.write_bytes(bytes(data))


def next_version(version: str, steps: int = 1) -> str:
    """Count the last number up."""
    *front, last = version.split(".")
    return ".".join([*front, str(int(last) + steps)])


def _sealed(files: dict[str, bytes], version: str) -> bytes:
    manifest = json.loads(files["manifest.json"])
    manifest["version"] = version
    manifest["files"] = {name: hashlib.sha256(files[name]).hexdigest() for name in manifest["files"]}
    files = {**files, "manifest.json": json.dumps(manifest, indent=1, sort_keys=True).encode()}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as out:
        for name in sorted(files):
            out.writestr(zipfile.ZipInfo(name), files[name])
    return packed.getvalue()
