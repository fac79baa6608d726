"""The list of parts: every pinned package, every shipped model, every vendored file. It needs Python alone."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from biosignal import __version__

Component: TypeAlias = dict[str, Any]
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: ; ([^\\]+?))? *\\?$", re.MULTILINE)
_VENDORED = re.compile(r"^# (\S+) ([0-9.]+)$", re.MULTILINE)


def bill_of_materials(root: Path) -> dict[str, Any]:
    """Describe the checkout at `root` as CycloneDX 1.6; the same checkout gives the same document.

    It has no time stamp and no serial number for that reason. A package that is pinned differently for different
    versions of Python is there once for each, with the condition it is installed under.

    Raises
    ------
    ValueError : a vendored folder does not say what it is.
    """
    parts = [*_packages(root / "requirements" / "base.txt"), *_models(root / "models")]
    parts += _vendored(root / "cloud_service" / "web" / "static" / "vendor")
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": _component("application", "bedside", __version__)},
        "components": parts,
    }


def written(document: dict[str, Any]) -> str:
    """Give the document as it is stored."""
    return json.dumps(document, indent=2) + "\n"


def _packages(requirements: Path) -> Iterator[Component]:
    for name, version, condition in _PINNED.findall(requirements.read_text(encoding="utf-8")):
        part = _component("library", name, version, purl=f"pkg:pypi/{name}@{version}")
        if condition:
            part["properties"] = [{"name": "bedside:installed-if", "value": condition}]
        yield part


def _models(folder: Path) -> Iterator[Component]:
    for manifest in sorted(folder.glob("*/*/manifest.json")):
        task, version = manifest.parts[-3:-1]
        # the manifest names every other file of the bundle by its hash
        yield {**_component("machine-learning-model", task, version), "hashes": [_sha256(manifest)]}


def _vendored(folder: Path) -> Iterator[Component]:
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        named = _VENDORED.search((place / "README.md").read_text(encoding="utf-8"))
        if named is None:
            raise ValueError(f"{place / 'README.md'} must begin with '# name version'")
        part = _component("library", named[1], named[2], purl=f"pkg:npm/{named[1].lower()}@{named[2]}")
        files = sorted(path for path in place.iterdir() if path.name != "README.md")
        yield {**part, "components": [{"type": "file", "name": one.name, "hashes": [_sha256(one)]} for one in files]}


def _component(kind: str, name: str, version: str, **more: str) -> Component:
    named = {"type": kind, "name": name, "version": version}
    return {**named, "bom-ref": more.get("purl", f"{kind}:{name}@{version}"), **more}


def _sha256(file: Path) -> dict[str, str]:
    return {"alg": "SHA-256", "content": hashlib.sha256(file.read_bytes()).hexdigest()}
