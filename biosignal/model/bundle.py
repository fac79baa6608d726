"""A model bundle: data only, on bytes. Every hash is checked before a file is parsed; nothing in it is executed.

A bundle is `manifest.json model.onnx golden.npz card.md` and, where a head can be refitted, `anchor.npz`; where records
that people stated something of come along, `similar.npz`.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from biosignal.errors import RefusedForSafety
from biosignal.model.manifest import Manifest, ManifestBroken, Role, TensorSpec, parse_manifest
from biosignal.model.npz import Array, read_members, read_npz, write_npz, zip_entry
from biosignal.model.onnx_walk import onnx_facts
from biosignal.model.similar import Reviewed, Similar, packed_width, reviewed_of

__all__ = [
    "PIPELINE_VERSION",
    "Anchor",
    "Bundle",
    "BundleRefused",
    "Manifest",
    "ManifestBroken",
    "Role",
    "TensorSpec",
    "golden_npz",
    "open_bundle",
    "pack",
    "parse_manifest",
    "seal",
    "unpack",
]

PIPELINE_VERSION = 1
OPSET_MAX = 17
MIB = 1 << 20
NEEDED: Mapping[str, int] = {"manifest.json": MIB, "model.onnx": 64 * MIB, "golden.npz": 16 * MIB, "card.md": MIB}
OPTIONAL: Mapping[str, int] = {"anchor.npz": 64 * MIB, "similar.npz": 16 * MIB}
LIMITS: Mapping[str, int] = {**NEEDED, **OPTIONAL}
GOLDEN_WINDOWS_MAX = 4096

Tensors: TypeAlias = Mapping[str, NDArray[np.float32]]


class BundleRefused(RefusedForSafety):
    """The bundle is not what its manifest says, or asks for what this program does not give."""

    remedy = "the model in use stays; fetch or build the bundle again"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Anchor:
    """Embeddings a refit keeps as memory: `embedding` float16 [n, E], `label` (class index) and `patient` [n].

    `part` is 0 for fitting and 1 for the gate; no patient is in both.
    """

    embedding: NDArray[np.float16]
    label: NDArray[np.uint8]
    patient: NDArray[np.uint16]
    part: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A bundle that `open_bundle` let through."""

    manifest: Manifest
    files: Mapping[str, bytes]

    @property
    def identity(self) -> str:
        """``name/version``."""
        return self.manifest.identity

    @property
    def version(self) -> str:
        """Its version, three numbers."""
        return self.manifest.version

    @property
    def digest(self) -> str:
        """sha256 of the manifest, and through its hashes of everything."""
        return hashlib.sha256(self.files["manifest.json"]).hexdigest()

    @property
    def onnx(self) -> bytes:
        """The model's bytes."""
        return self.files["model.onnx"]

    @property
    def card(self) -> str:
        """The model card, Markdown."""
        return self.files["card.md"].decode("utf-8", "replace")

    def golden(self) -> tuple[Tensors, Tensors, float]:
        """Give golden inputs, the outputs expected for them, and the largest absolute difference allowed.

        All tensors are float32 with one leading axis of windows.

        Raises
        ------
        BundleRefused : the vectors are not those of this model.
        BadInput : the file cannot be read.
        """
        arrays = read_npz(self.files["golden.npz"], max_bytes=LIMITS["golden.npz"])
        specs = (*self.manifest.inputs, *self.manifest.outputs)
        if set(arrays) != {spec.name for spec in specs}:
            raise BundleRefused("golden.npz names other tensors than the manifest", names=sorted(arrays)[:8])
        windows = len(next(iter(arrays.values()))) if all(array.ndim for array in arrays.values()) else 0
        if not 0 < windows <= GOLDEN_WINDOWS_MAX:
            raise BundleRefused("golden.npz holds no windows, or too many", windows=windows, limit=GOLDEN_WINDOWS_MAX)
        for spec in specs:
            _check_array(arrays[spec.name], spec.name, np.float32, (windows, *spec.shape))
        inputs = {spec.name: arrays[spec.name] for spec in self.manifest.inputs}
        outputs = {spec.name: arrays[spec.name] for spec in self.manifest.outputs}
        return inputs, outputs, self.manifest.golden_tolerance

    def anchor(self) -> Anchor | None:
        """Give the embeddings a refit starts from, where the bundle brings them.

        Raises
        ------
        BundleRefused : they are not of this model, or a patient is in both parts.
        BadInput : the file cannot be read.
        """
        if "anchor.npz" not in self.files:
            return None
        arrays = read_npz(self.files["anchor.npz"], max_bytes=LIMITS["anchor.npz"])
        kinds: dict[str, DTypeLike] = {
            "embedding": np.float16,
            "label": np.uint8,
            "patient": np.uint16,
            "part": np.uint8,
        }
        if set(arrays) != set(kinds):
            raise BundleRefused("anchor.npz has other arrays than it should", names=sorted(arrays)[:8])
        count = arrays["label"].size
        width = self.manifest.output(Role.EMBEDDING).shape
        for name, kind in kinds.items():
            _check_array(arrays[name], name, kind, (count, *width) if name == "embedding" else (count,))
        anchor = Anchor(**arrays)
        both = set(anchor.patient[anchor.part == 0].tolist()) & set(anchor.patient[anchor.part == 1].tolist())
        if both or (anchor.part > 1).any() or (anchor.label >= len(self.manifest.classes)).any():
            raise BundleRefused("anchor.npz mixes its parts or names an unknown class", in_both=sorted(both)[:8])
        return anchor

    def similar(self) -> Similar | None:
        """Give what finds the records that a window is most like, where the bundle brings such records.

        Raises
        ------
        BundleRefused : they are not of this model.
        BadInput : the file cannot be read.
        """
        reviewed = self.reviewed()
        return Similar(reviewed) if reviewed is not None else None

    def reviewed(self) -> Reviewed | None:
        """Give the records that people stated something of, where the bundle brings them.

        Raises
        ------
        BundleRefused : they are not of this model.
        BadInput : the file cannot be read.
        """
        if "similar.npz" not in self.files:
            return None
        arrays = read_npz(self.files["similar.npz"], max_bytes=LIMITS["similar.npz"])
        if set(arrays) != {"record", "held", "stated", "grading"} or not arrays["record"].size:
            raise BundleRefused("similar.npz has other arrays than it should, or no record", names=sorted(arrays)[:8])
        count, classes = arrays["record"].size, len(self.manifest.classes)
        kinds: dict[str, tuple[DTypeLike, tuple[int, ...]]] = {
            "record": (np.uint16, (count,)),
            "held": (np.uint8, (count, classes)),
            "stated": (np.uint8, (count, packed_width(classes))),
            "grading": (np.uint8, (packed_width(count),)),
        }
        for name, (kind, shape) in kinds.items():
            _check_array(arrays[name], name, kind, shape)
        return reviewed_of(arrays, classes)


def _check_array(array: Array, name: str, kind: DTypeLike, shape: tuple[int, ...]) -> None:
    if array.dtype != kind or array.shape != shape:
        raise BundleRefused(
            "an array is of another kind", name=name, dtype=str(array.dtype), shape=array.shape, wants=shape
        )
    if not np.isfinite(array).all():
        raise BundleRefused("an array holds a number that is not finite", name=name)


def open_bundle(files: Mapping[str, bytes]) -> Bundle:
    """Check a bundle's files and give them as a bundle.

    Parameters
    ----------
    files : name without a folder -> content.

    Raises
    ------
    BundleRefused : a file is missing, unknown, too large or not the one that was hashed; the ONNX file points outside
        itself; or the bundle is for another version of the pipeline.
    BadInput : a file that does match its hash cannot be read.
    """
    if missing := sorted(set(NEEDED) - set(files)):
        raise BundleRefused("the bundle lacks files", missing=missing)
    if unknown := sorted(set(files) - set(LIMITS)):
        raise BundleRefused("the bundle brings files nobody knows", unknown=unknown[:8])
    for name, content in files.items():
        if len(content) > LIMITS[name]:
            raise BundleRefused("a file is too large", file=name, size_bytes=len(content), limit_bytes=LIMITS[name])
    manifest = parse_manifest(files["manifest.json"])
    _check_hashes(manifest, files)
    low, high = manifest.pipeline_version
    if not low <= PIPELINE_VERSION <= high:
        raise BundleRefused(
            "the bundle is for another version of the pipeline",
            remedy="update the program, or fetch a bundle made for it; the model in use stays",
            bundle=manifest.identity,
            wants=f"{low}..{high}",
            pipeline_version=PIPELINE_VERSION,
        )
    _check_onnx(files["model.onnx"])
    bundle = Bundle(manifest, dict(files))
    bundle.golden()
    bundle.anchor()
    bundle.reviewed()
    return bundle


def _check_hashes(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    if set(manifest.files) != set(files) - {"manifest.json"}:
        raise BundleRefused(
            "the manifest lists other files than the bundle holds", listed=sorted(manifest.files), held=sorted(files)
        )
    for name, wanted in manifest.files.items():
        if (found := hashlib.sha256(files[name]).hexdigest()) != wanted:
            raise BundleRefused("a file is not the one the manifest hashed", file=name, wanted=wanted, found=found)


def _check_onnx(model: bytes) -> None:
    facts = onnx_facts(model)
    if facts.external:
        raise BundleRefused("the ONNX file points to data outside itself", tensors=facts.external[:8])
    for domain, version in facts.opsets:
        if domain not in ("", "ai.onnx") or version > OPSET_MAX:
            raise BundleRefused(
                "the ONNX file wants operators we do not run", domain=domain, opset=version, opset_max=OPSET_MAX
            )


def golden_npz(inputs: Tensors, outputs: Tensors) -> bytes:
    """Write `golden.npz`: each tensor under its own name, with a leading axis of windows."""
    return write_npz({**inputs, **outputs})


def seal(manifest: Manifest, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Make a bundle's files: the given ones, and the manifest with their hashes in it.

    `files` are all but `manifest.json`; `manifest.files` is replaced. `open_bundle` still checks the result.
    """
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    values = {name: getattr(manifest, name) for name in manifest.__dataclass_fields__}
    sealed = Manifest(**{**values, "files": hashes})
    return {**files, "manifest.json": sealed.to_bytes()}


def pack(files: Mapping[str, bytes]) -> bytes:
    """Put a bundle's files in one zip: the same files give the same bytes on every machine."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in sorted(files):
            archive.writestr(zip_entry(name), files[name])
    return held.getvalue()


def unpack(
    data: bytes, *, max_bytes: int = sum(LIMITS.values()), limits: Mapping[str, int] = LIMITS
) -> dict[str, bytes]:
    """Take a bundle's files out of one zip, at most `max_bytes` in all; `open_bundle` checks them.

    `limits` names the files that a bundle of this sort may have.

    Raises
    ------
    BadInput : it is no zip of plain files, or unpacks to more than `max_bytes`.
    BundleRefused : it names a file that no bundle has, such as one with a path.
    """
    files = read_members(data, max_bytes=max_bytes, members_max=len(limits))
    if unknown := sorted(set(files) - set(limits)):
        raise BundleRefused("the bundle brings files nobody knows", unknown=unknown[:8])
    return files
