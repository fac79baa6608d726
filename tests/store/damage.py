"""Kinds of damage to a store's file, by name, and where each of its events lies."""

import os
import random
from pathlib import Path

from edge_agent.store.event_rows import PAGE_BYTES


def header(path: Path, _rng: random.Random) -> None:
    with path.open("r+b") as file:
        file.write(b"\xff" * 100)


def first_page(path: Path, rng: random.Random) -> None:
    _overwrite(path, 0, rng)


def cut_short(path: Path, rng: random.Random) -> None:
    os.truncate(path, path.stat().st_size * rng.randint(60, 95) // 100)


def no_length(path: Path, _rng: random.Random) -> None:
    os.truncate(path, 0)


def random_pages(path: Path, rng: random.Random) -> None:
    pages = path.stat().st_size // PAGE_BYTES
    for page in rng.sample(range(pages), max(1, pages // 50)):
        _overwrite(path, page, rng)


def zeroed_block(path: Path, rng: random.Random) -> None:
    pages = path.stat().st_size // PAGE_BYTES
    start = rng.randrange(pages)
    with path.open("r+b") as file:
        file.seek(start * PAGE_BYTES)
        file.write(bytes(min(8, pages - start) * PAGE_BYTES))


def flipped_bits(path: Path, rng: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(20):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


KINDS = (header, first_page, cut_short, no_length, random_pages, zeroed_block, flipped_bits)


def _overwrite(path: Path, page: int, rng: random.Random) -> None:
    with path.open("r+b") as file:
        file.seek(page * PAGE_BYTES)
        file.write(rng.randbytes(PAGE_BYTES))
