"""The figures of texts as a table in Markdown, a column a writer."""

from collections.abc import Mapping
from typing import Any

OVERLAP = (
    "BLEU and ROUGE-L count words shared with one reference: a wrong digit, a lead of another patient or a dropped"
    ' "no" costs them one word of sixty, and a true sentence in other vetted words costs all of it.'
)
SPARED = "Free texts were asked for behind the locked one and spared reading the prompt: their seconds are too few."
_PERCENT = (
    ("faithful: the whole text is of the finding's language", "faithful"),
    ("supported: no unsupported claim was found", "supported"),
    ("complete: every fact is said", "complete"),
    ("no harder to read than the template", "no_harder_than_template"),
    ("words on the nurse's list", "plain_words"),
    ("other than the template", "other_than_template"),
)
_PLAIN = (
    ("Flesch-Kincaid grade", "grade"),
    ("distinct pairs of words", "distinct_pairs"),
    ("BLEU", "bleu"),
    ("ROUGE-L", "rouge_l"),
)
_COST = (
    ("median s of the processor", "median_cpu_s"),
    ("most s of the processor", "most_cpu_s"),
    ("median s that passed", "median_s"),
    ("tokens a s of the processor", "tokens_per_cpu_s"),
)


def word_lines(figures: Mapping[str, Any]) -> list[str]:
    """Write the table, the machine and what it was measured on above it."""
    writers = figures["writers"]
    rows = [["", *writers], ["---"] * (len(writers) + 1)]
    rows += [[label, *(f"{100 * one[name]:.1f} %" for one in writers.values())] for label, name in _PERCENT]
    rows += [[label, *(f"{one[name]:g}" for one in writers.values())] for label, name in _PLAIN]
    rows += [[label, *(f"{one['cost'].get(name, 0.0):g}" for one in writers.values())] for label, name in _COST]
    rows.append(["unsupported claims", *(_counted(one["unsupported_claims"]) for one in writers.values())])
    rows.append(["by adapter, model, template", *(_rungs(one["rungs"]) for one in writers.values())])
    rows.append(["by a model within 8 s of the processor", *(_soon(one["cost"]) for one in writers.values())])
    return [*_head(figures), "", *("| " + " | ".join(row) + " |" for row in rows), "", OVERLAP, SPARED]


def _head(figures: Mapping[str, Any]) -> list[str]:
    machine, memory, done = figures["machine"], figures["memory_mb"], figures["findings"]
    adapter = f", adapter {figures['adapter']['sha256'][:12]}" if figures["adapter"] else ""
    tuned = f", {memory['tuned']:.0f} MB with the adapter" if memory["tuned"] else ""
    cores = f"{machine['processor']}, one thread of {machine['cores']} cores, load {machine['load'][0]:g}"
    return [
        f"{done['done']} held-out findings of {len(done['of'])} tasks; {figures['model']['name']}{adapter}.",
        f"{cores}; llama-cpp-python {machine['llama_cpp']}; at most {memory['base']:.0f} MB{tuned}.",
    ]


def _counted(claims: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(claims.items())) or "0"


def _rungs(rungs: Mapping[str, int]) -> str:
    return ", ".join(str(count) for count in rungs.values())


def _soon(cost: Mapping[str, Any]) -> str:
    return f"{100 * cost['by_model_within_8_cpu_s']:.1f} %" if cost else "at once"
