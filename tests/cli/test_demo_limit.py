"""How long the circle of `make demo-check` may take can be set."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def circle(*flags):
    command = [sys.executable, "-m", "demo", "check", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_a_circle_that_takes_longer_than_the_limit_fails_and_names_the_way_to_give_it_more():
    done = circle("--limit", "1")
    assert done.returncode == 1
    assert "the circle took longer than 1 s" in done.stderr
    assert done.stderr.splitlines()[-1] == "Try: on a slow machine give it more: make demo-check DEMO_CHECK='--limit 2'"


@pytest.mark.parametrize("limit", ["0", "-3", "nan", "soon"])
def test_what_is_no_limit_is_refused(limit):
    done = circle("--limit", limit)
    assert done.returncode == 2
    assert "--limit" in done.stderr
