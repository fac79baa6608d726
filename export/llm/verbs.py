"""``python -m export llm``: a corpus of words, an adapter tuned by it, and what its texts are worth."""

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from biosignal.errors import BadInput
from export.llm.adapter import write_adapter
from export.llm.approved import speak_approved
from export.llm.child import MEMORY_MB
from export.llm.corpus import Wanted, corpus, corpus_lines, write_corpus
from export.llm.evaluate import FINDINGS, QUICK, Asked, evaluate_words, to_file
from export.llm.lines import word_lines
from export.llm.tune import QUICK_STEPS, Tuning, tune

if TYPE_CHECKING:
    Verbs = argparse._SubParsersAction[argparse.ArgumentParser]

LLM = "llm"
_WANTED, _TUNING = Wanted(data=Path()), Tuning()
"""Of which the defaults are shown."""


def add_llm(verbs: "Verbs") -> None:
    """Describe the verbs and their arguments."""
    whole = verbs.add_parser(LLM, help="words of a language model: corpus, tune, adapter, evaluate")
    steps = whole.add_subparsers(dest="step", required=True)
    made = steps.add_parser("corpus", help="pairs of evidence and explanation of every kind of finding")
    made.add_argument("--data", type=Path, help="folder that holds the sets; default EDGE_DATA_DIR")
    made.add_argument("--out", type=Path, required=True, help="folder to write the corpus to")
    _words(made)
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--of-a-kind", type=int, default=_WANTED.of_a_kind, metavar="N", help="findings of each kind")
    made.add_argument("--of-a-set", type=int, default=_WANTED.of_a_set, metavar="N", help="records of each set")
    made.add_argument("--minutes", type=float, default=_WANTED.minutes, help="of each record")
    taught = steps.add_parser("tune", help="train an adapter by low-rank adaptation (needs bedside[tune])")
    _model(taught)
    taught.add_argument("--corpus", type=Path, required=True, help="folder of a corpus")
    taught.add_argument("--out", type=Path, required=True, help="folder to write to")
    taught.add_argument("--seed", type=int, default=_TUNING.seed)
    taught.add_argument("--steps", type=int, default=_TUNING.steps)
    taught.add_argument("--minutes", type=float, help="end after so many, with the steps that were done")
    taught.add_argument("--rate", type=float, default=_TUNING.rate, help="of learning, at its most")
    taught.add_argument("--precision", choices=("bfloat16", "float32"), default=_TUNING.precision)
    taught.add_argument("--quick", action="store_true", help=f"{QUICK_STEPS} steps")
    written = steps.add_parser("adapter", help="write a tuned adapter as the GGUF file that llama.cpp loads")
    _model(written)
    written.add_argument("--tuned", type=Path, required=True, help="folder that `tune` wrote")
    written.add_argument("--out", type=Path, required=True, metavar="GGUF")
    scored = steps.add_parser("evaluate", help="every writer side by side on held-out findings")
    _model(scored)
    scored.add_argument("--corpus", type=Path, required=True, help="folder of a corpus")
    _words(scored)
    scored.add_argument("--adapter", type=Path, metavar="GGUF")
    scored.add_argument("--findings", type=int, default=FINDINGS, metavar="N")
    scored.add_argument("--quick", action="store_true", help=f"{QUICK} findings")
    scored.add_argument("--minutes", type=float, help="end after so many, with what was done until then")
    scored.add_argument("--memory-mb", type=int, default=MEMORY_MB, help="address space of a process")
    scored.add_argument("--json", type=Path, metavar="FILE", help="keep all figures there")


def run_llm(chosen: argparse.Namespace) -> int:
    """Run one of the verbs; give the exit code."""
    return {"corpus": _corpus, "tune": _tune, "adapter": _adapter, "evaluate": _evaluate}[chosen.step](chosen)


def _model(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--model", type=Path, required=True, metavar="GGUF", help="file of the model")


def _words(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--words", type=Path, metavar="BUNDLE", help="a clinic's approved words, to speak as well")


def _corpus(chosen: argparse.Namespace) -> int:
    data = chosen.data or os.environ.get("EDGE_DATA_DIR")
    if data is None:
        raise BadInput("a corpus is made of recordings", remedy="give their folder by --data or EDGE_DATA_DIR")
    wanted = Wanted(
        data=Path(data),
        seed=chosen.seed,
        of_a_kind=chosen.of_a_kind,
        of_a_set=chosen.of_a_set,
        minutes=chosen.minutes,
    )
    speak_approved(chosen.words)
    made = corpus(wanted)
    write_corpus(made, chosen.out)
    print("\n".join(corpus_lines(made.manifest)))
    return 0


def _tune(chosen: argparse.Namespace) -> int:
    tuning = Tuning(
        seed=chosen.seed,
        steps=QUICK_STEPS if chosen.quick else chosen.steps,
        minutes=chosen.minutes,
        rate=chosen.rate,
        precision=chosen.precision,
    )
    print(json.dumps(tune(chosen.model, chosen.corpus, chosen.out, tuning), indent=1))
    return 0


def _adapter(chosen: argparse.Namespace) -> int:
    print(json.dumps(write_adapter(chosen.tuned, chosen.model, chosen.out), indent=1))
    return 0


def _evaluate(chosen: argparse.Namespace) -> int:
    asked = Asked(
        corpus=chosen.corpus,
        model=chosen.model,
        adapter=chosen.adapter,
        findings=QUICK if chosen.quick else chosen.findings,
        minutes=chosen.minutes,
        memory_mb=chosen.memory_mb,
    )
    speak_approved(chosen.words)
    figures = evaluate_words(asked)
    if chosen.json is not None:
        to_file(figures, chosen.json)
    print("\n".join(word_lines(figures)))
    return 0
