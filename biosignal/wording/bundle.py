"""A bundle of approved words: data only, on bytes. Every hash is checked before a file is parsed.

It is `manifest.json phrasings.json golden.json card.md` and, where a language model was tuned to these words,
`adapter.gguf` with `figures.json`, what its texts were found to be worth. `golden.json` holds findings with the text
that these words make of each: a device takes a bundle only if it makes the same texts. It is released, tried and rolled
back as models are, under a name that no task has.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from biosignal.errors import RefusedForSafety
from biosignal.model.manifest import NAME, SHA256, VERSION
from biosignal.wording.in_force import Approved, Phrasing
from biosignal.wording.language import LANGUAGE

WORDS = "words"
"""The name of these bundles, where a model's bundle has the name of its task."""
FORMAT = 1
MIB = 1 << 20
NEEDED: Mapping[str, int] = {"manifest.json": MIB, "phrasings.json": MIB, "golden.json": 16 * MIB, "card.md": MIB}
OPTIONAL: Mapping[str, int] = {"adapter.gguf": 32 * MIB, "figures.json": MIB}
LIMITS: Mapping[str, int] = {**NEEDED, **OPTIONAL}
GGUF = b"GGUF"
PHRASINGS_MOST, GOLDEN_MOST = 4096, 4096
_KEYS = {"format", "name", "version", "language", "parent", "files", "licence"}


class WordsRefused(RefusedForSafety):
    """A bundle of words is not what its manifest says, or holds what no bundle of words may."""

    remedy = "the words in use stay; make the bundle again at the clinic"


@dataclass(frozen=True, kw_only=True, slots=True)
class WordsManifest:
    """`manifest.json` as a value; `parent` is the bundle that was released before, empty for the first."""

    version: str
    parent: str
    files: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """Write it; the same manifest gives the same bytes."""
        whole = {
            "format": FORMAT,
            "name": WORDS,
            "version": self.version,
            "language": LANGUAGE,
            "parent": self.parent,
            "files": dict(self.files),
            "licence": "Apache-2.0",
        }
        return (json.dumps(whole, indent=1, sort_keys=True) + "\n").encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Golden:
    """A finding, as JSON values, and the text that these words make of it."""

    finding: Mapping[str, Any]
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class WordsBundle:
    """A bundle that `open_words` let through."""

    manifest: WordsManifest
    files: Mapping[str, bytes]
    phrasings: tuple[Phrasing, ...]
    golden: tuple[Golden, ...]

    @property
    def version(self) -> str:
        """Its version, three numbers."""
        return self.manifest.version

    @property
    def identity(self) -> str:
        """``words/version``."""
        return f"{WORDS}/{self.version}"

    @property
    def digest(self) -> str:
        """sha256 of the manifest, and through its hashes of everything."""
        return hashlib.sha256(self.files["manifest.json"]).hexdigest()

    @property
    def card(self) -> str:
        """What it changes, Markdown."""
        return self.files["card.md"].decode("utf-8", "replace")

    @property
    def adapter(self) -> bytes | None:
        """The adapter of the language model, where it brings one; its hash was checked with the others."""
        return self.files.get("adapter.gguf")

    @property
    def figures(self) -> Mapping[str, Any] | None:
        """What the adapter's texts were found to be worth, where that is said."""
        return _read(self.files["figures.json"], "figures.json") if "figures.json" in self.files else None

    @property
    def approved(self) -> Approved:
        """What is put in force; every text names it."""
        return Approved(name=f"{self.identity}/{self.digest[:12]}", phrasings=self.phrasings)


def open_words(files: Mapping[str, bytes]) -> WordsBundle:
    """Check a bundle's files and give them as a bundle.

    Whether its phrasings may be said is another question: `biosignal.rehearsal` asks it, where the tasks are known.

    Parameters
    ----------
    files : name without a folder -> content.

    Raises
    ------
    WordsRefused : a file is missing, unknown, too large or not the one that was hashed, or it is no such bundle.
    """
    if missing := sorted(set(NEEDED) - set(files)):
        raise WordsRefused("the bundle lacks files", missing=missing)
    if unknown := sorted(set(files) - set(LIMITS)):
        raise WordsRefused("the bundle brings files nobody knows", unknown=unknown[:8])
    for name, content in files.items():
        if len(content) > LIMITS[name]:
            raise WordsRefused("a file is too large", file=name, size_bytes=len(content), limit_bytes=LIMITS[name])
    manifest = _manifest(files["manifest.json"])
    _check_hashes(manifest, files)
    if not files.get("adapter.gguf", GGUF).startswith(GGUF):
        raise WordsRefused("the adapter is no GGUF file")
    if "figures.json" in files and not isinstance(_read(files["figures.json"], "figures.json"), dict):
        raise WordsRefused("the figures of an adapter are an object")
    return WordsBundle(manifest, dict(files), _phrasings(files["phrasings.json"]), _golden(files["golden.json"]))


def seal_words(
    *,
    version: str,
    parent: str,
    phrasings: Iterable[Phrasing],
    golden: Iterable[Golden],
    card: str,
    adapter: bytes | None = None,
    figures: Mapping[str, Any] | None = None,
) -> dict[str, bytes]:
    """Make a bundle's files; `open_words` still checks the result."""
    rows = sorted((one.task, one.kind, one.part, index, one.pattern) for index, one in enumerate(phrasings))
    listed = [{"task": task, "kind": kind, "part": part, "pattern": text} for task, kind, part, _, text in rows]
    files = {
        "phrasings.json": _written({"phrasings": listed}),
        "golden.json": _written({"golden": [{"finding": dict(one.finding), "text": one.text} for one in golden]}),
        "card.md": card.encode(),
        **({} if adapter is None else {"adapter.gguf": adapter}),
        **({} if figures is None else {"figures.json": _written(figures)}),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return {**files, "manifest.json": WordsManifest(version=version, parent=parent, files=hashes).to_bytes()}


def _written(value: object) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def _manifest(raw: bytes) -> WordsManifest:
    whole = _object(_read(raw, "manifest.json"), _KEYS, "manifest")
    if (whole["format"], whole["name"], whole["language"]) != (FORMAT, WORDS, LANGUAGE):
        raise WordsRefused(
            "the bundle is of another format, name or language",
            format=whole["format"],
            name=whole["name"],
            language=whole["language"],
        )
    if not isinstance(whole["version"], str) or not VERSION.fullmatch(whole["version"]):
        raise WordsRefused("a version is three numbers", version=str(whole["version"])[:40])
    if not isinstance(whole["parent"], str) or not isinstance(whole["licence"], str):
        raise WordsRefused("parent and licence are texts")
    return WordsManifest(version=whole["version"], parent=whole["parent"], files=_hashes(whole["files"]))


def _hashes(files: Any) -> dict[str, str]:
    if not isinstance(files, dict) or not all(
        isinstance(value, str) and SHA256.fullmatch(value) for value in files.values()
    ):
        raise WordsRefused("the manifest has no hash for each file")
    return files


def _check_hashes(manifest: WordsManifest, files: Mapping[str, bytes]) -> None:
    if set(manifest.files) != set(files) - {"manifest.json"}:
        raise WordsRefused(
            "the manifest lists other files than the bundle holds",
            listed=sorted(manifest.files)[:8],
            held=sorted(files),
        )
    for name, wanted in manifest.files.items():
        if hashlib.sha256(files[name]).hexdigest() != wanted:
            raise WordsRefused("a file is not the one the manifest hashed", file=name)


def _phrasings(raw: bytes) -> tuple[Phrasing, ...]:
    rows = _rows(raw, "phrasings", PHRASINGS_MOST)
    return tuple(_phrasing(_object(row, {"task", "kind", "part", "pattern"}, "phrasing")) for row in rows)


def _phrasing(row: Mapping[str, Any]) -> Phrasing:
    if not all(isinstance(value, str) and value for value in row.values()):
        raise WordsRefused("a phrasing is made of texts", kind=str(row["kind"])[:80])
    if not NAME.fullmatch(row["task"]) or not NAME.fullmatch(row["kind"]):
        raise WordsRefused("a phrasing names no task or no kind", task=row["task"][:80], kind=row["kind"][:80])
    return Phrasing(task=row["task"], kind=row["kind"], part=row["part"], pattern=row["pattern"])


def _golden(raw: bytes) -> tuple[Golden, ...]:
    rows = [_object(row, {"finding", "text"}, "golden") for row in _rows(raw, "golden", GOLDEN_MOST)]
    if not all(isinstance(row["finding"], dict) and isinstance(row["text"], str) for row in rows):
        raise WordsRefused("a golden finding is a finding and its text")
    return tuple(Golden(finding=row["finding"], text=row["text"]) for row in rows)


def _rows(raw: bytes, name: str, most: int) -> list[Any]:
    rows = _object(_read(raw, f"{name}.json"), {name}, name)[name]
    if not isinstance(rows, list) or len(rows) > most:
        raise WordsRefused("a file has no list, or too long a one", file=f"{name}.json", limit=most)
    return rows


def _read(raw: bytes, name: str) -> Any:
    try:
        return json.loads(raw.decode("utf-8"), object_pairs_hook=_no_twins, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WordsRefused("a file is no JSON", file=name, why=str(error)[:200]) from error


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return whole


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _object(value: Any, keys: set[str], where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != keys:
        raise WordsRefused("an object has other keys than it should", at=where, wants=sorted(keys)[:8])
    return value
