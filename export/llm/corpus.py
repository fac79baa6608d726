"""The corpus: pairs of every kind of finding of every task, those that train and those that are held out."""

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from biosignal.events import Finding
from biosignal.tasks import TASKS
from biosignal.wording.in_force import spoken
from biosignal.wording.language import LANGUAGE, prompt_of
from export.llm.drawn import ORIGIN, drawn
from export.llm.found import findings_of, records
from export.llm.pair import NoCorpus, Pair, Part
from export.llm.phrasings import HeldPhrasings, held_phrasings, held_text, training_text
from export.llm.written import jsonl, read_pairs, sections
from export.report.served import served

VERSION = 1
MANIFEST = "manifest.json"
TEXTS = {Part.TRAINS: 2, Part.HELD: 1}
"""Texts of each finding."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What a corpus is made of: findings of each kind and part, records of each set and part, minutes of each."""

    data: Path
    seed: int = 0
    of_a_kind: int = 30
    of_a_set: int = 4
    minutes: float = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """Pairs, and what is to be known of them."""

    pairs: tuple[Pair, ...]
    manifest: Mapping[str, Any]

    def of(self, part: Part) -> tuple[Pair, ...]:
        """Give the pairs of a part."""
        return tuple(pair for pair in self.pairs if pair.part is part)


Found = dict[tuple[Part, str], list[tuple[str, Finding]]]
"""By part and kind: where each finding is from, and the finding."""


def corpus(wanted: Wanted) -> Corpus:
    """Run the pipeline over recordings, draw what they lack, and word all of it; progress goes to stderr.

    Raises
    ------
    BadInput : the recordings, or a released bundle, are not there.
    """
    found, played = _found(wanted)
    dice, held = random.Random(wanted.seed), held_phrasings(wanted.seed)
    pairs = [pair for part in Part for pair in pairs_of(part, found, held, dice, wanted.of_a_kind)]
    return Corpus(pairs=tuple(pairs), manifest=_manifest(wanted, pairs, held, played))


def write_corpus(made: Corpus, folder: Path) -> None:
    """Write both forms of either part, and the manifest with the hash of each file."""
    folder.mkdir(parents=True, exist_ok=True)
    digests = {}
    for part in Part:
        for suffix, text in (("jsonl", jsonl(made.of(part))), ("txt", sections(made.of(part)))):
            name = f"{part.value}.{suffix}"
            (folder / name).write_bytes(text.encode())
            digests[name] = sha256(text.encode()).hexdigest()
    manifest = {**made.manifest, "sha256": digests}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def read_corpus(folder: Path) -> Corpus:
    """Read a corpus back, every file held to its hash.

    Raises
    ------
    NoCorpus : it is none, or a file was changed.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        digests = dict(manifest["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoCorpus("the manifest of the corpus cannot be read", folder=str(folder), reason=str(error)) from error
    pairs: list[Pair] = []
    for name in (f"{part.value}.jsonl" for part in Part):
        path = folder / name
        if not path.is_file() or sha256(path.read_bytes()).hexdigest() != digests.get(name):
            raise NoCorpus("a file of the corpus is not as the manifest has it", file=str(path))
        pairs += read_pairs(path)
    return Corpus(pairs=tuple(pairs), manifest=manifest)


def _found(wanted: Wanted) -> tuple[Found, dict[str, list[str]]]:
    models = served().models()
    found: Found = {}
    played: dict[str, list[str]] = {part.value: [] for part in Part}
    for record in records(wanted.data, wanted.seed, of_each=wanted.of_a_set):
        played[record.part.value].append(record.origin)
        for finding in findings_of(record, models, minutes=wanted.minutes):
            found.setdefault((record.part, finding.kind), []).append((record.origin, finding))
    return found, played


def pairs_of(part: Part, found: Found, held: HeldPhrasings, dice: random.Random, count: int) -> Iterator[Pair]:
    """Word `count` findings of every kind: those that were found, drawn ones where there are too few."""
    word = training_text if part is Part.TRAINS else held_text
    for task in TASKS.values():
        for kind in sorted(task.findings):
            for number, (origin, finding) in enumerate(_of_kind(part, task.name, kind, found, dice, count)):
                texts = dict.fromkeys(word(finding, held, dice) for _ in range(TEXTS[part]))
                for index, text in enumerate(texts):
                    yield Pair(
                        id=f"{part.value}/{kind}/{number}/{index}",
                        part=part,
                        origin=origin,
                        finding=finding,
                        prompt=prompt_of(finding),
                        text=text,
                    )


def _of_kind(
    part: Part, task: str, kind: str, found: Found, dice: random.Random, count: int
) -> list[tuple[str, Finding]]:
    """Take findings of a kind that were really made, as many records as can be; draw what is missing."""
    real = found.get((part, kind), [])
    chosen = _spread(real, dice)[:count]
    # Only what the quantities are called is taken from one of the other part; its numbers are drawn anew.
    patterns = [one for _, one in real or found.get((_other(part), kind), [])]
    missing = count - len(chosen)
    like = [dice.choice(patterns) if patterns else None for _ in range(missing)]
    return chosen + [(ORIGIN, drawn(TASKS[task], kind, dice, like=one)) for one in like]


def _spread(found: list[tuple[str, Finding]], dice: random.Random) -> list[tuple[str, Finding]]:
    """Put findings in an order that takes one of each record in turn."""
    shuffled = dice.sample(found, len(found))
    seen: Counter[str] = Counter()
    turns = []
    for origin, finding in shuffled:
        turns.append((seen[origin], origin, finding))
        seen[origin] += 1
    return [(origin, finding) for _, origin, finding in sorted(turns, key=lambda one: one[0])]


def _other(part: Part) -> Part:
    return Part.HELD if part is Part.TRAINS else Part.TRAINS


def _manifest(wanted: Wanted, pairs: list[Pair], held: HeldPhrasings, played: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": VERSION,
        "seed": wanted.seed,
        "language": LANGUAGE,
        "knowledge": spoken().sha256,
        "approved": spoken().approved,
        "made_of": {"of_a_kind": wanted.of_a_kind, "of_a_set": wanted.of_a_set, "minutes": wanted.minutes},
        "records": played,
        "held_out": {"records": played[Part.HELD.value], "phrasings": sorted(held.wordings)},
        "counts": {part.value: _counts([pair for pair in pairs if pair.part is part]) for part in Part},
    }


def _counts(pairs: list[Pair]) -> dict[str, Any]:
    findings = {(pair.finding.id, pair.finding.rev): pair for pair in pairs}.values()
    table: dict[str, dict[str, dict[str, int]]] = {}
    for pair in findings:
        counted = table.setdefault(pair.finding.task, {}).setdefault(pair.finding.kind, {"found": 0, "drawn": 0})
        counted["drawn" if pair.origin == ORIGIN else "found"] += 1
    return {"pairs": len(pairs), "findings": len(findings), "of": table}


def corpus_lines(manifest: Mapping[str, Any]) -> list[str]:
    """Say in lines how many findings of each kind there are."""
    lines = []
    for part, counted in manifest["counts"].items():
        lines.append(f"{part}: {counted['pairs']} pairs of {counted['findings']} findings")
        for task, kinds in counted["of"].items():
            said = ", ".join(f"{kind} {one['found']} + {one['drawn']}" for kind, one in kinds.items())
            lines.append(f"  {task} (found + drawn): {said}")
    return lines
