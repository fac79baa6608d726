"""Clean and damaged streams of every protocol, and what a decoder made of them in one value that compares."""

import itertools

import numpy as np

from edge_agent.sources.decoders import KINDS, make_decoder
from edge_agent.sources.decoders.port import Loss, Samples
from tests.decoders.vectors import samples_for

BOARDS = [name for name in KINDS if name != "text"]
WITH_COUNTER = ["cyton", "cyton-daisy", "olimex", "bitalino", "shimmer3"]


def clean(protocol, count, seed=0, first=0):
    """Frames of `count` samples: (list of bytes, one a frame; samples)."""
    samples = samples_for(protocol, count, seed)
    octets = KINDS[protocol].encode(samples, first=first)
    if protocol == "text":
        return octets.splitlines(keepends=True), samples
    frames = count * (2 if protocol == "cyton-daisy" else 1)
    size = len(octets) // frames
    return [octets[at : at + size] for at in range(0, len(octets), size)], samples


def decoded(decoder, octets, cuts=()):
    """Feed `octets` cut at `cuts`; everything that came out."""
    items = []
    edges = [0, *sorted(cuts), len(octets)]
    for start, end in itertools.pairwise(edges):
        items += decoder.feed(octets[start:end])
    return items + decoder.finish()


def shown(items):
    """Samples as (index, values) joined over neighbours, and losses, comparable with ==."""
    told = []
    for item in items:
        if isinstance(item, Loss):
            told.append(item)
        elif told and isinstance(told[-1], list) and told[-1][0] + told[-1][1].shape[1] == item.start:
            told[-1][1] = np.concatenate([told[-1][1], item.samples], axis=1)
        else:
            told.append([item.start, item.samples])
    return [item if isinstance(item, Loss) else (item[0], item[1].tobytes()) for item in told]


def values_of(items):
    parts = [item.samples for item in items if isinstance(item, Samples)]
    return np.concatenate(parts, axis=1) if parts else np.zeros((0, 0), np.float32)


def losses_of(items):
    return [item for item in items if isinstance(item, Loss)]


def recovered(items, truth):
    """How many columns of `truth` came out somewhere, and how many columns came out that are none of them."""
    rows = {column.tobytes() for column in np.ascontiguousarray(truth.T)}
    values = values_of(items)
    if not values.size:
        return 0, 0
    got = [column.tobytes() for column in np.ascontiguousarray(values[: truth.shape[0]].T)]
    return len(rows & set(got)), sum(column not in rows for column in got)


def fresh(protocol):
    return make_decoder(protocol)
