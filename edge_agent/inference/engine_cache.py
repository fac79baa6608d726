"""Plans built on this device, each under a key of everything it depends on and sealed with the device's own key."""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from biosignal.model.backend import BackendFailed
from biosignal.model.bundle import Bundle

BUILDER_VERSION = 1  # counts what trt_host.build does; raise it when a plan built today would differ
PRECISION = "strongly-typed float32"
FLAGS = ("tf32 off",)
KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingredients:
    """Everything a plan depends on; one of them differs, and it is another plan."""

    onnx_sha256: str
    golden_sha256: str
    tensorrt: str
    cuda: str
    driver: str
    gpu: str
    compute_capability: str
    sm_count: int
    precision: str
    profiles: Mapping[str, tuple[tuple[int, ...], ...]]
    flags: tuple[str, ...]
    workspace_bytes: int
    builder_version: int

    def key(self) -> str:
        """sha256 over all of them, in hex."""
        return _digest(asdict(self))

    def timing_key(self) -> str:
        """Key of the timing cache, which plans of one GPU and one TensorRT share."""
        names = ("tensorrt", "cuda", "driver", "gpu", "compute_capability", "sm_count", "builder_version")
        return _digest({"timing": [getattr(self, name) for name in names]})


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def ingredients(bundle: Bundle, facts: Mapping[str, Any], *, max_batch: int, workspace_bytes: int) -> Ingredients:
    """Collect what a plan of this bundle depends on, given the host's facts."""
    return Ingredients(
        onnx_sha256=hashlib.sha256(bundle.onnx).hexdigest(),
        golden_sha256=hashlib.sha256(bundle.files["golden.npz"]).hexdigest(),
        tensorrt=str(facts["tensorrt"]),
        cuda=str(facts["cuda"]),
        driver=f"{facts['driver']} ({facts['driver_cuda']})",
        gpu=str(facts["gpu"]),
        compute_capability=str(facts["compute_capability"]),
        sm_count=int(facts["sm_count"]),
        precision=PRECISION,
        profiles={
            spec.name: ((1, *spec.shape), (1, *spec.shape), (max_batch, *spec.shape)) for spec in bundle.manifest.inputs
        },
        flags=FLAGS,
        workspace_bytes=workspace_bytes,
        builder_version=BUILDER_VERSION,
    )


class CacheUnusable(BackendFailed):
    """Plans cannot be kept, and building one at every start is not wanted."""

    remedy = "set `inference.tensorrt.cache_dir` to a folder that the agent may write"


class EngineCache:
    """A folder of plans. An entry is believed only while its HMAC, made with this device's key, holds.

    The newest `entries` plans are kept; those set aside are kept for a look, the newest `aside` of them.

    Raises
    ------
    CacheUnusable : the folder cannot be made or written.
    """

    def __init__(self, folder: Path, *, entries: int = 8, aside: int = 4) -> None:
        self._folder, self._aside_folder = folder, folder / "aside"
        self._entries, self._aside = entries, aside
        try:
            self._aside_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._folder.chmod(0o700)
            self._key = _device_key(folder / "device.key")
        except OSError as barred:
            raise CacheUnusable(
                "the folder for TensorRT plans cannot be used", folder=str(folder), reason=barred.strerror
            ) from barred

    def find(self, key: str, kind: str = "plan") -> bytes | None:
        """Give an entry that verifies; one that does not is set aside."""
        try:
            content = self._path(key, kind).read_bytes()
        except FileNotFoundError:
            return None
        try:
            seal = self._seal_path(key, kind).read_bytes()
        except FileNotFoundError:
            seal = b""
        if hmac.compare_digest(seal, self._seal(key, kind, content)):
            return content
        self.set_aside(key, "its seal does not match", kind)
        return None

    def store(self, key: str, content: bytes, kind: str = "plan") -> bool:
        """Keep an entry: written aside, flushed to disk, then renamed, and its seal after it.

        Returns whether it is kept: a full disk must not cost the rung, only the next start a build.
        """
        try:
            _write_durably(self._path(key, kind), content)
            _write_durably(self._seal_path(key, kind), self._seal(key, kind, content))
        except OSError:
            self._path(key, kind).unlink(missing_ok=True)
            return False
        self._prune(kind, keep=key)
        return True

    def set_aside(self, key: str, reason: str, kind: str = "plan") -> None:
        """Move an entry out of use with the reason beside it."""
        path = self._path(key, kind)
        if not path.exists():
            return
        number = 1 + max((int(old.name.split("-", 1)[0]) for old in self._aside_folder.glob("*.entry")), default=0)
        name = f"{number:06d}-{kind}-{key[:16]}"
        path.rename(self._aside_folder / f"{name}.entry")
        self._seal_path(key, kind).unlink(missing_ok=True)
        (self._aside_folder / f"{name}.why").write_text(reason + "\n", encoding="utf-8")
        for old in sorted(self._aside_folder.glob("*.entry"))[: -self._aside]:
            old.unlink()
            old.with_suffix(".why").unlink(missing_ok=True)

    def reasons(self) -> list[str]:
        """Why entries were set aside, oldest first."""
        return [why.read_text(encoding="utf-8").strip() for why in sorted(self._aside_folder.glob("*.why"))]

    def _prune(self, kind: str, *, keep: str) -> None:
        found = sorted(self._folder.glob(f"*.{kind}"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in found[self._entries :]:
            if path.stem != keep:
                path.unlink()
                self._seal_path(path.stem, kind).unlink(missing_ok=True)

    def _seal(self, key: str, kind: str, content: bytes) -> bytes:
        return hmac.digest(self._key, f"{kind}/{key}/{len(content)}/".encode() + content, "sha256")

    def _path(self, key: str, kind: str) -> Path:
        return self._folder / f"{key}.{kind}"

    def _seal_path(self, key: str, kind: str) -> Path:
        return self._folder / f"{key}.{kind}.hmac"


def _device_key(path: Path) -> bytes:
    """Read the device's key; a missing, damaged or readable-by-others key is made anew, and old entries with it."""
    try:
        key = path.read_bytes()
        if len(key) == KEY_BYTES and not path.stat().st_mode & 0o077:
            return key
    except FileNotFoundError:
        pass
    key = secrets.token_bytes(KEY_BYTES)
    _write_durably(path, key)
    return key


def _write_durably(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
