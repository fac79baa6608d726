"""What texts are worth: every writer on the same held-out findings, scored for truth first and for style after it."""

import importlib.metadata
import json
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from statistics import mean, median
from typing import Any

from biosignal.wording.claims import missing, unsupported
from biosignal.wording.language import first_text, is_member
from biosignal.wording.reading import grade, stem, words_of
from export.llm.child import MEMORY_MB
from export.llm.corpus import Corpus, read_corpus
from export.llm.model_file import file_sha256
from export.llm.overlap import bleu, distinct_pairs, rouge_l
from export.llm.pair import NoCorpus, Pair, Part
from export.llm.writers import Desk, Rung, Writer, Written

FINDINGS, QUICK = 1000, 20
SOON_S = 8.0
SHOWN = 3
"""Examples of unsupported texts of each writer that are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What to evaluate; `minutes` ends it early, after a whole finding."""

    corpus: Path
    model: Path
    adapter: Path | None = None
    findings: int = FINDINGS
    minutes: float | None = None
    seed: int = 0
    memory_mb: int = MEMORY_MB


Texts = Mapping[Writer, Written]


def evaluate_words(asked: Asked) -> dict[str, Any]:
    """Let every writer write about held-out findings, and score each text; progress goes to stderr.

    Raises
    ------
    NoCorpus : the corpus cannot be read, or holds nothing out.
    BadInput : the model or its adapter cannot be used.
    """
    corpus = read_corpus(asked.corpus)
    pairs = chosen(corpus, asked.findings)
    adapter_sha256 = "" if asked.adapter is None else file_sha256(asked.adapter)
    with closing(Desk(asked.model, asked.adapter, adapter_sha256, memory_mb=asked.memory_mb)) as desk:
        texts = _written(desk, pairs, asked)
        memory = {"base": desk.base.peak_mb(), "tuned": None if desk.tuned is None else desk.tuned.peak_mb()}
    done = pairs[: len(texts)]
    return {
        "machine": _machine(),
        "model": {"name": asked.model.name, "sha256": file_sha256(asked.model)},
        "adapter": None if asked.adapter is None else {"name": asked.adapter.name, "sha256": adapter_sha256},
        "corpus": {name: corpus.manifest[name] for name in ("seed", "knowledge", "sha256")},
        "findings": {"wanted": asked.findings, "done": len(done), "of": dict(Counter(p.finding.task for p in done))},
        "memory_mb": memory,
        "writers": {writer.value: scores(done, [one[writer] for one in texts]) for writer in texts[0]},
    }


def chosen(corpus: Corpus, count: int) -> list[Pair]:
    """Take held-out pairs, evenly over all kinds, in an order of which every beginning is spread as well.

    Raises
    ------
    NoCorpus : nothing is held out.
    """
    held = corpus.of(Part.HELD)
    if not held:
        raise NoCorpus("the corpus holds nothing out")
    by_kind: dict[str, list[Pair]] = {}
    for pair in held:
        by_kind.setdefault(pair.finding.kind, []).append(pair)
    turns = [(number, kind, pair) for kind, pairs in by_kind.items() for number, pair in enumerate(pairs)]
    return [pair for _, _, pair in sorted(turns, key=lambda one: one[0])][:count]


def scores(pairs: Sequence[Pair], written: Sequence[Written]) -> dict[str, Any]:
    """Score the texts of one writer about the findings of `pairs`."""
    texts = [one.text for one in written]
    claims = [unsupported(text, pair.finding) for text, pair in zip(texts, pairs, strict=True)]
    lacking = [missing(text, pair.finding) for text, pair in zip(texts, pairs, strict=True)]
    templates = [first_text(pair.finding) for pair in pairs]
    references = [pair.text for pair in pairs]
    return {
        "texts": len(texts),
        "faithful": _share(is_member(text, pair.finding) for text, pair in zip(texts, pairs, strict=True)),
        "supported": _share(not one for one in claims),
        "unsupported_claims": dict(Counter(claim.kind for one in claims for claim in one)),
        "complete": _share(not one for one in lacking),
        "grade": round(mean(map(grade, texts)), 2),
        "no_harder_than_template": _share(
            grade(text) <= grade(template) for text, template in zip(texts, templates, strict=True)
        ),
        "plain_words": round(mean(map(plain_share, texts)), 4),
        "other_than_template": _share(text != template for text, template in zip(texts, templates, strict=True)),
        "distinct_pairs": round(distinct_pairs(texts), 4),
        "bleu": round(bleu(texts, references), 4),
        "rouge_l": round(rouge_l(texts, references), 4),
        "cost": _cost(written),
        "rungs": {rung.value: sum(one.by is rung for one in written) for rung in Rung},
        "refused": sum(one.refused for one in written),
        "examples": [
            {"kind": pair.finding.kind, "text": text, "unsupported": [" ".join(claim) for claim in one]}
            for text, pair, one in zip(texts, pairs, claims, strict=True)
            if one
        ][:SHOWN],
    }


def plain_share(text: str) -> float:
    """Give the share of the words of a text that every nurse reads without stopping, by our list."""
    words, plain = words_of(text), _plain_words()
    return sum(word in plain or stem(word) in plain for word in words) / len(words) if words else 1.0


@cache
def _plain_words() -> frozenset[str]:
    text = files("export.llm").joinpath("plain_words.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def _written(desk: Desk, pairs: Sequence[Pair], asked: Asked) -> list[Texts]:
    end_s = float("inf") if asked.minutes is None else time.monotonic() + 60.0 * asked.minutes
    texts: list[Texts] = []
    for number, pair in enumerate(pairs, 1):
        texts.append(desk.texts(pair.finding, asked.seed + number))
        print(f"{number} of {len(pairs)}: {pair.finding.kind}", file=sys.stderr, flush=True)
        if time.monotonic() > end_s:
            break
    return texts


def _cost(written: Sequence[Written]) -> dict[str, Any]:
    tokens, cpu_s = sum(one.tokens for one in written), sum(one.cpu_s for one in written)
    if not tokens:
        return {}
    return {
        "median_s": round(median(one.seconds for one in written), 2),
        "median_cpu_s": round(median(one.cpu_s for one in written), 2),
        "most_cpu_s": round(max(one.cpu_s for one in written), 2),
        "within_8_s": _share(one.seconds <= SOON_S for one in written),
        "within_8_cpu_s": _share(one.cpu_s <= SOON_S for one in written),
        "by_model_within_8_cpu_s": _share(one.cpu_s <= SOON_S and one.by is not Rung.TEMPLATE for one in written),
        "tokens": tokens,
        "tokens_per_cpu_s": round(tokens / cpu_s, 1),
    }


def _share(those: Any) -> float:
    listed = [bool(one) for one in those]
    return round(sum(listed) / len(listed), 4) if listed else 0.0


def _machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return {
        "processor": next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
        ),
        "cores": os.cpu_count(),
        "threads": 1,
        "load": [round(one, 2) for one in os.getloadavg()],
        "python": platform.python_version(),
        "llama_cpp": importlib.metadata.version("llama-cpp-python"),
    }


def to_file(figures: Mapping[str, Any], path: Path) -> None:
    """Keep the figures as JSON."""
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
