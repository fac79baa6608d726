"""The card of a bundle of the waves."""

from collections.abc import Mapping
from typing import Any

CARD = """# ecg-waves {version}

Research software, not a medical device. It says of each sample of an ECG lead at 250 Hz whether it lies in a P wave, a
QRS complex, a T wave or none. {parameters:,} parameters; it sees the last two seconds of one lead and answers about
each sample 264 ms later, in steps of 96 ms. Answers of several leads are joined by the task, each by how little muscle
noise is in it.

## What trained it

Seed {seed}, {steps:,} steps of {crops} windows. {leads:,} leads of

| set | records | what was known |
|---|---|---|
{sets}

Windows were stretched, turned over, put into wander, hum and muscle noise (`bw`, `ma` of nstdb but their last 100 s),
cut short; in a fifth of them every P wave was taken out and, mostly, waves of 4 to 9 Hz were put in. Records of qtdb
named by three digits are excerpts of sets that only test and trained nothing.

All records named above trained it, so no figure of it on them says how good it is: what `crossvalidate` gives, whole
records kept out, does.

## Figures and limits

[docs/accuracy.md](../../../docs/accuracy.md#bounds-of-the-waves) has them, with the commands. Adults at rest (ludb) and
Holter excerpts (qtdb); two readers, who differ by as much as the figures. Flutter waves, U waves and P waves inside T
waves are not told apart. No pacing spikes trained it.
"""
KNOWN = {
    "ludb": "bounds of P, QRS and T in each of twelve leads, by cardiologists",
    "qtdb": "bounds of P, QRS and T, by a cardiologist, first lead",
    "ptbxl": "atrial fibrillation: that there is no P wave, in I, II, V1 and V5",
}


def card_of(version: str, training: Mapping[str, Any]) -> str:
    """Write the card."""
    rows = [f"| `{group}` | {len(names)} | {KNOWN[group]} |" for group, names in training["records"].items()]
    return CARD.format(
        version=version,
        parameters=training["parameters"],
        seed=training["seed"],
        steps=training["recipe"]["steps"],
        crops=training["recipe"]["crops"],
        leads=training["leads"],
        sets="\n".join(rows),
    )
